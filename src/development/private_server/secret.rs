//! The passwords of the private server: all derived from one random secret in a file that only its owner reads.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::error::Error;

/// The block size of SHA-256, so that the secret is the HMAC key as it stands.
const LENGTH: usize = 64;

/// The secret from which every role's password follows; a role that exists tomorrow has its password already.
#[derive(Clone)]
pub(super) struct Secret([u8; LENGTH]);

impl Secret {
    /// Reads the secret, or makes one if there are no data yet that depend on an older one.
    ///
    /// # Errors
    /// [`Error::SecretLost`] if data exist and the file is missing or damaged; [`Error::Io`].
    pub fn open(file: &Path, data_exist: bool) -> Result<Self, Error> {
        match fs::read_to_string(file) {
            Ok(text) => {
                fs::set_permissions(file, Permissions::from_mode(0o600))
                    .map_err(Error::io("protecting", file))?;
                match decode(&text) {
                    Some(secret) => Ok(secret),
                    None if data_exist => Err(Error::SecretLost { file: file.to_path_buf() }),
                    None => Self::create(file),
                }
            }
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {
                if data_exist {
                    return Err(Error::SecretLost { file: file.to_path_buf() });
                }
                Self::create(file)
            }
            Err(other) => Err(Error::io("reading", file)(other)),
        }
    }

    /// The password of a role, in characters that need no escaping in a URL or in SQL.
    pub fn password(&self, role: &str) -> String {
        let mac = Hmac::<Sha256>::new((&self.0).into()).chain_update(role);
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    }

    fn create(file: &Path) -> Result<Self, Error> {
        let secret = Self(rand::random());
        write_private(file, &URL_SAFE_NO_PAD.encode(secret.0))
            .map_err(Error::io("writing", file))?;
        Ok(secret)
    }
}

fn decode(text: &str) -> Option<Secret> {
    let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
    bytes.try_into().ok().map(Secret)
}

/// Writes a new file with mode 0600, replacing what stood there, and waits for the disk.
pub(super) fn write_private(file: &Path, text: &str) -> std::io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut new: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(new, "{text}")?;
    new.sync_all()
}
