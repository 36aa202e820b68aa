//! Stands between the service and Dagster, and holds a question at a moment of it, so that a test can break something
//! just then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use parking::{Gate, Held};
use serde_json::Value;

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
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
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
        let (ready, started) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async {
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(data.clone())
                        .app_data(web::PayloadConfig::new(8 << 20))
                        .route("/graphql", web::post().to(graphql))
                })
                .workers(1)
                .disable_signals()
                .bind("127.0.0.1:0")
                .expect("a free port");
                let address = server.addrs()[0];
                let server = server.run();
                ready.send((address, server.handle())).expect("the test waits");
                server.await.expect("a clean end");
            });
        });
        let (address, handle) = started.recv().expect("it starts");
        Self { url: format!("http://{address}"), shared, handle, thread: Some(thread) }
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

impl Drop for Interposer {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
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
