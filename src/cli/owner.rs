//! The commands of the owner of the database: `migrate`, `check`, `user`, `vectors`, `login-role`.

use std::io::Read;

use sqlx::postgres::PgConnectOptions;

use super::{NewUser, Outcome, ProjectRoles};
use crate::config::Config;
use crate::db::login_check::Refusal;
use crate::db::migrate as migrations;
use crate::db::privileges::Difference;
use crate::db::service_role::SERVICE_ROLE;
use crate::development;
use crate::development::private_server::PrivateServer;
use crate::owner::enrolment::{self, NewAccount};
use crate::owner::mending::{Mended, Reach};
use crate::owner::{self, Owner, roles, scram};

/// Whoever has this password reaches the database: nothing a person would remember.
const SERVICE_PASSWORD_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=256;

/// The database of the configuration, or the private one, which then runs for as long as this.
pub(super) struct Target {
    pub login: PgConnectOptions,
    server: Option<PrivateServer>,
}

impl Target {
    pub async fn of(config: &Config) -> Result<Self, Box<dyn std::error::Error>> {
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
    pub async fn release(self, outcome: Outcome) -> Outcome {
        if let Some(server) = self.server {
            server.stop().await?;
        }
        outcome
    }
}

pub(super) async fn migrate(config: &Config, project: &ProjectRoles) -> Outcome {
    let target = Target::of(config).await?;
    let outcome = bring_up_to_date(&target.login, project).await;
    target.release(outcome).await
}

async fn bring_up_to_date(login: &PgConnectOptions, project: &ProjectRoles) -> Outcome {
    make_roles(login, project).await?;
    let done = migrations::migrate(login).await?;
    println!(
        "The database is at migration {} ({} applied now, {} partitions of the audit trail made).",
        done.version, done.applied, done.partitions
    );
    let mut owner = Owner::connect(login).await?;
    let differences = owner.differences(Reach::All).await?.len();
    owner.close().await;
    if differences > 0 {
        eprintln!(
            "warning: {} from what the migrations give, as after a restore: \
             `blockyard check` lists what differs, `blockyard check --mend` puts it right.",
            number_of(differences)
        );
    }
    Ok(())
}

async fn make_roles(login: &PgConnectOptions, project: &ProjectRoles) -> Outcome {
    if project.create_roles {
        for made in roles::create(login).await? {
            println!("Made {made}.");
        }
    }
    Ok(())
}

pub(super) async fn check(config: &Config, mend: bool) -> Outcome {
    let target = Target::of(config).await?;
    let outcome = compare(&target.login, mend).await;
    target.release(outcome).await
}

async fn compare(login: &PgConnectOptions, mend: bool) -> Outcome {
    let mut owner = Owner::connect(login).await?;
    // What this program expects belongs to its own schema.
    owner.check_schema().await?;
    let outcome = if mend {
        let mended = owner.mend(Reach::All).await?;
        tell(&mended);
        finish(&mended)
    } else {
        let differences = owner.differences(Reach::All).await?;
        for difference in &differences {
            println!("{}", told(difference, None));
        }
        match differences.len() {
            0 => Ok(()),
            number => Err(format!(
                "{}; `blockyard check --mend` makes what stands here, as the owner",
                number_of(number)
            )
            .into()),
        }
    };
    owner.close().await;
    if outcome.is_ok() {
        println!(
            "Roles, privileges, row-level security, policies and triggers are as the migrations give them."
        );
    }
    outcome
}

fn number_of(differences: usize) -> String {
    if differences == 1 { "1 difference".to_owned() } else { format!("{differences} differences") }
}

/// A difference and what mends it, or why that did not.
fn told(difference: &Difference, refusal: Option<&str>) -> String {
    let mend = match &difference.mend {
        Some(statement) => format!("{statement};"),
        None => "-- no statement makes it: restore it from the backup".to_owned(),
    };
    let refusal = refusal.map(|said| format!("\n    -- refused: {said}")).unwrap_or_default();
    format!("{}\n    {mend}{refusal}", difference.sentence)
}

fn tell(mended: &Mended) {
    for statement in mended.done.iter().filter_map(|difference| difference.mend.as_ref()) {
        println!("Done: {statement};");
    }
    for (difference, refusal) in &mended.left {
        println!("Left: {}", told(difference, refusal.as_deref()));
    }
}

fn finish(mended: &Mended) -> Outcome {
    match mended.left.len() {
        0 => Ok(()),
        left => Err(format!(
            "{} left; what is left needs another login than this one, or another hand",
            number_of(left)
        )
        .into()),
    }
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

pub(super) async fn index_vectors(config: &Config, model: &str) -> Outcome {
    let target = Target::of(config).await?;
    let outcome = async {
        let mut owner = Owner::connect(&target.login).await?;
        let index = owner.index_vectors(model).await?;
        owner.close().await;
        println!("{index}");
        Ok(())
    }
    .await;
    target.release(outcome).await
}

pub(super) async fn set_password(config: &Config, user: &str) -> Outcome {
    let password = password()?;
    let target = Target::of(config).await?;
    let outcome = async {
        let mut owner = Owner::connect(&target.login).await?;
        let (found, ended) = enrolment::reset_password(&mut owner, user, &password).await?;
        owner.close().await;
        let another = if found.has_password { "another" } else { "a" };
        println!("{} has {another} password now; {ended} sessions ended.", found.username);
        if !found.is_active {
            eprintln!("warning: the account is deactivated; an administrator activates it again.");
        }
        Ok(())
    }
    .await;
    target.release(outcome).await
}

pub(super) async fn login_role(config: &Config, project: &ProjectRoles) -> Outcome {
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
    let outcome = let_service_in(&target.login, project, &password).await;
    target.release(outcome).await
}

/// The role, its rights and its password: after a restore none of them may be there.
async fn let_service_in(
    login: &PgConnectOptions,
    project: &ProjectRoles,
    password: &str,
) -> Outcome {
    make_roles(login, project).await?;
    let mut owner = Owner::connect(login).await?;
    owner.check_project().await?;
    // What another program's migrations have given is not this one's to take away.
    let (reach, note) = match owner.check_schema().await {
        Ok(()) => (Reach::All, None),
        Err(owner::Error::Schema(refusal)) => (Reach::Role, Some(refusal)),
        Err(error) => return Err(error.into()),
    };
    let mended = owner.mend(reach).await?;
    tell(&mended);
    owner.let_service_in(&scram::verifier(password)).await?;
    owner.close().await;
    println!(
        "{SERVICE_ROLE} may log in now. For the service:\n  DATABASE_URL={}",
        service_url(login)
    );
    if !password.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
        println!(
            "The password has characters that mean something else in a URL: \
             write those percent-encoded (%2F for /, %40 for @, %25 for %)."
        );
    }
    match note {
        None => {}
        Some(Refusal::Missing) => println!(
            "There is no Blockyard in this database yet: `blockyard migrate` makes one, or restore one."
        ),
        Some(other) => eprintln!("warning: only the role itself was looked at: {other}"),
    }
    finish(&mended)
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
