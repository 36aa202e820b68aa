//! A server that a command asks, by its address and an API key.

use std::error::Error;
use std::fmt::{self, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use clap::Args;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

/// What takes longest are files and previews, which may wait for their turn as well.
const PATIENCE: Duration = Duration::from_mins(2);

#[derive(Debug, Args)]
pub(super) struct Asked {
    /// The address of the server
    #[arg(long, env = "BLOCKYARD_URL")]
    url: Url,
    /// An API key; better by its variable, since arguments show in the list of processes
    #[arg(long, env = "BLOCKYARD_API_KEY", hide_env_values = true)]
    api_key: String,
    /// Made with the first question, for its connections to serve the next ones.
    #[arg(skip)]
    client: OnceLock<reqwest::Client>,
}

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Question<'a> {
    /// GET unless it says otherwise.
    pub method: Method,
    pub path: &'a [&'a str],
    pub query: Vec<(&'static str, String)>,
    /// What is sent.
    pub body: Option<&'a Value>,
    /// `Idempotency-Key`.
    pub key: Option<String>,
}

/// The server says no.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub body: Value,
}

impl Refusal {
    /// The faults: pointer and words.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &str)> {
        self.body["errors"].as_array().into_iter().flatten().map(|fault| {
            let part = |name: &str| fault[name].as_str().unwrap_or_default();
            (part("pointer"), part("detail"))
        })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said =
            format!("{}: {}", self.status, self.body["detail"].as_str().unwrap_or_default());
        for (pointer, detail) in self.faults() {
            let _ = write!(said, "\n  {pointer}: {detail}");
        }
        f.write_str(&said)
    }
}

impl Error for Refusal {}

impl Asked {
    pub fn new(url: Url, api_key: String) -> Self {
        Self { url, api_key, client: OnceLock::new() }
    }

    /// The address of something on the server.
    ///
    /// # Errors
    /// When it is no address to which a path can be added.
    pub fn place(&self, path: &[&str]) -> Result<Url, &'static str> {
        let mut address = self.url.clone();
        address
            .path_segments_mut()
            .map_err(|()| "BLOCKYARD_URL is no address of a server")?
            .pop_if_empty()
            .extend(path);
        Ok(address)
    }

    /// Asks, and asks again when whether it was done is not known and a key makes it harmless.
    ///
    /// # Errors
    /// A [`Refusal`], or why there is no answer.
    pub async fn ask(&self, question: &Question<'_>) -> Result<Value, Box<dyn Error>> {
        let mut address = self.place(question.path)?;
        if !question.query.is_empty() {
            address.query_pairs_mut().extend_pairs(&question.query);
        }
        let client = match self.client.get() {
            Some(client) => client,
            None => {
                let made = client_builder().timeout(PATIENCE).build()?;
                self.client.get_or_init(|| made)
            }
        };
        let method = &question.method;
        let tries = if question.key.is_some() || method.is_safe() { 3 } else { 1 };
        let mut tried = 1;
        loop {
            let mut request =
                client.request(method.clone(), address.clone()).header("X-API-Key", &self.api_key);
            if let Some(body) = question.body {
                request = request.json(body);
            }
            if let Some(key) = &question.key {
                request = request.header("Idempotency-Key", key);
            }
            match read(request).await {
                Err(error) if tried < tries && is_worth_another(&*error) => {
                    tokio::time::sleep(Duration::from_secs(tried)).await;
                    tried += 1;
                }
                answer => return answer,
            }
        }
    }
}

/// What a client is made of.
pub(super) fn client_builder() -> reqwest::ClientBuilder {
    // Err: somebody has installed one before, which serves as well.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

/// Whether it may go better the next time: nobody answers, or not now.
fn is_worth_another(error: &(dyn Error + 'static)) -> bool {
    match error.downcast_ref::<Refusal>() {
        Some(refusal) => refusal.status == StatusCode::SERVICE_UNAVAILABLE,
        None => error.is::<reqwest::Error>(),
    }
}

async fn read(request: reqwest::RequestBuilder) -> Result<Value, Box<dyn Error>> {
    let answer = request.send().await?;
    let status = answer.status();
    let text = answer.text().await?;
    let body: Value = serde_json::from_str(&text)
        .map_err(|_| format!("the server answers {status}, and no JSON"))?;
    if status.is_success() { Ok(body) } else { Err(Box::new(Refusal { status, body })) }
}
