//! The commands of the owner of the database: `migrate`, `user create`, `login-role`.

use std::io::Read;

use sqlx::postgres::PgConnectOptions;

use super::{NewUser, Outcome};
use crate::config::Config;
use crate::db::migrate as migrations;
use crate::db::service_role::SERVICE_ROLE;
use crate::development;
use crate::development::private_server::PrivateServer;
use crate::owner::enrolment::{self, NewAccount};
use crate::owner::{Owner, scram};

/// Whoever has this password reaches the database: nothing a person would remember.
const SERVICE_PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=256;

/// The database of the configuration, or the private one, which then runs for as long as this.
struct Target {
    login: PgConnectOptions,
    server: Option<PrivateServer>,
}

impl Target {
    async fn of(config: &Config) -> Result<Self, Box<dyn std::error::Error>> {
        if let Some(login) = config.owner_login()? {
            return Ok(Self { login, server: None });
        }
        let dir = &config.blockyard_dir;
        if !dir.exists() {
            return Err(format!(
                "which database? Set MIGRATE_DATABASE_URL to the owner's login; \
                 without it this is about the private database in {}, which does not exist yet \
                 (`blockyard serve` makes it)",
                dir.display()
            )
            .into());
        }
        eprintln!(
            "MIGRATE_DATABASE_URL and DATABASE_URL are not set: this is about the private database in {}.",
            dir.display()
        );
        let (server, login) = development::server_for_owner(dir).await?;
        Ok(Self { login, server: Some(server) })
    }

    /// Ends the private server, whatever came out.
    async fn release(self, outcome: Outcome) -> Outcome {
        if let Some(server) = self.server {
            server.stop().await?;
        }
        outcome
    }
}

pub(super) async fn migrate(config: &Config) -> Outcome {
    let target = Target::of(config).await?;
    let outcome = match migrations::migrate(&target.login).await {
        Ok(done) => {
            println!(
                "The database is at migration {} ({} applied now, {} partitions of the audit trail made).",
                done.version, done.applied, done.partitions
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    };
    target.release(outcome).await
}

pub(super) async fn create_user(config: &Config, user: &NewUser) -> Outcome {
    let password = password()?;
    let target = Target::of(config).await?;
    let outcome = add(&target.login, user, &password).await;
    target.release(outcome).await
}

async fn add(login: &PgConnectOptions, user: &NewUser, password: &str) -> Outcome {
    let mut owner = Owner::connect(login).await?;
    if user.if_no_admin && owner.has_admin().await? {
        eprintln!("There is an administrator already: nothing was done.");
        owner.close().await;
        return Ok(());
    }
    let account = NewAccount {
        user_id: user.id,
        username: &user.username,
        email: &user.email,
        role: user.role.name(),
    };
    let id = enrolment::enrol(&mut owner, account, password).await?;
    owner.close().await;
    println!("{id}");
    Ok(())
}

pub(super) async fn login_role(config: &Config) -> Outcome {
    let password = password()?;
    if !SERVICE_PASSWORD_CHARACTERS.contains(&password.len())
        || !password.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(format!(
            "the password must have {} to {} characters, from ! to ~: `openssl rand -hex 24` makes one",
            SERVICE_PASSWORD_CHARACTERS.start(),
            SERVICE_PASSWORD_CHARACTERS.end()
        )
        .into());
    }
    let target = Target::of(config).await?;
    let outcome = async {
        let mut owner = Owner::connect(&target.login).await?;
        owner.let_service_in(&scram::verifier(&password)).await?;
        owner.close().await;
        println!(
            "{SERVICE_ROLE} may log in now. For the service:\n  DATABASE_URL={}",
            service_url(&target.login)
        );
        if !password.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
            println!(
                "The password has characters that mean something else in a URL: \
                 write those percent-encoded (%2F for /, %40 for @, %25 for %)."
            );
        }
        Ok(())
    }
    .await;
    target.release(outcome).await
}

/// The owner's address with the service's role in it. The password is left for the reader to
/// fill in: it must not stand in a terminal or a build log.
fn service_url(owner: &PgConnectOptions) -> String {
    // Supabase's pooler knows roles as <role>.<project ref>.
    let project = owner.get_username().split_once('.');
    let suffix = project.map(|(_, project)| format!(".{project}"));
    format!(
        "postgres://{SERVICE_ROLE}{}:<password>@{}:{}/{}",
        suffix.unwrap_or_default(),
        owner.get_host(),
        owner.get_port(),
        owner.get_database().unwrap_or_default()
    )
}

/// The first line of standard input.
fn password() -> Result<String, Box<dyn std::error::Error>> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|error| format!("the password cannot be read from standard input: {error}"))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => {
            Err("there is no password on standard input: printf %s \"$PASSWORD\" | blockyard …"
                .into())
        }
    }
}
