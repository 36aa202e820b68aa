//! A real Chromium, driven through chromedriver as W3C's WebDriver has it: a handful of requests, for which a library
//! of its own would be more than they are.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// The name under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

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
        } } });
        let root = format!("http://127.0.0.1:{port}/session");
        let answer = http.post(&root).json(&wanted).send().await.expect("chromedriver");
        let answer: Value = answer.json().await.expect("an answer");
        let id = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no Chromium: {answer}"));
        Some(Self { driver, http, session: format!("{root}/{id}") })
    }

    async fn ask(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(format!("{}/{path}", self.session)).json(&body);
        let mut answer: Value =
            request.send().await.expect("chromedriver").json().await.expect("an answer");
        assert!(answer["value"]["error"].is_null(), "{path} {body}: {answer}");
        answer["value"].take()
    }

    pub async fn open(&self, url: &str) {
        self.ask("url", json!({ "url": url })).await;
    }

    async fn element(&self, css: &str) -> String {
        let found = self.ask("element", json!({ "using": "css selector", "value": css })).await;
        found[ELEMENT].as_str().expect("an element").to_owned()
    }

    pub async fn click(&self, css: &str) {
        let element = self.element(css).await;
        self.ask(&format!("element/{element}/click"), json!({})).await;
    }

    /// Writes into an empty field.
    pub async fn write(&self, css: &str, text: &str) {
        let element = self.element(css).await;
        self.ask(&format!("element/{element}/clear"), json!({})).await;
        self.ask(&format!("element/{element}/value"), json!({ "text": text })).await;
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
        let mut shown = String::new();
        for _ in 0..200 {
            shown =
                self.run("return document.body ? document.body.innerText : ''").await.to_string();
            if shown.contains(text) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{text:?} is not said by {shown}");
    }

    /// The whole page, as a PNG in base64.
    pub async fn picture(&self) -> String {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let picture = self.command("Page.captureScreenshot", whole).await;
        picture["data"].as_str().expect("a picture").to_owned()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It ends its browser with itself.
        let quit = std::process::Command::new("kill").arg(self.driver.id().to_string()).status();
        if quit.is_err() {
            self.driver.kill().ok();
        }
        self.driver.wait().ok();
    }
}
