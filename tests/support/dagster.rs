//! A stand-in for Dagster, which answers as Dagster 1.13 does and breaks when it is told to.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use actix_web::{HttpResponse, web};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::listening::Listening;

/// What becomes of a request to launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launching {
    /// There is a run, and its id is told.
    Works,
    /// There is a run, and the answer is 500 with a document.
    WorksAndFails,
    /// There is a run, and the answer takes this long.
    WorksAfter(Duration),
    /// There is none, and the answer is 500.
    Fails,
    /// The configuration is refused.
    Invalid,
    /// The job is not there, because its code location does not answer.
    LocationDown,
    /// The job is not there, and its code location is.
    NoSuchJob,
}

#[derive(Debug, Clone)]
pub struct Run {
    pub id: String,
    pub status: String,
    pub created: f64,
    pub started: Option<f64>,
    pub ended: Option<f64>,
    pub parent: Option<String>,
    pub tags: Vec<(String, String)>,
    /// What it was launched with.
    pub params: Value,
}

impl Run {
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }

    fn document(&self) -> Value {
        let tags: Vec<Value> =
            self.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        json!({
            "runId": self.id, "status": self.status, "creationTime": self.created,
            "startTime": self.started, "endTime": self.ended, "rootRunId": self.parent,
            "parentRunId": self.parent, "tags": tags,
        })
    }
}

pub struct State {
    pub launching: Launching,
    pub runs: Vec<Run>,
    /// Requests to launch, whatever came of them.
    pub launches: usize,
    /// Whom it was told to end, and whether by force.
    pub terminated: Vec<(String, bool)>,
    /// Whether nothing is answered but with 500 and no document.
    pub is_broken: bool,
    /// Bodies that were sent to `/api/v1/lineage`.
    pub lineage: Vec<Value>,
    /// How it answers those.
    pub lineage_status: u16,
}

impl State {
    /// The runs of one of ours.
    pub fn runs_of(&self, run_id: &str) -> Vec<&Run> {
        self.runs.iter().filter(|run| run.tag("blockyard/run_id") == Some(run_id)).collect()
    }

    pub fn run_of(&mut self, run_id: &str) -> &mut Run {
        let found = self.runs.iter_mut().find(|run| run.tag("blockyard/run_id") == Some(run_id));
        found.expect("a run of that tag")
    }

    /// A run with these tags.
    pub fn add(&mut self, status: &str, parent: Option<&str>, tags: &[(&str, &str)]) -> String {
        let id = Uuid::new_v4().to_string();
        self.runs.push(Run {
            id: id.clone(),
            status: status.to_owned(),
            created: now(),
            started: None,
            ended: None,
            parent: parent.map(str::to_owned),
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            params: Value::Null,
        });
        id
    }

    fn launch(&mut self, params: &Value) -> String {
        let tags: Vec<(&str, &str)> = params["executionMetadata"]["tags"]
            .as_array()
            .expect("tags")
            .iter()
            .map(|tag| {
                (tag["key"].as_str().expect("a key"), tag["value"].as_str().expect("a value"))
            })
            .collect();
        let id = self.add("QUEUED", None, &tags);
        self.runs.last_mut().expect("it").params = params.clone();
        id
    }

    fn answer(&mut self, query: &str, variables: &Value) -> (u16, Value) {
        let id = variables["runId"].as_str();
        let found = self.runs.iter().position(|run| Some(run.id.as_str()) == id);
        let unknown = json!({ "__typename": "RunNotFoundError", "message": "could not be found" });
        let python = |what: &str| json!({ "__typename": "PythonError", "className": "E", "message": what, "stack": ["/secret/path.py"] });
        if query.contains("BlockyardLaunch(") {
            self.launches += 1;
            let params = &variables["executionParams"];
            return match self.launching {
                Launching::Works | Launching::WorksAfter(_) => {
                    let id = self.launch(params);
                    (
                        200,
                        json!({ "launchRun": { "__typename": "LaunchRunSuccess", "run": { "runId": id } } }),
                    )
                }
                Launching::WorksAndFails => {
                    self.launch(params);
                    (500, json!({ "launchRun": python("it broke afterwards") }))
                }
                Launching::Fails => (500, json!({ "launchRun": python("it broke before") })),
                Launching::Invalid => (
                    200,
                    json!({ "launchRun": {
                        "__typename": "RunConfigValidationInvalid", "errors": [{ "message": "Received unexpected config entry" }],
                    }}),
                ),
                Launching::LocationDown | Launching::NoSuchJob => (
                    200,
                    json!({ "launchRun": {
                        "__typename": "PipelineNotFoundError", "message": "Could not find Pipeline",
                    }}),
                ),
            };
        }
        let answer = if query.contains("BlockyardRuns(") {
            let filter = &variables["filter"];
            let results: Vec<Value> = self
                .runs
                .iter()
                .rev()
                .filter(|run| match (&filter["runIds"], &filter["tags"]) {
                    (Value::Array(ids), _) => ids.iter().any(|id| *id == run.id),
                    (_, Value::Array(tags)) => tags.iter().all(|tag| {
                        run.tag(tag["key"].as_str().expect("a key")) == tag["value"].as_str()
                    }),
                    _ => true,
                })
                .map(Run::document)
                .collect();
            json!({ "runsOrError": { "__typename": "Runs", "results": results } })
        } else if query.contains("BlockyardTerminate(") {
            let by_force = variables["policy"] == "MARK_AS_CANCELED_IMMEDIATELY";
            let outcome = match found {
                None => unknown,
                Some(at) => {
                    self.terminated.push((self.runs[at].id.clone(), by_force));
                    let run = &mut self.runs[at];
                    let may_be_asked = matches!(run.status.as_str(), "QUEUED" | "STARTED");
                    // What has ended cannot be ended, by force or not.
                    let by_force = by_force && run.ended.is_none();
                    if by_force || run.status == "QUEUED" {
                        run.status = "CANCELED".to_owned();
                        run.ended = Some(now());
                        run.started = run.started.or(run.ended);
                    } else if run.status == "STARTED" {
                        run.status = "CANCELING".to_owned();
                    }
                    if by_force || may_be_asked {
                        json!({ "__typename": "TerminateRunSuccess" })
                    } else {
                        json!({ "__typename": "TerminateRunFailure", "message": format!("due to having status {}", run.status) })
                    }
                }
            };
            json!({ "terminateRun": outcome })
        } else if query.contains("BlockyardLocation(") {
            let loaded = if self.launching == Launching::LocationDown {
                python("Could not reach user code server")
            } else {
                json!({ "__typename": "RepositoryLocation", "repositories": [{ "name": "__repository__", "jobs": [] }] })
            };
            json!({ "workspaceLocationEntryOrError": {
                "__typename": "WorkspaceLocationEntry", "loadStatus": "LOADED", "locationOrLoadError": loaded,
            }})
        } else if query.contains("BlockyardSteps(") {
            let answer = match found {
                None => unknown,
                Some(at) => json!({ "__typename": "Run", "stepStats": [
                    { "stepKey": "plan", "status": "SUCCESS", "startTime": 1.0, "endTime": 2.0 },
                    { "stepKey": self.step(at), "status": "FAILURE", "startTime": 2.0, "endTime": 3.5 },
                ]}),
            };
            json!({ "runOrError": answer })
        } else if query.contains("BlockyardLogs(") {
            let after: usize =
                variables["afterCursor"].as_str().map_or(0, |text| text.parse().expect("ours"));
            let limit =
                usize::try_from(variables["limit"].as_u64().expect("a limit")).expect("small");
            let answer = match found {
                None => unknown,
                Some(at) => {
                    let all = [
                        json!({ "__typename": "RunStartEvent", "timestamp": "1795381452000", "level": "INFO", "stepKey": null, "eventType": "RUN_START", "message": "Started" }),
                        json!({ "__typename": "ExecutionStepFailureEvent", "timestamp": "1795381452997", "level": "ERROR", "stepKey": self.step(at), "eventType": "STEP_FAILURE", "message": "Execution failed", "error": { "className": "E", "message": "no such table\n" } }),
                    ];
                    let events: Vec<Value> = all.iter().skip(after).take(limit).cloned().collect();
                    let next = after + events.len();
                    json!({ "__typename": "EventConnection", "cursor": next.to_string(), "hasMore": next < all.len(), "events": events })
                }
            };
            json!({ "logsForRun": answer })
        } else {
            panic!("nobody asks {query}")
        };
        (200, answer)
    }

    /// The step of the first block of a run.
    fn step(&self, at: usize) -> String {
        let block =
            self.runs[at].params.pointer("/runConfigData/ops/plan/config/lock/blocks/0/block_id");
        let id = block.and_then(Value::as_str).unwrap_or_default().replace('-', "");
        format!("block[a_{id}]")
    }
}

pub fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs_f64()
}

pub struct Dagster {
    pub url: String,
    state: Arc<Mutex<State>>,
    _listening: Listening,
}

impl Dagster {
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(State {
            launching: Launching::Works,
            runs: Vec::new(),
            launches: 0,
            terminated: Vec::new(),
            is_broken: false,
            lineage: Vec::new(),
            lineage_status: 201,
        }));
        let shared = web::Data::from(Arc::clone(&state));
        let listening = Listening::start(move |config| {
            config
                .app_data(shared.clone())
                .app_data(web::JsonConfig::default().limit(8 << 20))
                .route("/graphql", web::post().to(graphql))
                .route("/api/v1/lineage", web::post().to(lineage));
        });
        Self { url: listening.url.clone(), state, _listening: listening }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panicked")
    }
}

async fn graphql(state: web::Data<Mutex<State>>, body: web::Json<Value>) -> HttpResponse {
    let (status, data, pause) = {
        let mut state = state.lock().expect("nobody panicked");
        if state.is_broken {
            return HttpResponse::InternalServerError().body("it is broken");
        }
        let query = body["query"].as_str().expect("a query");
        let (status, data) = state.answer(query, &body["variables"]);
        let pause = match state.launching {
            Launching::WorksAfter(pause) if query.contains("BlockyardLaunch(") => pause,
            _ => Duration::ZERO,
        };
        (status, data, pause)
    };
    actix_web::rt::time::sleep(pause).await;
    HttpResponse::build(status.try_into().expect("a status")).json(json!({ "data": data }))
}

async fn lineage(state: web::Data<Mutex<State>>, body: web::Json<Value>) -> HttpResponse {
    let mut state = state.lock().expect("nobody panicked");
    if state.lineage_status < 300 {
        state.lineage.push(body.into_inner());
    }
    HttpResponse::build(state.lineage_status.try_into().expect("a status")).finish()
}
