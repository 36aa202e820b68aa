//! HAProxy before two instances, with the configuration that people are given.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::program::{Program, client};

const PATIENCE: Duration = Duration::from_secs(30);

pub struct Proxy {
    address: SocketAddr,
    state: SocketAddr,
    child: Child,
}

impl Proxy {
    /// Distributes requests among the two; `None`, with a word, where there is no HAProxy. CI has one.
    pub async fn start(one: &Program, two: &Program) -> Option<Self> {
        let Some(haproxy) = program(&["haproxy", "/usr/sbin/haproxy"], "-v") else {
            assert!(std::env::var_os("CI").is_none(), "CI has an HAProxy");
            println!("skipped: HAProxy is not installed (apt-get install haproxy)");
            return None;
        };
        let (address, state) = (free_address(), free_address());
        let child = Command::new(haproxy)
            .arg("-db")
            .arg("-f")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/haproxy.cfg"))
            .env("BLOCKYARD_LISTEN", address.to_string())
            .env("HAPROXY_STATE", state.to_string())
            .env("BLOCKYARD_ONE", one.address.to_string())
            .env("BLOCKYARD_TWO", two.address.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            // It tells of each instance that comes and goes.
            .stderr(Stdio::null())
            .spawn()
            .expect("HAProxy");
        let proxy = Self { address, state, child };
        for server in ["one", "two"] {
            proxy.until(server, "UP").await;
        }
        Some(proxy)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Waits until a server is what an operator waits for: `UP` before the next is stopped.
    pub async fn until(&self, server: &str, state: &str) {
        let line = format!(
            "haproxy_server_status{{proxy=\"instances\",server=\"{server}\",state=\"{state}\"}} 1"
        );
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = client().get(format!("http://{}/metrics", self.state)).send().await;
            if let Ok(answer) = answer
                && answer.text().await.is_ok_and(|text| text.contains(&line))
            {
                return;
            }
            assert!(Instant::now() < deadline, "{server} is not {state}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The first of the names under which a program is found.
pub fn program<'a>(names: &[&'a str], question: &str) -> Option<&'a str> {
    let answers = |name: &str| {
        let quiet = || Stdio::null();
        let asked = Command::new(name).arg(question).stdout(quiet()).stderr(quiet()).status();
        asked.is_ok_and(|status| status.success())
    };
    names.iter().copied().find(|name| answers(name))
}

fn free_address() -> SocketAddr {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("its address")
}
