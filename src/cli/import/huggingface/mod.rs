//! `blockyard import huggingface`: repositories of a hub, revision by revision in their order.

mod api;
mod content;
mod journey;
mod wanted;

use std::collections::HashSet;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use url::Url;

use self::api::{Api, Kind};
use self::journey::Journey;
use self::wanted::{Called, Wanted, wanted};
use super::landing::{Arrival, Landing};
use super::reader::{Credentials, Reader};
use super::report::Report;
use super::{Manner, plan};
use crate::api::name;

const NEVER: &[&str] = &[
    "files (their paths, sizes and digests are in huggingface.files)",
    "the texts of cards, discussions, pull requests, likes of users, collections, spaces",
    "commits without a tag or a branch, unless --commits asks for them",
];

#[derive(Debug, Args)]
pub(in crate::cli) struct HuggingFace {
    /// The address of the hub
    #[arg(
        long,
        env = "HF_ENDPOINT",
        hide_env_values = true,
        default_value = "https://huggingface.co"
    )]
    uri: Url,
    /// A model, such as acme/churn; can be said several times
    #[arg(long = "model", value_name = "ID")]
    models: Vec<String>,
    /// A dataset, such as acme/titanic; can be said several times
    #[arg(long = "dataset", value_name = "ID")]
    datasets: Vec<String>,
    /// All that a user or an organization has, up to --limit
    #[arg(long, required_unless_present_any = ["models", "datasets"])]
    author: Option<String>,
    /// So many models, and so many datasets, of the author at the most
    #[arg(long, value_name = "N", default_value_t = 1000)]
    limit: usize,
    /// The last N commits of the main branch as well, and not its head and the tags alone
    #[arg(long, value_name = "N", default_value_t = 1)]
    commits: usize,
    /// For so many seconds an answer of the hub is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// A token for the hub; by its variable, since arguments show in the list of processes
    #[arg(long, env = "HF_TOKEN", hide_env_values = true, hide = true)]
    token: Option<String>,
    /// The file with the token, where there is none in `HF_TOKEN`
    #[arg(long, env = "HF_TOKEN_PATH", value_name = "FILE")]
    token_file: Option<PathBuf>,
    #[command(flatten)]
    manner: Manner,
}

impl HuggingFace {
    /// A token that was said, else that of a file that was said.
    fn credentials(&self) -> Result<Credentials, Box<dyn Error>> {
        let mut token = self.token.clone().filter(|it| !it.trim().is_empty());
        if let (None, Some(path)) = (&token, &self.token_file) {
            let read = std::fs::read_to_string(path);
            token = Some(read.map_err(|error| format!("{}: {error}", path.display()))?);
        }
        let token = token.map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
        Ok(token.map_or(Credentials::None, Credentials::Bearer))
    }
}

pub(super) async fn import(arguments: &HuggingFace) -> Result<(), Box<dyn Error>> {
    let timeout = Duration::from_secs(arguments.timeout.max(1));
    let reader = Reader::new("Hugging Face", &arguments.uri, arguments.credentials()?, timeout)?;
    let api = Api(reader.following());
    let manner = &arguments.manner;
    let source = manner.source.clone().unwrap_or_else(|| api.0.address().to_owned());
    let mut report = Report {
        source: source.clone(),
        is_dry_run: manner.dry_run || manner.plan.is_some(),
        never_carried: NEVER,
        ..Report::default()
    };
    let mut asked = Vec::new();
    for (kind, ids) in [(Kind::Dataset, &arguments.datasets), (Kind::Model, &arguments.models)] {
        asked.extend(ids.iter().map(|id| (kind, id.clone())));
        if let Some(author) = &arguments.author {
            let found = api.of_author(kind, author, arguments.limit).await?;
            if found.len() == arguments.limit {
                let why = format!("of its {}s there may be more than --limit", kind.word());
                report.left_out("author", author, None, why);
            }
            asked.extend(found.into_iter().map(|id| (kind, id)));
        }
    }
    let (wanted, called) = wanted(&api, asked, arguments.commits, &mut report).await?;
    if let ([], Some(first)) = (&wanted[..], report.left_out.first()) {
        let why = format!("{}: {} {}: {}", api.0.address(), first.what, first.name, first.why);
        return Err(format!("nothing of what was asked for can be read ({why})").into());
    }
    report.found.things = wanted.len();
    report.found.versions = wanted.iter().map(|it| it.revisions.len()).sum();
    if let Some(path) = &manner.plan {
        let arrivals = planned(&api, &source, &wanted, &called, &mut report).await?;
        plan::write(path, arrivals, &mut report)?;
        return manner.tell(&report);
    }
    let landing = Landing::new(manner.server()?, "huggingface", &source);
    let things = wanted.iter().map(|it| (it.id.clone(), it.kind.word())).collect();
    let standings = landing.standings(things).await?;
    let mut journey = Journey::new(&api, &source, &called, landing, report);
    let missing = journey.missing(&wanted, &standings);
    if !manner.dry_run {
        journey.bring(&missing).await?;
        journey.aliases(&wanted).await?;
    }
    manner.tell(&journey.report)
}

/// A file has each thing once: the newest revision of each.
async fn planned(
    api: &Api,
    source: &str,
    wanted: &[Wanted],
    called: &Called,
    report: &mut Report,
) -> Result<Vec<Arrival>, Box<dyn Error>> {
    let known: HashSet<(Kind, String)> =
        wanted.iter().map(|it| (it.kind, name::key(&it.id))).collect();
    let known = |kind: Kind, id: &str| {
        let id = called.get(&(kind, name::key(id)))?;
        known.contains(&(kind, name::key(id))).then(|| id.clone())
    };
    let mut arrivals = Vec::new();
    for it in wanted {
        let Some((newest, older)) = it.revisions.split_last() else { continue };
        let Some(mut arrival) = wanted::arrival(api, source, it, newest, known, report).await?
        else {
            continue;
        };
        let older = older.iter().map(|it| it.sha.clone());
        let aliases = it.refs.iter().map(|(alias, sha)| (alias.as_str(), sha.clone()));
        plan::alone(&mut arrival, older, aliases, report);
        arrivals.push(arrival);
    }
    Ok(arrivals)
}
