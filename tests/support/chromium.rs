//! A real Chromium, driven through chromedriver as W3C's WebDriver has it: a handful of requests, for which a library
//! of its own would be more than they are.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long a page may take that comes at once on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// A browser with one window. Dropping it ends it.
pub struct Chromium {
    driver: Child,
    http: reqwest::Client,
    session: String,
}

impl Chromium {
    /// `None`, with a word, where this machine has no chromedriver.
    pub async fn start() -> Option<Self> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut driver) = driver else {
            eprintln!(
                "left out: there is no chromedriver (apt-get install chromium chromium-driver)"
            );
            return None;
        };
        let output = BufReader::new(driver.stdout.take().expect("its output"));
        let port = output.lines().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once("successfully on port ")?;
            rest.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.expect("chromedriver says where it listens");
        rustls::crypto::ring::default_provider().install_default().ok();
        let http =
            reqwest::Client::builder().timeout(Duration::from_mins(1)).build().expect("a client");
        let options = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=en-GB", "--hide-scrollbars"],
        });
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" },
            // What a page that is still coming will have.
            "timeouts": { "implicit": PATIENCE.as_millis() },
        } } });
        let root = format!("http://127.0.0.1:{port}/session");
        // A machine that is busy may not start one at the first try.
        let mut answer = Value::Null;
        for _ in 0..3 {
            answer = http
                .post(&root)
                .json(&wanted)
                .send()
                .await
                .expect("chromedriver")
                .json()
                .await
                .expect("an answer");
            if answer["value"]["error"] != "session not created" {
                break;
            }
        }
        let id = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no Chromium: {answer}"));
        Some(Self { driver, http, session: format!("{root}/{id}") })
    }

    /// The value of an answer, or the answer that refuses.
    async fn try_ask(&self, path: &str, body: &Value) -> Result<Value, Value> {
        let request = self.http.post(format!("{}/{path}", self.session)).json(body);
        let mut answer: Value =
            request.send().await.expect("chromedriver").json().await.expect("an answer");
        if answer["value"]["error"].is_null() { Ok(answer["value"].take()) } else { Err(answer) }
    }

    async fn ask(&self, path: &str, body: Value) -> Value {
        self.try_ask(path, &body).await.unwrap_or_else(|answer| panic!("{path} {body}: {answer}"))
    }

    pub async fn open(&self, url: &str) {
        self.ask("url", json!({ "url": url })).await;
    }

    /// Does something with an element, and again with the one that has come in its place meanwhile.
    async fn with_element(&self, css: &str, verb: &str, body: Value) {
        let by = json!({ "using": "css selector", "value": css });
        let began = Instant::now();
        loop {
            let found = self.try_ask("element", &by).await;
            let is_found = found.is_ok();
            let done = match found {
                Ok(found) => {
                    let element = found[ELEMENT].as_str().expect("an element");
                    self.try_ask(&format!("element/{element}/{verb}"), &body).await
                }
                refused => refused,
            };
            match done {
                Ok(_) => return,
                // A click that leads away is done.
                Err(answer) if is_found && verb == "click" && is_led_away(&answer) => return,
                Err(answer) if is_between_pages(&answer) && began.elapsed() < PATIENCE => {}
                Err(answer) => panic!("{verb} {css} {body}: {answer}"),
            }
        }
    }

    pub async fn click(&self, css: &str) {
        self.with_element(css, "click", json!({})).await;
    }

    /// Writes into a field, in place of what it has.
    pub async fn write(&self, css: &str, text: &str) {
        self.with_element(css, "clear", json!({})).await;
        self.with_element(css, "value", json!({ "text": text })).await;
    }

    /// What a script returns.
    pub async fn run(&self, script: &str) -> Value {
        self.ask("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// What a script resolves to.
    pub async fn resolve(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; ({script}).then(done, (error) => done(String(error)));"
        );
        self.ask("execute/async", json!({ "script": script, "args": [] })).await
    }

    /// A command of the DevTools, for what WebDriver has none.
    pub async fn command(&self, name: &str, params: Value) -> Value {
        self.ask("goog/cdp/execute", json!({ "cmd": name, "params": params })).await
    }

    pub async fn resize(&self, width: u32) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
    }

    pub async fn prefer(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.command("Emulation.setEmulatedMedia", features).await;
    }

    /// What has been complained of since it was asked last: errors of scripts, what a policy has kept from loading.
    pub async fn complaints(&self) -> Vec<String> {
        let lines = self.ask("se/log", json!({ "type": "browser" })).await;
        let lines = lines.as_array().into_iter().flatten();
        lines.map(|line| line["message"].to_string()).collect()
    }

    /// Waits until the page that a click leads to says something.
    pub async fn says(&self, text: &str) {
        let script = "return document.body ? document.body.innerText : ''";
        let script = json!({ "script": script, "args": [] });
        let began = Instant::now();
        loop {
            // A page that is leaving cannot be asked.
            let shown = self.try_ask("execute/sync", &script).await;
            if shown.as_ref().is_ok_and(|shown| shown.to_string().contains(text)) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{text:?} is not said by {shown:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The whole page, as a PNG in base64.
    pub async fn picture(&self) -> String {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.command("Page.captureScreenshot", whole).await;
        picture["data"].as_str().expect("a picture").to_owned()
    }
}

/// Whether it was refused because one page went and another came.
fn is_between_pages(answer: &Value) -> bool {
    answer["value"]["error"] == "stale element reference" || is_led_away(answer)
}

/// Whether the page was left while it was asked.
fn is_led_away(answer: &Value) -> bool {
    answer["value"]["message"].as_str().is_some_and(|told| told.contains("by navigation"))
}

impl Chromium {
    /// Ends the browser, which would outlive its driver.
    fn quit(&self) -> std::io::Result<()> {
        let (_, address) = self.session.split_once("//").unwrap_or_default();
        let (host, path) = address.split_once('/').unwrap_or_default();
        let mut stream = TcpStream::connect(host)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "DELETE /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if let Err(error) = self.quit() {
            eprintln!("a Chromium may still run: {error}");
        }
        self.driver.kill().ok();
        self.driver.wait().ok();
    }
}
