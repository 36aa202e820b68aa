//! Stands between the service and Dagster, and holds a question at a moment of it, so that a test can break something
//! just then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::{HttpResponse, web};
use parking::{Gate, Held};
use serde_json::Value;

use crate::listening::Listening;

/// At which moment a question is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A launch that Dagster has not got.
    BeforeLaunch,
    /// A launch that Dagster has done, and its answer is on its way.
    AfterLaunch,
    /// Whether Dagster has a run already.
    BeforeLookup,
}

mod parking {
    use std::sync::Mutex;

    use tokio::sync::oneshot;

    use super::Moment;

    type Waiting = (Moment, oneshot::Sender<Held>);

    /// Where the next question of that moment waits.
    #[derive(Default)]
    pub struct Gate(Mutex<Option<Waiting>>);

    /// A question that waits. It goes on when it is told to, and comes to nothing when this is dropped.
    pub struct Held(pub oneshot::Sender<()>);

    impl Gate {
        pub fn close(&self, moment: Moment) -> oneshot::Receiver<Held> {
            let (sender, held) = oneshot::channel();
            *self.0.lock().expect("nobody panicked") = Some((moment, sender));
            held
        }

        /// Whether it may go on.
        pub async fn pass(&self, moment: Moment) -> bool {
            let waiting = {
                let mut gate = self.0.lock().expect("nobody panicked");
                gate.take_if(|(closed, _)| *closed == moment)
            };
            let Some((_, tell)) = waiting else { return true };
            let (go, gone) = oneshot::channel();
            tell.send(Held(go)).is_err() || gone.await.is_ok()
        }
    }
}

struct Shared {
    dagster: String,
    http: reqwest::Client,
    gate: Gate,
    has_launched: AtomicBool,
}

pub struct Interposer {
    pub url: String,
    shared: Arc<Shared>,
    _listening: Listening,
}

impl Interposer {
    pub fn before(dagster: &str) -> Self {
        let shared = Arc::new(Shared {
            dagster: dagster.to_owned(),
            http: crate::program::client(),
            gate: Gate::default(),
            has_launched: AtomicBool::new(false),
        });
        let data = web::Data::from(Arc::clone(&shared));
        let listening = Listening::start(move |config| {
            config
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(8 << 20))
                .route("/graphql", web::post().to(graphql));
        });
        Self { url: listening.url.clone(), shared, _listening: listening }
    }

    /// Has the next question of that moment wait; the answer comes once it does.
    pub fn hold(&self, moment: Moment) -> impl Future<Output = Held> + use<> {
        let held = self.shared.gate.close(moment);
        async move {
            let held = tokio::time::timeout(Duration::from_mins(2), held).await;
            held.expect("somebody asks").expect("who says that they wait")
        }
    }

    /// Lets a launch go on, and returns when Dagster has done it.
    pub async fn launch(&self, held: Held) {
        self.shared.has_launched.store(false, Ordering::SeqCst);
        held.0.send(()).expect("it waits");
        while !self.shared.has_launched.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn graphql(shared: web::Data<Shared>, body: web::Bytes) -> HttpResponse {
    let lost = || HttpResponse::BadGateway().finish();
    let question: Value = serde_json::from_slice(&body).expect("JSON");
    let is_launch =
        question["query"].as_str().is_some_and(|query| query.contains("BlockyardLaunch("));
    let is_lookup = question["variables"]["filter"]["tags"].is_array();
    if is_launch && !shared.gate.pass(Moment::BeforeLaunch).await
        || is_lookup && !shared.gate.pass(Moment::BeforeLookup).await
    {
        return lost();
    }
    let asked = shared.http.post(format!("{}/graphql", shared.dagster));
    let asked = asked.header("Content-Type", "application/json").body(body).send().await;
    let Ok(answer) = asked else { return lost() };
    let status = answer.status().as_u16();
    let Ok(answer) = answer.bytes().await else { return lost() };
    if is_launch {
        shared.has_launched.store(true, Ordering::SeqCst);
        if !shared.gate.pass(Moment::AfterLaunch).await {
            return lost();
        }
    }
    HttpResponse::build(status.try_into().expect("a status"))
        .content_type("application/json")
        .body(answer)
}
