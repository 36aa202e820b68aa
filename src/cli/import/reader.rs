//! What answers over HTTP and is read from: patient, and never trusted.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use reqwest::header::{self, HeaderMap};
use reqwest::{Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::Value;
use url::Url;

use crate::cli::asking::client_builder;

/// So often something is asked that may go better the next time.
const TRIES: u32 = 4;

const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Whoever asks for more is asked again before that.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// No answer that makes sense is larger.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// What has moved within a source may have moved again; a circle ends.
const MOST_MOVES: usize = 5;

/// The source says no to whoever asks, or for what is asked.
#[derive(Debug)]
pub(super) struct Denied {
    pub status: StatusCode,
    words: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl Error for Denied {}

/// An answer, and the address of the page after it (`Link: <…>; rel="next"`).
pub(super) struct Page {
    pub value: Value,
    pub next: Option<Url>,
}

/// Who asks. Has no `Debug`: secrets are not printed.
#[derive(Clone, Default)]
pub(super) enum Credentials {
    #[default]
    None,
    Basic {
        username: String,
        password: String,
    },
    Bearer(String),
}

pub(super) struct Reader {
    /// What it is called in messages.
    what: &'static str,
    base: Url,
    credentials: Credentials,
    /// A header that goes with every request.
    header: Option<(&'static str, String)>,
    /// Whether what has moved within the same origin is read where it is now.
    follows: bool,
    client: reqwest::Client,
}

impl Reader {
    /// Credentials within the address are used, when there are no others, and not told.
    pub fn new(
        what: &'static str,
        address: &Url,
        credentials: Credentials,
        timeout: Duration,
    ) -> Result<Self, Box<dyn Error>> {
        let mut base = address.clone();
        let credentials = match (credentials, address.username()) {
            (Credentials::None, username) if !username.is_empty() => {
                let plain = |text: &str| {
                    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
                };
                Credentials::Basic {
                    username: plain(username),
                    password: plain(address.password().unwrap_or_default()),
                }
            }
            (credentials, _) => credentials,
        };
        if !matches!(base.scheme(), "http" | "https")
            || base.set_username("").is_err()
            || base.set_password(None).is_err()
        {
            return Err(format!("{what}: its address must begin with http:// or https://").into());
        }
        base.set_query(None);
        base.set_fragment(None);
        // A redirect would take what was said to somebody else.
        let client = client_builder()
            .timeout(timeout)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("blockyard/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { what, base, credentials, header: None, follows: false, client })
    }

    pub fn with_header(mut self, name: &'static str, value: Option<String>) -> Self {
        self.header = value.map(|value| (name, value));
        self
    }

    /// Reads what has moved where it is now, when that is the same origin: credentials go nowhere else.
    pub fn following(mut self) -> Self {
        self.follows = true;
        self
    }

    /// The address, without secrets and without a slash at the end.
    pub fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Reads something that has to be there.
    pub async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Value, Box<dyn Error>> {
        let found = self.get_if_there(path, query).await?;
        found.ok_or_else(|| {
            format!("{} at {} has no {}: 404", self.what, self.address(), path.join("/")).into()
        })
    }

    /// Reads something; `None` when there is no such thing.
    pub async fn get_if_there(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
    ) -> Result<Option<Value>, Box<dyn Error>> {
        Ok(self.page(self.of(path, query)?).await?.map(|page| page.value))
    }

    /// The address of something.
    pub fn of(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, Box<dyn Error>> {
        let mut address = self.base.clone();
        address
            .path_segments_mut()
            .map_err(|()| format!("{}: that is no address", self.what))?
            .pop_if_empty()
            .extend(path);
        if !query.is_empty() {
            address.query_pairs_mut().extend_pairs(query);
        }
        Ok(address)
    }

    /// Reads what is at an address of this source; `None` when there is no such thing.
    pub async fn page(&self, mut address: Url) -> Result<Option<Page>, Box<dyn Error>> {
        if address.origin() != self.base.origin() {
            return Err(self
                .told(
                    &format!(
                        "it sends to {}, which is not asked",
                        address.origin().ascii_serialization()
                    ),
                    &address,
                )
                .into());
        }
        let path = address.clone();
        let path = &path;
        let mut moves = 0;
        let mut pause = FIRST_PAUSE;
        let mut tried = 0;
        loop {
            tried += 1;
            let (words, asked_for) = match self.request(&address).send().await {
                Ok(answer) => match answer.status() {
                    StatusCode::NOT_FOUND => return Ok(None),
                    status if status.is_success() => {
                        let next = next(answer.headers(), &address);
                        match whole(answer).await {
                            Ok(body) => {
                                let value = serde_json::from_slice(&body).map_err(|_| {
                                    self.told(&format!("it answers {status}, and no JSON"), path)
                                })?;
                                return Ok(Some(Page { value, next }));
                            }
                            Err(words) => (words, None),
                        }
                    }
                    status if status.is_redirection() => {
                        let to = answer.headers().get(header::LOCATION);
                        let to =
                            to.and_then(|to| to.to_str().ok()).and_then(|to| address.join(to).ok());
                        if let Some(to) = &to
                            && self.follows
                            && to.origin() == self.base.origin()
                            && moves < MOST_MOVES
                        {
                            moves += 1;
                            tried = 0;
                            address = to.clone();
                            continue;
                        }
                        let to = to.map_or_else(String::new, |to| {
                            format!(" to {}", to.origin().ascii_serialization())
                        });
                        return Err(self.told(
                            &format!("it answers {status}{to}, which is not followed: say the address that is meant"),
                            path,
                        ).into());
                    }
                    status
                        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() =>
                    {
                        let asked_for = answer.headers().get(header::RETRY_AFTER);
                        let asked_for = asked_for.and_then(|it| it.to_str().ok()?.parse().ok());
                        (format!("it answers {status}"), asked_for.map(Duration::from_secs))
                    }
                    status => {
                        let said = whole(answer).await.unwrap_or_default();
                        let said: Value = serde_json::from_slice(&said).unwrap_or_default();
                        let said = said["message"].as_str().or_else(|| said["error"].as_str());
                        let said = said.map(|said| format!(": {said}")).unwrap_or_default();
                        let words = self.told(&format!("it answers {status}{said}"), path);
                        return Err(Denied { status, words }.into());
                    }
                },
                Err(error) => (no_answer(error), None),
            };
            if tried >= TRIES {
                return Err(self.told(&format!("{words}, {tried} times"), path).into());
            }
            tokio::time::sleep(asked_for.unwrap_or(pause).min(LONGEST_PAUSE)).await;
            pause *= 2;
        }
    }

    fn request(&self, address: &Url) -> RequestBuilder {
        let request = self.client.request(Method::GET, address.clone());
        let request = match &self.credentials {
            Credentials::None => request,
            Credentials::Basic { username, password } => {
                request.basic_auth(username, Some(password))
            }
            Credentials::Bearer(token) => request.bearer_auth(token),
        };
        match &self.header {
            Some((name, value)) => request.header(*name, value),
            None => request,
        }
    }

    /// With the path below the address; a query may hold what is nobody's business.
    fn told(&self, words: &str, address: &Url) -> String {
        let path = address.path();
        let path = path.strip_prefix(self.base.path().trim_end_matches('/')).unwrap_or(path);
        format!("{} at {}: {words} ({})", self.what, self.address(), path.trim_start_matches('/'))
    }
}

/// Where the next page is (RFC 8288).
fn next(headers: &HeaderMap, address: &Url) -> Option<Url> {
    let links = headers.get_all(header::LINK).into_iter().filter_map(|it| it.to_str().ok());
    links.flat_map(|it| it.split(", <")).find_map(|link| {
        let (to, parameters) = link.trim_start_matches([' ', '<']).split_once('>')?;
        let mut parameters = parameters.split(';').map(str::trim);
        parameters
            .any(|it| {
                it.eq_ignore_ascii_case("rel=\"next\"") || it.eq_ignore_ascii_case("rel=next")
            })
            .then(|| address.join(to).ok())?
    })
}

fn no_answer(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "it does not answer in time".to_owned();
    }
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = error.to_string();
        cause = error.source();
    }
    format!("it cannot be reached ({words})")
}

async fn whole(mut answer: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MOST_BYTES => {
                body.extend_from_slice(&chunk);
            }
            Ok(Some(_)) => return Err(format!("its answer is larger than {MOST_BYTES} bytes")),
            Ok(None) => return Ok(body),
            Err(error) => return Err(no_answer(error)),
        }
    }
}
