//! Dagster over HTTP: one request a question, with a limit in time and size.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answers::{Launched, RUN_TAG, SeenLogs, SeenRun, SeenStep, Terminated, Whereabouts};
use super::documents;
use crate::config::Config;
use crate::telemetry;

/// A page of logs with the longest messages is smaller.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// Dagster gives an id of its own to each try of a run.
const MOST_TRIES: usize = 100;

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Trouble {
    /// Certainly nothing came of it.
    #[error("cannot be reached ({0})")]
    NotReached(String),
    /// It does not take what we send, or us.
    #[error("refuses the service ({0})")]
    Refused(String),
    /// Something may have come of it.
    #[error("gives no answer that can be used ({0})")]
    Unknown(String),
}

pub(crate) struct Dagster {
    endpoint: String,
    /// Of its pages, without a slash at the end.
    pages: String,
    http: reqwest::Client,
}

impl Dagster {
    /// `None` where the configuration names no Dagster.
    pub(super) fn new(config: &Config) -> Result<Option<Self>, String> {
        let Some(url) = &config.dagster_url else { return Ok(None) };
        let shown = config.dagster_public_url.as_ref().unwrap_or(url);
        let pages = shown.trim_end_matches('/').to_owned();
        let mut headers = HeaderMap::new();
        if let Some(token) = &config.dagster_api_token {
            let value = secret_header("DAGSTER_API_TOKEN", token)?;
            headers.insert("Dagster-Cloud-Api-Token", value);
        }
        let time = Duration::from_secs(config.dagster_timeout_seconds.into());
        let http = http_client(headers, time)?;
        Ok(Some(Self { endpoint: format!("{}/graphql", url.trim_end_matches('/')), pages, http }))
    }

    /// Where a person looks at a run.
    pub(crate) fn page_of(&self, run: &str) -> String {
        format!("{}/runs/{run}", self.pages)
    }

    pub(super) async fn launch(&self, params: &Value) -> Result<Launched, Trouble> {
        let answer = self.ask(documents::LAUNCH, &json!({ "executionParams": params })).await?;
        Ok(match kind(&answer) {
            "LaunchRunSuccess" => match answer.pointer("/run/runId").and_then(Value::as_str) {
                Some(id) => Launched::As(id.to_owned()),
                None => return Err(Trouble::Unknown("it names no run".to_owned())),
            },
            "PipelineNotFoundError" => Launched::NotThere(message(&answer)),
            "UnauthorizedError" => return Err(Trouble::Refused(message(&answer))),
            "PythonError" => return Err(Trouble::Unknown(message(&answer))),
            "RunConfigValidationInvalid" => {
                let errors = answer["errors"].as_array();
                let messages: Vec<&str> = errors
                    .into_iter()
                    .flatten()
                    .filter_map(|error| error["message"].as_str())
                    .collect();
                Launched::Rejected(format!(
                    "Dagster does not accept the configuration: {}",
                    messages.join(" ")
                ))
            }
            other if answer.is_object() && !other.is_empty() => {
                Launched::Rejected(format!("Dagster says {other}: {}", message(&answer)))
            }
            _ => return Err(Trouble::Unknown("it is empty".to_owned())),
        })
    }

    /// The runs with these ids, in no order; what Dagster does not know is left out.
    pub(super) async fn runs(&self, ids: &[&str]) -> Result<Vec<SeenRun>, Trouble> {
        // An empty filter means all there are.
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.filtered(json!({ "runIds": ids }), ids.len()).await
    }

    /// All that Dagster has run for one of our runs, in the order in which it came.
    pub(super) async fn tagged(&self, run: Uuid) -> Result<Vec<SeenRun>, Trouble> {
        let filter = json!({ "tags": [{ "key": RUN_TAG, "value": run }] });
        let mut found = self.filtered(filter, MOST_TRIES).await?;
        found.retain(|seen| seen.of() == Some(run));
        found.sort_by(SeenRun::order);
        Ok(found)
    }

    async fn filtered(&self, filter: Value, limit: usize) -> Result<Vec<SeenRun>, Trouble> {
        let variables = json!({ "filter": filter, "limit": limit });
        let mut answer = self.ask(documents::RUNS, &variables).await?;
        match kind(&answer) {
            "Runs" => read(answer["results"].take()),
            _ => Err(Trouble::Unknown(message(&answer))),
        }
    }

    pub(super) async fn terminate(&self, id: &str, by_force: bool) -> Result<Terminated, Trouble> {
        let policy = if by_force { "MARK_AS_CANCELED_IMMEDIATELY" } else { "SAFE_TERMINATE" };
        let variables = json!({ "runId": id, "policy": policy });
        let answer = self.ask(documents::TERMINATE, &variables).await?;
        Ok(match kind(&answer) {
            "TerminateRunSuccess" => Terminated::Asked,
            "RunNotFoundError" => Terminated::NotThere,
            "UnauthorizedError" => return Err(Trouble::Refused(message(&answer))),
            _ => Terminated::NotNow(message(&answer)),
        })
    }

    pub(super) async fn whereabouts(
        &self,
        location: &str,
        repository: &str,
        job: &str,
    ) -> Result<Whereabouts, Trouble> {
        let answer = self.ask(documents::LOCATION, &json!({ "name": location })).await?;
        if answer.is_null() {
            return Ok(Whereabouts::NoSuchLocation);
        }
        let loaded = &answer["locationOrLoadError"];
        if kind(loaded) != "RepositoryLocation" {
            let said = if loaded.is_object() { message(loaded) } else { message(&answer) };
            return Ok(Whereabouts::Down(said));
        }
        let named = |list: &Value, name: &str| -> Option<Value> {
            list.as_array()?.iter().find(|one| one["name"] == name).cloned()
        };
        let found = named(&loaded["repositories"], repository)
            .is_some_and(|repository| named(&repository["jobs"], job).is_some());
        Ok(if found { Whereabouts::There } else { Whereabouts::NoSuchJob })
    }

    /// The steps of a run; none of a run that Dagster does not know.
    pub(crate) async fn steps(&self, id: &str) -> Result<Vec<SeenStep>, Trouble> {
        let mut answer = self.ask(documents::STEPS, &json!({ "runId": id })).await?;
        match kind(&answer) {
            "Run" => read(answer["stepStats"].take()),
            "RunNotFoundError" => Ok(Vec::new()),
            _ => Err(Trouble::Unknown(message(&answer))),
        }
    }

    /// What a run has logged after a place in its log; `None` of one that Dagster does not know.
    pub(crate) async fn logs(
        &self,
        id: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<Option<SeenLogs>, Trouble> {
        let variables = json!({ "runId": id, "afterCursor": after, "limit": limit });
        let answer = self.ask(documents::LOGS, &variables).await?;
        match kind(&answer) {
            "EventConnection" => read(answer).map(Some),
            "RunNotFoundError" => Ok(None),
            _ => Err(Trouble::Unknown(message(&answer))),
        }
    }

    /// The one member of the answer's data. Dagster answers with 500 and a whole document where its
    /// own code failed, so the document decides, and the status only where there is none.
    async fn ask(&self, document: &str, variables: &Value) -> Result<Value, Trouble> {
        telemetry::asking("dagster", self.answer(document, variables)).await
    }

    async fn answer(&self, document: &str, variables: &Value) -> Result<Value, Trouble> {
        let question = json!({ "query": document, "variables": variables });
        let sent = self.http.post(&self.endpoint).json(&question).send().await;
        let mut response = sent.map_err(|error| {
            let what = innermost(&error);
            if error.is_connect() { Trouble::NotReached(what) } else { Trouble::Unknown(what) }
        })?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Trouble::Refused(status.to_string()));
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= LARGEST_ANSWER => {
                    body.extend_from_slice(&chunk);
                }
                Ok(Some(_)) => return Err(Trouble::Unknown("the answer is too large".to_owned())),
                Ok(None) => break,
                Err(error) => return Err(Trouble::Unknown(innermost(&error))),
            }
        }
        let mut answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let member = answer["data"].as_object_mut().and_then(|data| data.values_mut().next());
        if let Some(member) = member {
            return Ok(member.take());
        }
        let said = answer.pointer("/errors/0/message").and_then(Value::as_str);
        let said = said.map_or_else(|| status.to_string(), str::to_owned);
        Err(if status.is_client_error() { Trouble::Refused(said) } else { Trouble::Unknown(said) })
    }
}

/// What a setting says, as the value of a header that no log shows.
pub(super) fn secret_header(setting: &str, text: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(text).map_err(|_| format!("{setting} is no value of a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A client that follows nobody elsewhere.
pub(super) fn http_client(headers: HeaderMap, time: Duration) -> Result<reqwest::Client, String> {
    // Err: somebody has installed one before, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .default_headers(headers)
        .connect_timeout(time.min(Duration::from_secs(2)))
        .timeout(time)
        .redirect(Policy::none())
        .build()
        .map_err(|error| error.to_string())
}

/// What an error of reqwest comes from: the outer ones repeat the address.
pub(super) fn innermost(error: &reqwest::Error) -> String {
    let mut inner: &dyn std::error::Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

fn kind(answer: &Value) -> &str {
    answer["__typename"].as_str().unwrap_or_default()
}

/// What Dagster says of itself, in a line or two; where its code was, is nobody's business.
fn message(answer: &Value) -> String {
    let said = ["message", "invalidStepKey", "invalidOutputName"]
        .iter()
        .find_map(|name| answer[*name].as_str())
        .unwrap_or_else(|| kind(answer));
    said.trim().chars().take(2000).collect()
}

fn read<T: DeserializeOwned>(value: Value) -> Result<T, Trouble> {
    serde_json::from_value(value).map_err(|error| Trouble::Unknown(error.to_string()))
}
