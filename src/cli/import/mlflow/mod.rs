//! `blockyard import mlflow`: the models of an MLflow, version by version in their order.

mod api;
mod content;
mod journey;
mod wanted;

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::time::Duration;

use clap::Args;
use url::Url;

use self::api::{Api, Version};
use self::journey::Journey;
use self::wanted::{Wanted, run_of, runs, wanted};
use super::landing::{Arrival, Landing};
use super::reader::{Credentials, Reader};
use super::report::Report;
use super::{Manner, Since, plan};
use crate::api::name::{self, Name};

const NEVER: &[&str] = &[
    "files of artifacts (their addresses are in mlflow.artifacts)",
    "histories of metrics, of each the last value is there",
    "experiments, runs without a version, traces, prompts' texts, users, permissions, webhooks",
];

#[derive(Debug, Args)]
pub(in crate::cli) struct Mlflow {
    /// The address of the MLflow
    #[arg(long, env = "MLFLOW_TRACKING_URI", hide_env_values = true)]
    uri: Url,
    /// Only the model of this name; can be said several times
    #[arg(long = "name", value_name = "NAME")]
    names: Vec<String>,
    /// Only versions that were made since then (a day, or a time)
    #[arg(long, value_name = "TIME")]
    since: Option<Since>,
    /// The workspace, where the MLflow has several
    #[arg(long, env = "MLFLOW_WORKSPACE")]
    workspace: Option<String>,
    /// For so many seconds an answer of the MLflow is waited for
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    timeout: u64,
    /// A token for the MLflow; by its variable, since arguments show in the list of processes
    #[arg(long, env = "MLFLOW_TRACKING_TOKEN", hide_env_values = true, hide = true)]
    token: Option<String>,
    #[arg(long, env = "MLFLOW_TRACKING_USERNAME", hide_env_values = true, hide = true)]
    username: Option<String>,
    #[arg(long, env = "MLFLOW_TRACKING_PASSWORD", hide_env_values = true, hide = true)]
    password: Option<String>,
    #[command(flatten)]
    manner: Manner,
}

impl Mlflow {
    /// As MLflow's own client: name and password count more than a token.
    fn credentials(&self) -> Credentials {
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        match (given(&self.username), given(&self.password), given(&self.token)) {
            (Some(username), Some(password), _) => Credentials::Basic { username, password },
            (_, _, Some(token)) => Credentials::Bearer(token),
            _ => Credentials::None,
        }
    }
}

pub(super) async fn import(arguments: &Mlflow) -> Result<(), Box<dyn Error>> {
    let timeout = Duration::from_secs(arguments.timeout.max(1));
    let reader = Reader::new("MLflow", &arguments.uri, arguments.credentials(), timeout)?
        .with_header("X-MLFLOW-WORKSPACE", arguments.workspace.clone());
    let source = match (&arguments.manner.source, &arguments.workspace) {
        (Some(source), _) => source.clone(),
        (None, Some(workspace)) => format!("{}#{workspace}", reader.address()),
        (None, None) => reader.address().to_owned(),
    };
    let api = Api(reader);
    let mut report = Report {
        source: source.clone(),
        is_dry_run: arguments.manner.dry_run || arguments.manner.plan.is_some(),
        never_carried: NEVER,
        ..Report::default()
    };
    let wanted = wanted(&api, &arguments.names, arguments.since, &mut report).await?;
    report.found.things = wanted.len();
    report.found.versions = wanted.iter().map(|it| it.versions.len()).sum();
    if let Some(path) = &arguments.manner.plan {
        let arrivals = planned(&api, &source, &wanted, &mut report).await?;
        plan::write(path, arrivals, &mut report)?;
        return arguments.manner.tell(&report);
    }
    let landing = Landing::new(arguments.manner.server()?, "mlflow", &source);
    let models = wanted.iter().map(|it| (it.model.name.clone(), "model")).collect();
    let standings = landing.standings(models).await?;
    let mut journey = Journey::new(&api, &source, landing, report);
    let missing = journey.missing(&wanted, &standings);
    if !arguments.manner.dry_run {
        journey.bring(&missing).await?;
        journey.aliases(&wanted).await?;
    }
    arguments.manner.tell(&journey.report)
}

/// A file has each thing once: the newest version of each.
async fn planned(
    api: &Api,
    source: &str,
    wanted: &[Wanted],
    report: &mut Report,
) -> Result<Vec<Arrival>, Box<dyn Error>> {
    let models: HashSet<String> = wanted.iter().map(|it| name::key(&it.model.name)).collect();
    let newest = |it: &Wanted| it.versions.values().next_back().cloned();
    let newest: Vec<(&Wanted, Version)> =
        wanted.iter().filter_map(|it| Some((it, newest(it)?))).collect();
    let runs = runs(api, newest.iter().map(|(_, version)| version), report).await?;
    let mut arrivals = BTreeMap::new();
    for run in newest.iter().filter_map(|(_, version)| run_of(version, &runs)) {
        for input in &run.inputs.dataset_inputs {
            let name = &input.dataset.name;
            let arrival = content::dataset(source, &input.dataset);
            if let Err(why) = Name::parse(name) {
                report.left_out("dataset", name, None, why);
            } else if models.contains(&name::key(name)) {
                report.left_out("dataset", name, None, "a model has its name");
            } else if let Some(before) = arrivals.insert(name::key(name), arrival)
                && before.version != input.dataset.digest
            {
                let why = "a file has one of each dataset: another digest was read after it";
                report.left_out("dataset", name, Some(&before.version), why);
            }
        }
    }
    let datasets: HashSet<String> = arrivals.keys().cloned().collect();
    for (Wanted { model, versions }, version) in newest {
        let known = |name: &str| datasets.contains(&name::key(name));
        let run = run_of(&version, &runs);
        let mut arrival = content::version(source, model, &version, run, known, report);
        let older = versions.keys().rev().skip(1).map(u64::to_string);
        let aliases = model.aliases.iter().map(|it| (it.alias.as_str(), it.version.to_string()));
        plan::alone(&mut arrival, older, aliases, report);
        arrivals.insert(name::key(&model.name), arrival);
    }
    Ok(arrivals.into_values().collect())
}
