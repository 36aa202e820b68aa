//! A real PostgreSQL that speaks TLS under an authority of our own: who is connected to, and who is not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use blockyard::development::private_server::{DefaultGrants, Durability, PrivateServer};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use sqlx::{Executor, PgConnection};
use tempfile::TempDir;
use url::Url;

use super::support::{Database, connect};
use super::{Outcome, Program};

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A private server, which speaks TLS once it is certified.
struct Server {
    postgres: PrivateServer,
    folder: TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let postgres = PrivateServer::start(folder.path(), Durability::Relaxed).await.unwrap();
        let explicit = DefaultGrants::Explicit;
        postgres.create_database("app", explicit).await.unwrap();
        Self { postgres, folder }
    }

    /// Shows a certificate for `host` from now on.
    async fn certify(&self, authority: &Authority, host: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        let data = self.folder.path().join("data");
        write(&data, "server.crt", &certificate.pem());
        write(&data, "server.key", &key.serialize_pem());
        let superuser = self.postgres.superuser("app");
        let mut connection = connect(&superuser).await;
        let loaded = load_time(&mut connection).await;
        connection.execute("alter system set ssl = on").await.unwrap();
        connection.execute("select pg_reload_conf()").await.unwrap();
        // A new connection knows what the server knew when it was accepted.
        while load_time(&mut connect(&superuser).await).await == loaded {}
    }

    /// `blockyard migrate` as somebody who wants to know whom they talk to.
    fn migrate(&self, host: &str, authority: impl Into<String>) -> Outcome {
        let login = self.postgres.owner("app");
        let mut url = Url::parse(&Database::url(&login)).unwrap();
        url.set_host(Some(host)).unwrap();
        url.set_query(Some("sslmode=verify-full"));
        Program::new()
            .with("MIGRATE_DATABASE_URL", url)
            .with("DATABASE_CA", authority)
            .run(&["migrate"])
    }
}

async fn load_time(connection: &mut PgConnection) -> String {
    sqlx::query_scalar("select pg_conf_load_time()::text").fetch_one(connection).await.unwrap()
}

/// A file that only the account of the server can read.
fn write(data: &Path, name: &str, text: &str) {
    let path: PathBuf = data.join(name);
    let owner = fs::metadata(data).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
}

#[tokio::test]
async fn only_the_server_that_proves_who_it_is_gets_the_password() {
    let server = Server::start().await;
    let (known, unknown) = (authority("known"), authority("unknown"));
    let pem = known.pem();

    let plain = server.migrate("localhost", &pem);
    plain.refuses(&["cannot connect", "localhost", "does not support TLS"]);

    server.certify(&known, "localhost").await;
    server.migrate("localhost", &pem).succeeds();
    let file = server.folder.path().join("ca.pem");
    fs::write(&file, &pem).unwrap();
    let path = file.to_str().unwrap();
    server.migrate("localhost", path).succeeds();
    // As platforms hold it that have nothing but variables of one line.
    let line = pem.replace('\n', "\\n");
    server.migrate("localhost", line).succeeds();

    let words = ["cannot connect", "certificate", "DATABASE_CA"];
    server.migrate("localhost", unknown.pem()).refuses(&words);
    server.migrate("127.0.0.1", &pem).refuses(&words);
    server.certify(&known, "db.example.org").await;
    server.migrate("localhost", &pem).refuses(&words);
    server.certify(&known, "127.0.0.1").await;
    server.migrate("127.0.0.1", &pem).succeeds();
    server.postgres.stop().await.unwrap();
}
