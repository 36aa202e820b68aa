//! Secrets that stand in files (`…_FILE`), as Docker, Kubernetes and Vault hand them out.

use std::fs::File;
use std::io::Read;

use super::fault::{Fault, Faults};
use super::setting::Setting;
use super::settings;

const SUFFIX: &str = "_FILE";
/// No secret is longer; a wrong path may lead to anything.
const LONGEST: u64 = 64 * 1024;

/// The secret that a variable is the file of.
pub(super) fn secret_of(variable: &str) -> Option<&'static Setting> {
    let name = variable.strip_suffix(SUFFIX)?;
    settings::find(name).filter(|setting| setting.is_secret)
}

/// Adds what stands in the files that are named.
pub(super) fn read(variables: &mut Vec<(String, String)>) -> Result<(), Faults> {
    let mut contents = Vec::new();
    let mut faults = Vec::new();
    for (variable, path) in &*variables {
        let Some(setting) = secret_of(variable) else { continue };
        if variables.iter().any(|(other, _)| other == setting.name) {
            let what = format!("and {} are both set: keep one of them", setting.name);
            faults.push(Fault::new(variable, what));
            continue;
        }
        match content(variable, path) {
            Ok(text) => contents.push((setting.name.to_owned(), text)),
            Err(fault) => faults.push(fault),
        }
    }
    Faults::none_of(faults)?;
    variables.extend(contents);
    Ok(())
}

/// The text in a file, without the line break that editors and `echo` put at its end.
pub(super) fn content(variable: &str, path: &str) -> Result<String, Fault> {
    let fault = |what: &str| Fault::new(variable, format!("names the file {path}, which {what}"));
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text))
        .map_err(|error| fault(&format!("cannot be read: {error}")))?;
    if text.len() as u64 > LONGEST {
        return Err(fault("is too long for a secret"));
    }
    match text.trim() {
        "" => Err(fault("is empty")),
        text => Ok(text.to_owned()),
    }
}
