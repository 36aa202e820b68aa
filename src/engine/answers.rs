//! What Dagster says, as far as it is used here.

use std::cmp::Ordering;

use serde::Deserialize;
use uuid::Uuid;

use super::run_status::RunStatus;

/// The tag that every run of ours has.
pub(super) const RUN_TAG: &str = "blockyard/run_id";

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}

/// A run, and whose it is. Times are seconds since 1970, by Dagster's clock.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SeenRun {
    pub(super) run_id: String,
    status: String,
    #[serde(default)]
    creation_time: f64,
    start_time: Option<f64>,
    pub(super) end_time: Option<f64>,
    root_run_id: Option<String>,
    parent_run_id: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// What is to follow a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    None,
    /// Dagster has not said yet.
    Undecided,
    Comes,
}

impl SeenRun {
    /// `None` of a state that nobody had heard of when this was written.
    pub(super) fn state(&self) -> Option<RunStatus> {
        Some(match self.status.as_str() {
            "NOT_STARTED" | "QUEUED" | "STARTING" => RunStatus::Queued,
            "STARTED" | "SUSPENDED" | "MANAGED" => RunStatus::Started,
            // What is told to stop before it started goes from there to its end.
            "CANCELING" if self.start_time.is_none() => RunStatus::Queued,
            "CANCELING" => RunStatus::Started,
            "SUCCESS" => RunStatus::Success,
            "FAILURE" => RunStatus::Failure,
            "CANCELED" => RunStatus::Canceled,
            _ => return None,
        })
    }

    pub(super) fn status(&self) -> &str {
        &self.status
    }

    /// When it began. Of what was canceled or given up before it had, Dagster says that it began at its end.
    pub(super) fn started(&self) -> Option<f64> {
        let began = self.status == "SUCCESS" || self.start_time != self.end_time;
        self.start_time.filter(|_| began)
    }

    pub(super) fn retry(&self) -> Retry {
        match (self.tag("dagster/will_retry"), self.tag("dagster/max_retries")) {
            (Some("true"), _) => Retry::Comes,
            (None, Some(most)) if most != "0" => Retry::Undecided,
            _ => Retry::None,
        }
    }

    /// The run of ours that it belongs to.
    pub(super) fn of(&self) -> Option<Uuid> {
        self.tag(RUN_TAG)?.parse().ok()
    }

    /// The first of the tries that it is one of.
    pub(super) fn root(&self) -> &str {
        self.root_run_id.as_deref().unwrap_or(&self.run_id)
    }

    pub(super) fn is_root(&self) -> bool {
        self.parent_run_id.is_none()
    }

    /// Which of two came first, whoever asks.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let times = self.creation_time.total_cmp(&other.creation_time);
        times.then_with(|| self.run_id.cmp(&other.run_id))
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str())
    }
}

/// What became of a launch that Dagster answered.
#[derive(Debug)]
pub(super) enum Launched {
    /// The id of its run.
    As(String),
    /// It will never be, and why.
    Rejected(String),
    /// The job is not there, or its code location is not at the moment.
    NotThere(String),
}

/// What became of the wish to end a run.
#[derive(Debug)]
pub(super) enum Terminated {
    Asked,
    NotNow(String),
    NotThere,
}

/// Whether a job can be launched.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    There,
    /// The location answers and has no such job.
    NoSuchJob,
    /// Nobody has heard of the location.
    NoSuchLocation,
    /// It does not load, or does not answer.
    Down(String),
}

/// A step, as Dagster counts it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenStep {
    pub(crate) step_key: String,
    pub(crate) status: Option<String>,
    pub(crate) start_time: Option<f64>,
    pub(crate) end_time: Option<f64>,
}

/// A page of the log of a run.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenLogs {
    pub(crate) cursor: String,
    pub(crate) has_more: bool,
    pub(crate) events: Vec<SeenEvent>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SeenEvent {
    /// Milliseconds since 1970, as a text.
    pub(crate) timestamp: Option<String>,
    pub(crate) level: Option<String>,
    pub(crate) step_key: Option<String>,
    pub(crate) event_type: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) error: Option<SeenError>,
}

impl SeenEvent {
    /// The step that this event says has failed, and why.
    pub(super) fn failed_step(&self) -> Option<(String, String)> {
        match (self.event_type.as_deref(), &self.step_key, &self.error) {
            (Some("STEP_FAILURE"), Some(step), Some(error)) => {
                Some((step.clone(), error.message.trim().to_owned()))
            }
            _ => None,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct SeenError {
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(status: &str, more: &Value) -> SeenRun {
        let mut run = json!({ "runId": "r", "status": status, "creationTime": 1.0 });
        for (name, value) in more.as_object().expect("members") {
            run[name] = value.clone();
        }
        serde_json::from_value(run).expect("a run")
    }

    #[test]
    fn what_ends_before_it_began_never_began() {
        let times = |start: f64, end: f64| json!({ "startTime": start, "endTime": end });
        for status in ["CANCELED", "FAILURE"] {
            assert_eq!(run(status, &times(2.0, 2.0)).started(), None);
            assert_eq!(run(status, &times(1.0, 2.0)).started(), Some(1.0));
        }
        assert_eq!(run("SUCCESS", &times(2.0, 2.0)).started(), Some(2.0));
    }

    #[test]
    fn a_failure_may_be_followed_by_another_try() {
        let tags = |tags: &[(&str, &str)]| {
            let tags: Vec<Value> =
                tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
            run("FAILURE", &json!({ "tags": tags }))
        };
        let most = ("dagster/max_retries", "1");
        assert_eq!(tags(&[]).retry(), Retry::None);
        assert_eq!(tags(&[most]).retry(), Retry::Undecided);
        assert_eq!(tags(&[most, ("dagster/will_retry", "true")]).retry(), Retry::Comes);
        assert_eq!(tags(&[most, ("dagster/will_retry", "false")]).retry(), Retry::None);
    }

    #[test]
    fn a_state_nobody_knows_is_none() {
        assert_eq!(run("HIBERNATING", &json!({})).state(), None);
        assert_eq!(run("CANCELING", &json!({})).state(), Some(RunStatus::Queued));
        assert_eq!(
            run("CANCELING", &json!({ "startTime": 1.0 })).state(),
            Some(RunStatus::Started)
        );
    }
}
