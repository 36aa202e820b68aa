//! `OpenLineage`: what runs began and how they ended is told to whoever collects it, from the outbox.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::metrics::EngineMetrics;
use super::queries::{self, Certainty, Lineage, Task};
use super::work::{next_task, pause};
use crate::api::problem::Problem;
use crate::config::Config;
use crate::db::Db;
use crate::outbound::{http_client, innermost, secret_header};

const SCHEMA: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";
/// Of a facet of our own, which has no schema beyond that.
const RUN_FACET: &str = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet";
const FACETS: &str = "https://openlineage.io/spec/facets";
const PRODUCER: &str = concat!("urn:blockyard:", env!("CARGO_PKG_VERSION"));
const TIMEOUT: Duration = Duration::from_secs(10);
const LEASE_SECONDS: i32 = 60;

/// Somebody who collects events.
pub(super) struct Collector {
    url: String,
    namespace: String,
    http: reqwest::Client,
}

impl Collector {
    /// `None` where the configuration names nobody.
    pub(super) fn new(config: &Config) -> Result<Option<Self>, String> {
        let Some(url) = &config.openlineage_url else { return Ok(None) };
        let mut headers = HeaderMap::new();
        if let Some(key) = &config.openlineage_api_key {
            let value = secret_header("OPENLINEAGE_API_KEY", &format!("Bearer {}", &**key))?;
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Some(Self {
            url: format!("{}/api/v1/lineage", url.trim_end_matches('/')),
            namespace: config.openlineage_namespace.clone(),
            http: http_client(headers, TIMEOUT)?,
        }))
    }

    /// Goes on until it is aborted.
    pub(super) async fn tell_all(self, db: Db, metrics: EngineMetrics) {
        // Nobody waits for it.
        let never_rung = Notify::new();
        loop {
            let task = next_task(&db, "lineage", LEASE_SECONDS, || true, &never_rung).await;
            match self.tell(&db, &task).await {
                Ok(outcome) => metrics.told(outcome),
                Err(problem) => {
                    tracing::debug!(run_id = %task.run_id, %problem, "an event comes again");
                }
            }
        }
    }

    async fn tell(&self, db: &Db, task: &Task) -> Result<&'static str, Problem> {
        let (Some(lineage), Some(event)) = (queries::lineage(db, task.run_id).await?, &task.event)
        else {
            queries::finish(db, task).await?;
            return Ok("refused");
        };
        let body = event_of(&self.namespace, task, event, &lineage);
        let trouble = match self.http.post(&self.url).json(&body).send().await {
            Ok(answer) if answer.status().is_success() => {
                queries::finish(db, task).await?;
                return Ok("sent");
            }
            Ok(answer) => {
                let status = answer.status();
                // What is refused for what it is would be refused for ever, and hold up what comes after.
                if status.is_client_error()
                    && !matches!(status.as_u16(), 401 | 403 | 404 | 408 | 429)
                {
                    tracing::error!(run_id = %task.run_id, %status, "an OpenLineage event is refused");
                    queries::finish(db, task).await?;
                    return Ok("refused");
                }
                status.to_string()
            }
            Err(error) => innermost(&error),
        };
        queries::put_off(db, task, pause(task.attempts), &trouble, Certainty::Certain).await?;
        Ok("put_off")
    }
}

/// A whole `RunEvent`. What nothing feeds are the inputs of a pipeline, what feeds nothing its outputs.
fn event_of(namespace: &str, task: &Task, event: &Value, lineage: &Lineage) -> Value {
    let facet = |schema: &str, mut members: Value| {
        members["_producer"] = PRODUCER.into();
        members["_schemaURL"] = format!("{FACETS}/{schema}").into();
        members
    };
    let blocks = lineage.lock["blocks"].as_array().map_or(&[][..], Vec::as_slice);
    let ends = |end: &str| -> BTreeSet<&str> {
        let edges = lineage.lock["edges"].as_array();
        edges.into_iter().flatten().filter_map(|edge| edge[end].as_str()).collect()
    };
    let datasets = |fed: &BTreeSet<&str>| -> Vec<Value> {
        blocks
            .iter()
            .filter(|block| block["block_id"].as_str().is_some_and(|id| !fed.contains(id)))
            .map(|block| {
                json!({
                    "namespace": namespace,
                    "name": format!("block/{}", block["block_id"].as_str().unwrap_or_default()),
                    "facets": { "version": facet(
                        "1-0-0/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
                        json!({ "datasetVersion": block["version_number"].to_string() }),
                    ) },
                })
            })
            .collect()
    };
    let mut run_facets = json!({ "blockyard_lock": {
        "_producer": PRODUCER, "_schemaURL": RUN_FACET, "lockDigest": lineage.lock_digest,
    }});
    if event["type"] == "FAIL" {
        run_facets["errorMessage"] = facet(
            "1-0-0/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet",
            json!({
                "message": lineage.failure.as_deref().unwrap_or("The run failed."),
                "programmingLanguage": "PYTHON",
            }),
        );
    }
    json!({
        "eventType": event["type"],
        "eventTime": event["time"],
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
        "run": { "runId": task.run_id, "facets": run_facets },
        "job": {
            "namespace": namespace,
            "name": lineage.pipeline_name,
            "facets": {
                "jobType": facet(
                    "2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet",
                    json!({ "processingType": "BATCH", "integration": "BLOCKYARD", "jobType": "PIPELINE" }),
                ),
            },
        },
        "inputs": datasets(&ends("target_block_id")),
        "outputs": datasets(&ends("source_block_id")),
    })
}
