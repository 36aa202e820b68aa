//! MLflow's REST API 2.0, as far as a registry needs it. What is not known is noted.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::cli::import::reader::Reader;
use crate::cli::import::report::Report;

/// So many a page: what MLflow gives at most.
const PAGE: &str = "1000";

/// No registry has more; an MLflow that goes on and on is none.
const MOST_PAGES: usize = 10_000;

type Rest = BTreeMap<String, Value>;

#[derive(Debug, Deserialize)]
pub(super) struct Model {
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub tags: Vec<Pair>,
    #[serde(default)]
    pub aliases: Vec<Alias>,
    #[serde(flatten)]
    rest: Rest,
}

/// Of a model; what is not among them was added since this was written.
const OF_MODEL: [&str; 6] = [
    "creation_timestamp",
    "last_updated_timestamp",
    "latest_versions",
    "user_id",
    "deployment_job_id",
    "deployment_job_state",
];

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Alias {
    pub alias: String,
    #[serde(deserialize_with = "number")]
    pub version: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[expect(clippy::struct_field_names, reason = "as MLflow calls it")]
pub(super) struct Version {
    pub name: String,
    #[serde(deserialize_with = "number")]
    pub version: u64,
    #[serde(default, deserialize_with = "maybe_number")]
    pub creation_timestamp: Option<u64>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub run_id: Option<String>,
    #[serde(default)]
    pub tags: Vec<Pair>,
    #[serde(default)]
    pub model_params: Vec<Pair>,
    #[serde(default)]
    pub model_metrics: Vec<Pair>,
    /// What is taken over as it is.
    #[serde(flatten)]
    pub rest: Rest,
}

/// Of a version, what goes into its metadata under the same word.
pub(super) const OF_VERSION: [&str; 7] =
    ["user_id", "current_stage", "source", "run_link", "model_id", "status", "status_message"];

/// Of a version, what says nothing new.
const OF_VERSION_LEFT: [&str; 3] = ["aliases", "last_updated_timestamp", "deployment_job_state"];

/// A tag, a parameter or a metric.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pair {
    pub key: String,
    #[serde(default)]
    pub value: Value,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Run {
    #[serde(default)]
    pub info: Map<String, Value>,
    #[serde(default)]
    pub data: RunData,
    #[serde(default)]
    pub inputs: Inputs,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct RunData {
    #[serde(default)]
    pub metrics: Vec<Pair>,
    #[serde(default)]
    pub params: Vec<Pair>,
    #[serde(default)]
    pub tags: Vec<Pair>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Inputs {
    #[serde(default)]
    pub dataset_inputs: Vec<DatasetInput>,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct DatasetInput {
    pub dataset: Dataset,
    #[serde(default)]
    pub tags: Vec<Pair>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Dataset {
    pub name: String,
    pub digest: String,
    /// What is taken over as it is.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// MLflow writes long numbers as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    maybe_number(deserializer)?.ok_or_else(|| serde::de::Error::custom("is no number"))
}

fn maybe_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let value = Value::deserialize(deserializer)?;
    Ok(value.as_u64().or_else(|| value.as_str()?.parse().ok()))
}

fn unknown<'a>(rest: &'a Rest, known: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    rest.keys().filter(|member| !known.contains(&member.as_str())).cloned()
}

/// What asks an MLflow.
pub(super) struct Api(pub Reader);

impl Api {
    fn misread(&self, what: &str, error: &serde_json::Error) -> Box<dyn Error> {
        format!("MLflow at {}: its {what} cannot be read: {error}", self.0.address()).into()
    }

    /// All registered models, or that of a name.
    pub async fn models(
        &self,
        name: Option<&str>,
        report: &mut Report,
    ) -> Result<Vec<Model>, Box<dyn Error>> {
        let pages =
            self.pages("registered-models", "registered_models", name, |it| it["name"].to_string());
        let mut models = Vec::new();
        for item in pages.await? {
            let model: Model =
                serde_json::from_value(item).map_err(|error| self.misread("models", &error))?;
            report.unknown("registered_model", unknown(&model.rest, &OF_MODEL));
            models.push(model);
        }
        Ok(models)
    }

    /// All versions, or those of a model.
    pub async fn versions(
        &self,
        name: Option<&str>,
        report: &mut Report,
    ) -> Result<Vec<Version>, Box<dyn Error>> {
        let pages = self.pages("model-versions", "model_versions", name, |it| {
            format!("{} {}", it["name"], it["version"])
        });
        let mut versions = Vec::new();
        for item in pages.await? {
            let version: Version =
                serde_json::from_value(item).map_err(|error| self.misread("versions", &error))?;
            let known = [&OF_VERSION[..], &OF_VERSION_LEFT[..]].concat();
            report.unknown("model_version", unknown(&version.rest, &known));
            versions.push(version);
        }
        Ok(versions)
    }

    /// Every page, each thing once: what moves while it is read may be on two of them.
    async fn pages(
        &self,
        what: &str,
        member: &str,
        name: Option<&str>,
        key: impl Fn(&Value) -> String,
    ) -> Result<Vec<Value>, Box<dyn Error>> {
        let filter = name.map(of_name).transpose()?;
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let mut query = vec![("max_results", PAGE)];
            query.extend(filter.as_deref().map(|filter| ("filter", filter)));
            if !token.is_empty() {
                query.push(("page_token", &token));
            }
            let mut page = self.0.get(&["api", "2.0", "mlflow", what, "search"], &query).await?;
            let before = found.len();
            match page.get_mut(member).map(Value::take).unwrap_or_default() {
                Value::Array(items) => {
                    found.extend(items.into_iter().filter(|item| seen.insert(key(item))));
                }
                // An empty list is no member.
                Value::Null if page.is_object() => {}
                _ => {
                    return Err(format!(
                        "MLflow at {}: {what}/search answers no {member}: is that an MLflow?",
                        self.0.address()
                    )
                    .into());
                }
            }
            match page["next_page_token"].as_str() {
                None | Some("") => return Ok(found),
                Some(_) if found.len() == before => break,
                Some(next) => next.clone_into(&mut token),
            }
        }
        Err(format!(
            "MLflow at {}: {what}/search has a next page again and again, and nothing new on it",
            self.0.address()
        )
        .into())
    }

    /// A run, also one that was deleted; `None` when it is gone.
    pub async fn run(&self, id: &str) -> Result<Option<Run>, Box<dyn Error>> {
        let path = ["api", "2.0", "mlflow", "runs", "get"];
        let Some(mut answer) = self.0.get_if_there(&path, &[("run_id", id)]).await? else {
            return Ok(None);
        };
        let run =
            serde_json::from_value(answer.get_mut("run").map(Value::take).unwrap_or_default());
        Ok(Some(run.map_err(|error| self.misread("run", &error))?))
    }
}

impl Run {
    /// Notes what it has that is not known.
    pub fn note_unknown(&self, report: &mut Report) {
        report.unknown("run", unknown(&self.rest, &["outputs"]));
        report.unknown("run.data", unknown(&self.data.rest, &[]));
        report.unknown("run.inputs", unknown(&self.inputs.rest, &["model_inputs"]));
    }
}

/// MLflow knows no escape: a name stands between the quotes that it has not.
fn of_name(name: &str) -> Result<String, String> {
    match ['\'', '"'].into_iter().find(|quote| !name.contains(*quote)) {
        Some(quote) => Ok(format!("name={quote}{name}{quote}")),
        None => Err("MLflow cannot be asked for a name with both ' and \" in it".to_owned()),
    }
}
