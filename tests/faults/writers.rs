//! Eight clients that change things without a pause, repeat what was not answered, and remember
//! what they were told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::program::{Program, client};

pub const WRITERS: usize = 8;
/// Blocks that all writers change.
const SHARED: usize = 3;
/// Sooner than `Retry-After` says: more requests meet the outage.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `POST /blocks`, with an `Idempotency-Key`.
    Register,
    /// `PATCH /blocks/{block}` of a block that others change as well, with one.
    Update,
    /// The same without.
    UpdateWithoutKey,
    /// `POST /pipelines`, with one: several rows in several tables.
    Compose,
    /// `PUT /pipelines/{pipeline}/graph`: several statements in one transaction.
    Rewire,
}

impl Kind {
    pub const ALL: [Self; 5] =
        [Self::Register, Self::Update, Self::UpdateWithoutKey, Self::Compose, Self::Rewire];

    fn has_key(self) -> bool {
        matches!(self, Self::Register | Self::Update | Self::Compose)
    }

    /// Whether a client may send it again when it does not know what became of it.
    fn may_be_repeated(self) -> bool {
        self.has_key() || self == Self::Rewire
    }
}

/// One change, and what its client knows of it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Name, metadata, `X-Request-Id` and `Idempotency-Key`, so that the database can be asked.
    pub mark: String,
    pub kind: Kind,
    pub acknowledged: bool,
}

/// What the clients met, in all rounds.
#[derive(Default)]
pub struct Tally {
    pub statuses: Mutex<BTreeMap<String, u64>>,
    pub replayed: AtomicU64,
    slowest: Mutex<Duration>,
    /// What must not be.
    pub wrong: Mutex<Vec<String>>,
}

impl Tally {
    pub fn count(&self, what: impl ToString) {
        *self.statuses.lock().expect("statuses").entry(what.to_string()).or_default() += 1;
    }

    pub fn blame(&self, what: String) {
        self.wrong.lock().expect("wrong").push(what);
    }

    pub fn took(&self, time: Duration) {
        let mut slowest = self.slowest.lock().expect("slowest");
        *slowest = time.max(*slowest);
    }

    pub fn slowest(&self) -> Duration {
        *self.slowest.lock().expect("slowest")
    }
}

/// One outage, as the clients take part in it.
pub struct Round<'a> {
    pub tally: &'a Tally,
    /// Whether the service itself is killed: then connections may break off.
    pub service_dies: bool,
    pub done: AtomicBool,
    pub entries: Mutex<Vec<Entry>>,
    /// When what was ended took connections again.
    pub back: OnceLock<Instant>,
    /// How long after that each client had its first change acknowledged.
    pub outages: Mutex<Vec<Duration>>,
}

impl<'a> Round<'a> {
    pub fn new(tally: &'a Tally, service_dies: bool) -> Self {
        Self {
            tally,
            service_dies,
            done: AtomicBool::new(false),
            entries: Mutex::default(),
            back: OnceLock::new(),
            outages: Mutex::default(),
        }
    }

    pub fn acknowledged(&self) -> usize {
        let entries = self.entries.lock().expect("entries");
        entries.iter().filter(|entry| entry.acknowledged).count()
    }

    pub fn recovered(&self) -> usize {
        self.outages.lock().expect("outages").len()
    }
}

/// What the writers work on.
pub async fn prepare(program: &Program, token: &str) {
    let http = client();
    let mut bodies = Vec::new();
    for n in 0..SHARED {
        bodies.push(("/blocks", json!({ "name": shared(n), "block_type": "model" })));
    }
    for writer in 0..WRITERS {
        let body = json!({ "name": own(writer), "blocks": graph(false), "edges": [] });
        bodies.push(("/pipelines", body));
    }
    for (path, body) in bodies {
        let request = http.post(program.url(path)).bearer_auth(token).json(&body);
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::CREATED);
    }
}

pub fn shared(n: usize) -> String {
    format!("shared-{}", n % SHARED)
}

fn own(writer: usize) -> String {
    format!("own-{writer}")
}

/// One of two graphs that differ in one block.
fn graph(odd: bool) -> Value {
    json!([{ "block_id": shared(0) }, { "block_id": shared(1 + usize::from(odd)) }])
}

pub struct Writer<'a> {
    number: usize,
    program: String,
    token: &'a str,
    http: Client,
    made: usize,
    /// Which of the two graphs its pipeline has.
    odd: bool,
}

impl<'a> Writer<'a> {
    pub fn new(number: usize, program: String, token: &'a str) -> Self {
        Self { number, program, token, http: client(), made: number, odd: false }
    }

    /// Changes one thing after the other until the round is done.
    pub async fn write(&mut self, round: &Round<'_>) {
        let mut recovered = false;
        while !round.done.load(Ordering::Relaxed) {
            let kind = Kind::ALL[self.made % Kind::ALL.len()];
            let acknowledged = self.change(kind, round).await;
            if acknowledged
                && !recovered
                && let Some(back) = round.back.get()
            {
                recovered = true;
                round.outages.lock().expect("outages").push(back.elapsed());
            }
        }
    }

    /// One change, repeated until it is acknowledged or may not be repeated.
    pub async fn change(&mut self, kind: Kind, round: &Round<'_>) -> bool {
        let mark = format!("w{}-{}", self.number, Uuid::new_v4().simple());
        self.made += 1;
        if kind == Kind::Rewire {
            self.odd = !self.odd;
        }
        let acknowledged = self.insist(kind, &mark, round).await;
        round.entries.lock().expect("entries").push(Entry { mark, kind, acknowledged });
        acknowledged
    }

    fn request(&self, kind: Kind, mark: &str) -> reqwest::RequestBuilder {
        let metadata = json!({ "mark": mark });
        let (method, path, body) = match kind {
            Kind::Register => (
                Method::POST,
                "/blocks".to_owned(),
                json!({ "name": mark, "block_type": "dataset", "metadata": metadata }),
            ),
            Kind::Update | Kind::UpdateWithoutKey => (
                Method::PATCH,
                format!("/blocks/{}", shared(self.made)),
                json!({ "metadata": metadata }),
            ),
            Kind::Compose => (
                Method::POST,
                "/pipelines".to_owned(),
                json!({ "name": mark, "blocks": graph(true), "edges": [] }),
            ),
            Kind::Rewire => (
                Method::PUT,
                format!("/pipelines/{}/graph", own(self.number)),
                json!({ "blocks": graph(self.odd), "edges": [] }),
            ),
        };
        let request = self
            .http
            .request(method, format!("{}{path}", self.program))
            .bearer_auth(self.token)
            .header("X-Request-Id", mark)
            .json(&body);
        if kind.has_key() { request.header("Idempotency-Key", mark) } else { request }
    }

    /// Whether it was acknowledged.
    async fn insist(&self, kind: Kind, mark: &str, round: &Round<'_>) -> bool {
        let tally = round.tally;
        loop {
            let begun = Instant::now();
            let outcome = answer(self.request(kind, mark)).await;
            tally.took(begun.elapsed());
            match outcome {
                Ok(answer) => {
                    tally.count(answer.status.as_u16());
                    if answer.status.is_success() {
                        if answer.replayed {
                            tally.replayed.fetch_add(1, Ordering::Relaxed);
                        }
                        if !self.is_right(kind, mark, &answer.body) {
                            tally.blame(format!("{kind:?} {mark}: {}", answer.body));
                        }
                        return true;
                    }
                    if answer.status != StatusCode::SERVICE_UNAVAILABLE || !answer.retry_after {
                        tally.blame(format!("{kind:?}: {} {}", answer.status, answer.body));
                        return false;
                    }
                    // Any other 503 says that nothing was changed.
                    if answer.body["code"] == "unknown_outcome" && !kind.may_be_repeated() {
                        return false;
                    }
                }
                Err(error) => {
                    tally.count(if error.is_timeout() {
                        "no answer"
                    } else if error.is_connect() {
                        "no connection"
                    } else {
                        "broken off"
                    });
                    if !round.service_dies || error.is_timeout() {
                        tally.blame(format!("{kind:?}: {error:?}"));
                    }
                    if !error.is_connect() && !kind.may_be_repeated() {
                        return false;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Whether the answer tells of this very change.
    fn is_right(&self, kind: Kind, mark: &str, body: &Value) -> bool {
        match kind {
            Kind::Register => body["name"] == mark && body["metadata"]["mark"] == mark,
            Kind::Update | Kind::UpdateWithoutKey => body["metadata"]["mark"] == mark,
            Kind::Compose => body["name"] == mark,
            Kind::Rewire => {
                body["name"] == own(self.number)
                    && body["blocks"].as_array().is_some_and(|blocks| blocks.len() == 2)
            }
        }
    }
}

struct Answer {
    status: StatusCode,
    retry_after: bool,
    replayed: bool,
    body: Value,
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    Ok(Answer {
        status: response.status(),
        retry_after: response.headers().contains_key("retry-after"),
        replayed: response.headers().contains_key("idempotency-replayed"),
        body: serde_json::from_slice(&response.bytes().await?).unwrap_or_default(),
    })
}

/// Looks on meanwhile: the process lives, readiness says what is, and what is read is right.
pub async fn look_on(program: String, token: &str, round: &Round<'_>) {
    let http = client();
    let tally = round.tally;
    let path = format!("/blocks/{}", shared(0));
    while !round.done.load(Ordering::Relaxed) {
        for path in ["/health/live", "/health/ready", &path] {
            let request = http.get(format!("{program}{path}")).bearer_auth(token);
            let begun = Instant::now();
            let outcome = answer(request).await;
            tally.took(begun.elapsed());
            match outcome {
                Ok(answer) => {
                    tally.count(format!("{} of a read", answer.status.as_u16()));
                    let refused = answer.status == StatusCode::SERVICE_UNAVAILABLE
                        && answer.retry_after
                        && path != "/health/live";
                    let right = answer.status == StatusCode::OK
                        && (path.starts_with("/health") || answer.body["name"] == shared(0));
                    if !(refused || right) {
                        tally.blame(format!("{path}: {} {}", answer.status, answer.body));
                    }
                }
                Err(_) if round.service_dies => {}
                Err(error) => tally.blame(format!("{path}: {error:?}")),
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}
