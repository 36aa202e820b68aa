//! The command line: what it offers, and where each command is carried out.

mod asking;
mod copying;
mod demo;
mod file;
mod health;
mod impact;
mod import;
mod open_files;
mod owner;
mod psql;
mod serve;

use std::error::Error;
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{Args, Parser, Subcommand, ValueEnum};
use uuid::Uuid;

use crate::config::{Config, description};
use crate::db::migrate;
use crate::document::{Edition, Written};
use crate::{server, telemetry};

/// What a command reports when it fails; the chain of causes is printed.
type Outcome = Result<(), Box<dyn Error>>;

#[derive(Debug, Parser)]
#[command(
    name = "blockyard",
    version = version(),
    about = "A registry of ML blocks, verified edges and pipelines, straight on PostgreSQL",
    long_about = "A registry of ML blocks, verified edges and pipelines, straight on PostgreSQL.\n\n\
                  Without a command it serves. Without DATABASE_URL it serves a private database that it keeps in .blockyard.",
    after_long_help = description::help(),
    term_width = 80,
    after_help = "`--help` lists the environment variables as well."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
}

// From whom, or a copy. (A doc comment would be told as that of the command.)
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true
)]
struct Incoming {
    #[command(subcommand)]
    source: Option<import::Source>,
    #[command(flatten)]
    copy: Option<copying::Import>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve requests (the same as no command)
    Serve,
    /// Bring the schema of the database up to date, as its owner
    Migrate(ProjectRoles),
    /// Compare roles, privileges and row-level security with what the migrations give
    Check {
        /// Put right what differs, as the owner
        #[arg(long)]
        mend: bool,
    },
    /// Print the OpenAPI document
    Openapi {
        /// Of which version of OpenAPI
        #[arg(long, value_enum, default_value_t = OpenapiVersion::V3_1)]
        version: OpenapiVersion,
    },
    /// Manage the users, as the owner of the database
    #[command(subcommand)]
    User(UserCommand),
    /// Manage what embeddings are found by, as the owner of the database
    #[command(subcommand)]
    Vectors(VectorsCommand),
    /// Make the role `blockyard_api`, as which the service logs in, with its rights, and give it a password
    LoginRole(LoginRole),
    /// Ask a server what changes would break; ends with 0, 1 (they would) or 2 (no verdict)
    Impact(impact::Impact),
    /// Tell what a registry file would change; ends with 0 (nothing), 2 (something) or 1 (an error)
    Plan(file::Plan),
    /// Make the registry what a file says, or carry out a plan that was kept
    Apply(file::Apply),
    /// Show how the registry differs from a file; ends as `plan` does
    Diff(file::Diff),
    /// Print the registry as a file; `--full`: all of it with its past, as the owner of the database
    Export(file::Export),
    /// Bring in what another registry has, or with --full a whole registry
    Import(Box<Incoming>),
    /// Make a small registry to look at; --remove archives it
    Demo(demo::Demo),
    /// Open psql on the private database, as its owner, also while it serves; or print its address
    Psql(Psql),
    /// Ask the service on this machine whether it can serve (for container health checks)
    Health,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user
    Create(NewUser),
    /// Give a user another password; their sessions end
    Password {
        /// The username, the address or the id
        user: String,
        #[command(flatten)]
        password: PasswordInput,
    },
}

#[derive(Debug, Subcommand)]
enum VectorsCommand {
    /// Give the vectors of an embedding model their index (pgvector, HNSW); writers of embeddings wait meanwhile
    Index {
        /// The name or the id of the model
        #[arg(long)]
        model: String,
    },
}

#[derive(Debug, Args)]
struct NewUser {
    /// The name to log in with
    #[arg(long)]
    username: String,
    /// The address
    #[arg(long)]
    email: String,
    /// What the user may do
    #[arg(long, value_enum)]
    role: Role,
    /// The id of an existing Supabase account (auth.users.id), so that its tokens are this user's
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
    /// Only if nobody can manage the users yet; otherwise nothing is done
    #[arg(long)]
    if_no_admin: bool,
    #[command(flatten)]
    password: PasswordInput,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Reads the registry
    Viewer,
    /// Also writes it
    Developer,
    /// Also manages users and reads the whole audit trail
    Admin,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Admin => "admin",
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum OpenapiVersion {
    #[value(name = "3.1")]
    V3_1,
    /// For readers that know no other
    #[value(name = "3.0")]
    V3_0,
}

impl From<OpenapiVersion> for Edition {
    fn from(version: OpenapiVersion) -> Self {
        match version {
            OpenapiVersion::V3_1 => Self::V3_1,
            OpenapiVersion::V3_0 => Self::V3_0,
        }
    }
}

#[derive(Debug, Args)]
struct PasswordInput {
    /// Read the password from standard input; an argument would show in the list of processes
    #[arg(long, required = true)]
    password_stdin: bool,
}

/// The version of the program, and up to which migration it knows the schema.
fn version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| {
        format!("{} (migration {})", env!("CARGO_PKG_VERSION"), migrate::newest())
    });
    &VERSION
}

#[derive(Debug, Args)]
struct Psql {
    /// Print the address, with its password, for other programs: `pg_dump "$(blockyard psql --print)"`
    #[arg(long, conflicts_with = "arguments")]
    print: bool,
    /// What psql gets: `blockyard psql -- -c 'select 1'`
    #[arg(last = true)]
    arguments: Vec<String>,
}

#[derive(Debug, Args)]
struct ProjectRoles {
    /// First make the roles that Supabase's projects have (`anon`, `authenticated`, `service_role`, `authenticator`)
    /// and the functions of its schema `auth`, where they are missing: for a PostgreSQL of one's own
    #[arg(long)]
    create_roles: bool,
}

#[derive(Debug, Args)]
struct LoginRole {
    #[command(flatten)]
    password: PasswordInput,
    #[command(flatten)]
    roles: ProjectRoles,
}

/// Carries out what the command line says. Exit codes: 0, 1 for a failure, 2 for a command line
/// that makes no sense; `impact`, `plan` and `diff` have their own.
pub fn run() -> ExitCode {
    let command = CommandLine::parse().command.unwrap_or(Command::Serve);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(carry_out(command)));
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn carry_out(command: Command) -> Result<ExitCode, Box<dyn Error>> {
    match command {
        Command::Impact(arguments) => return Ok(impact::impact(&arguments).await),
        Command::Plan(arguments) => return file::plan(&arguments).await,
        Command::Apply(arguments) => return file::apply(&arguments).await,
        Command::Diff(arguments) => return file::diff(&arguments).await,
        Command::Export(arguments) => match arguments.server() {
            Some(server) => return file::export(&arguments, &server).await,
            None => {
                let (out, accounts) = arguments.whole();
                copying::export(&for_command()?, out, accounts).await
            }
        },
        Command::Import(arguments) => match *arguments {
            Incoming { source: Some(source), .. } => {
                return Box::pin(import::import(&source)).await;
            }
            Incoming { copy: Some(copy), .. } => copying::import(&for_command()?, &copy).await,
            Incoming { source: None, copy: None } => Err("say from where".into()),
        },
        Command::Openapi { version } => openapi(version.into()),
        // The largest by far: on the heap, where it costs one allocation.
        Command::Serve => Box::pin(serve::serve(Config::load()?)).await,
        Command::Demo(arguments) => demo::demo(&arguments).await,
        Command::Health => health::health(&Config::load()?).await,
        Command::Migrate(roles) => owner::migrate(&for_command()?, &roles).await,
        Command::Check { mend } => owner::check(&for_command()?, mend).await,
        Command::User(UserCommand::Create(user)) => {
            owner::create_user(&for_command()?, &user).await
        }
        Command::User(UserCommand::Password { user, .. }) => {
            owner::set_password(&for_command()?, &user).await
        }
        Command::Vectors(VectorsCommand::Index { model }) => {
            owner::index_vectors(&for_command()?, &model).await
        }
        Command::Psql(wanted) => psql::psql(&for_command()?, &wanted).await,
        Command::LoginRole(input) => owner::login_role(&for_command()?, &input.roles).await,
    }?;
    Ok(ExitCode::SUCCESS)
}

fn for_command() -> Result<Config, Box<dyn Error>> {
    let config = Config::load()?;
    telemetry::command(&config)?;
    Ok(config)
}

/// Needs no configuration: the document is part of the program.
fn openapi(edition: Edition) -> Outcome {
    println!("{}", Written::of(&server::document(), edition)?.pretty()?);
    Ok(())
}

/// An error and what caused it, each on a line of its own.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        // `#[error(transparent)]` and careless libraries say the same twice.
        if !text.ends_with(&line) {
            text.push_str("\ncaused by: ");
            text.push_str(&line);
        }
        cause = error.source();
    }
    text
}
