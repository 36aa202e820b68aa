//! `blockyard plan`, `diff`, `apply` and `export`: a registry as a file, beside a server.

mod reading;
mod table;
mod told;
pub(super) mod yaml;

use std::error::Error;
use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use self::reading::Sources;
use self::told::Style;
pub(super) use self::told::plain;
use super::asking::{Asked, Question, Refusal};

/// There is something to do.
const CHANGES: u8 = 2;

#[derive(Debug, Args)]
pub(super) struct Files {
    /// A file of YAML or JSON, a folder of such, a table of blocks (.csv), or - for standard input; several are one
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true)]
    paths: Vec<String>,
    /// Archive what the owner of the file manages and the file names no more
    #[arg(long)]
    prune: bool,
    /// Take over what other files manage
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    files: Files,
    /// Keep the plan, for `blockyard apply PLAN` to carry out exactly this
    #[arg(short, long, value_name = "PLAN")]
    out: Option<PathBuf>,
    /// The answer of the server as it came
    #[arg(long)]
    json: bool,
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    #[command(flatten)]
    server: Asked,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    files: Files,
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    #[command(flatten)]
    server: Asked,
}

#[derive(Debug, Args)]
pub(super) struct Apply {
    /// A plan that `blockyard plan --out` has kept
    #[arg(value_name = "PLAN", required_unless_present = "paths", conflicts_with_all = ["paths", "prune", "force"])]
    plan: Option<PathBuf>,
    /// A file of YAML or JSON, a folder of such, a table of blocks (.csv), or - for standard input; several are one
    #[arg(short = 'f', long = "file", value_name = "PATH")]
    paths: Vec<String>,
    /// Archive what the owner of the file manages and the file names no more
    #[arg(long)]
    prune: bool,
    /// Take over what other files manage
    #[arg(long)]
    force: bool,
    /// Do not ask first
    #[arg(short, long)]
    yes: bool,
    /// The answer of the server as it came
    #[arg(long)]
    json: bool,
    #[arg(long, value_enum, default_value_t = Colour::Auto)]
    color: Colour,
    #[command(flatten)]
    server: Asked,
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// taxonomy, block, edge or pipeline; several with commas between
    #[arg(long)]
    kind: Option<String>,
    /// Only what is called so
    #[arg(long)]
    name: Option<String>,
    /// Only the blocks in this category, or in one below it
    #[arg(long)]
    category: Option<String>,
    /// JSON instead of YAML
    #[arg(long)]
    json: bool,
    /// Where to write it; standard output when missing
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The whole registry with versions, runs, locks and its past, for `blockyard import --full`. Speaks to the database as its owner, as
    /// `migrate` does, and to no server
    #[arg(long, conflicts_with_all = ["kind", "name", "category", "json"])]
    full: bool,
    /// With the addresses and password digests of the users, who otherwise come without, deactivated
    #[arg(long, requires = "full")]
    accounts: bool,
    /// The address of the server
    #[arg(long, env = "BLOCKYARD_URL", required_unless_present = "full")]
    url: Option<Url>,
    /// An API key; better by its variable, since arguments show in the list of processes
    #[arg(
        long,
        env = "BLOCKYARD_API_KEY",
        hide_env_values = true,
        required_unless_present = "full"
    )]
    api_key: Option<String>,
}

impl Export {
    /// The server that is asked, unless the whole registry is wanted.
    pub fn server(&self) -> Option<Asked> {
        let is_asked = |_: &Url| !self.full;
        Some(Asked::new(self.url.clone().filter(is_asked)?, self.api_key.clone()?))
    }

    /// Where the whole registry goes, and whether with the accounts.
    pub fn whole(&self) -> (Option<&Path>, bool) {
        (self.out.as_deref(), self.accounts)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

impl Colour {
    fn style(self) -> Style {
        let is_coloured = match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => {
                std::io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            }
        };
        Style { is_coloured }
    }
}

/// A plan as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    #[serde(rename = "apiVersion")]
    api_version: KeptVersion,
    plan: String,
    prune: bool,
    force: bool,
    file: Value,
}

#[derive(Debug, Serialize, Deserialize)]
enum KeptVersion {
    #[serde(rename = "blockyard/plan-v1")]
    V1,
}

fn manner(prune: bool, force: bool) -> Vec<(&'static str, String)> {
    [("prune", prune), ("force", force)]
        .into_iter()
        .filter(|(_, is_so)| *is_so)
        .map(|(name, _)| (name, true.to_string()))
        .collect()
}

/// What a file would come to.
async fn planned(
    server: &Asked,
    body: &Value,
    prune: bool,
    force: bool,
) -> Result<Value, Box<dyn Error>> {
    let mut query = manner(prune, force);
    query.push(("dry_run", true.to_string()));
    let method = Method::POST;
    server.ask(&Question { method, path: &["apply"], query, body: Some(body), key: None }).await
}

/// Ends with 0 when there is nothing to do, with 2 when there is.
pub(super) async fn plan(arguments: &Plan) -> Result<ExitCode, Box<dyn Error>> {
    let Files { paths, prune, force } = &arguments.files;
    let sources = Sources::read(paths)?;
    let answer = planned(&arguments.server, &sources.body, *prune, *force).await;
    let answer = answer.map_err(|error| placed(error, &sources))?;
    if arguments.json {
        say(&format!("{answer:#}\n"))?;
    } else {
        say(&told::changes(&answer, arguments.color.style())?)?;
        say(&told::summary(&answer))?;
    }
    if let Some(path) = &arguments.out {
        let plan = answer["plan"].as_str().unwrap_or_default().to_owned();
        let (prune, force) = (*prune, *force);
        let kept = Kept { api_version: KeptVersion::V1, plan, prune, force, file: sources.body };
        std::fs::write(path, serde_json::to_vec_pretty(&kept)?)
            .map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(ended(&answer))
}

/// As [`plan`], but for the difference alone.
pub(super) async fn diff(arguments: &Diff) -> Result<ExitCode, Box<dyn Error>> {
    let Files { paths, prune, force } = &arguments.files;
    let sources = Sources::read(paths)?;
    let answer = planned(&arguments.server, &sources.body, *prune, *force).await;
    let answer = answer.map_err(|error| placed(error, &sources))?;
    say(&told::changes(&answer, arguments.color.style())?)?;
    Ok(ended(&answer))
}

fn ended(answer: &Value) -> ExitCode {
    match answer["has_changes"].as_bool() {
        Some(false) => ExitCode::SUCCESS,
        _ => ExitCode::from(CHANGES),
    }
}

/// Ends with 0 when the registry is as the file says.
pub(super) async fn apply(arguments: &Apply) -> Result<ExitCode, Box<dyn Error>> {
    let server = &arguments.server;
    let (sources, kept) = match &arguments.plan {
        Some(path) => (None, read_plan(path)?),
        None => {
            let sources = Sources::read(&arguments.paths)?;
            let answer = planned(server, &sources.body, arguments.prune, arguments.force).await;
            let answer = answer.map_err(|error| placed(error, &sources))?;
            if !arguments.json {
                say(&told::changes(&answer, arguments.color.style())?)?;
                say(&told::summary(&answer))?;
            }
            if answer["has_changes"] == false {
                if arguments.json {
                    say(&format!("{answer:#}\n"))?;
                }
                return Ok(ExitCode::SUCCESS);
            }
            if !arguments.yes {
                confirm()?;
            }
            let kept = Kept {
                api_version: KeptVersion::V1,
                plan: answer["plan"].as_str().unwrap_or_default().to_owned(),
                prune: arguments.prune,
                force: arguments.force,
                file: sources.body.clone(),
            };
            (Some(sources), kept)
        }
    };
    let mut query = manner(kept.prune, kept.force);
    query.push(("plan", kept.plan));
    let question = Question {
        method: Method::POST,
        path: &["apply"],
        query,
        body: Some(&kept.file),
        key: Some(Uuid::new_v4().to_string()),
    };
    let answer = server.ask(&question).await.map_err(|error| match &sources {
        Some(sources) => placed(error, sources),
        None => moved(error),
    })?;
    if arguments.json {
        say(&format!("{answer:#}\n"))?;
    } else {
        say(&format!("applied: {}", told::summary(&answer)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read_plan(path: &PathBuf) -> Result<Kept, Box<dyn Error>> {
    let told = |error: &dyn Error| format!("{}: {error}", path.display());
    let text = std::fs::read(path).map_err(|error| told(&error))?;
    Ok(serde_json::from_slice(&text).map_err(|error| told(&error))?)
}

/// Asks the person at the terminal.
fn confirm() -> Result<(), Box<dyn Error>> {
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Err("nobody is there to be asked: say --yes".into());
    }
    eprint!("Apply this? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") { Ok(()) } else { Err("nothing was done".into()) }
}

/// A refusal with the places in the files that it is about.
fn placed(error: Box<dyn Error>, sources: &Sources) -> Box<dyn Error> {
    match error.downcast_ref::<Refusal>() {
        Some(refusal) if refusal.status != StatusCode::PRECONDITION_FAILED => {
            sources.told(refusal).into()
        }
        _ => moved(error),
    }
}

fn moved(error: Box<dyn Error>) -> Box<dyn Error> {
    match error.downcast_ref::<Refusal>() {
        Some(refusal) if refusal.status == StatusCode::PRECONDITION_FAILED => {
            "the registry is not as it was when this was planned, or it is another one: plan again"
                .into()
        }
        _ => error,
    }
}

pub(super) async fn export(arguments: &Export, server: &Asked) -> Result<ExitCode, Box<dyn Error>> {
    let wanted =
        [("kind", &arguments.kind), ("name", &arguments.name), ("category", &arguments.category)];
    let query = wanted
        .into_iter()
        .filter_map(|(name, value)| value.clone().map(|value| (name, value)))
        .collect();
    let question = Question { path: &["export"], query, ..Question::default() };
    let file = server.ask(&question).await?;
    let text = if arguments.json { format!("{file:#}\n") } else { yaml::written(&file)? };
    match &arguments.out {
        None => say(&text)?,
        Some(path) => {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints; whoever reads no further has what they want.
pub(super) fn say(text: &str) -> Result<(), Box<dyn Error>> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
