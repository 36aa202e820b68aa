//! Something that answers on the loopback as a test wants it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Status, a header line or nothing, body.
pub type Answer = (u16, String, String);

/// Answers each request by its path with its query, and by its headers.
pub fn serve(answer: impl Fn(&str, &str) -> Option<Answer> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || one(stream, &*answer));
        }
    });
    address
}

/// `None` is no answer: the connection stays open for a while.
fn one(mut stream: TcpStream, answer: &dyn Fn(&str, &str) -> Option<Answer>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let Some((status, header, body)) = answer(&target, &head) else {
        thread::sleep(std::time::Duration::from_secs(30));
        return;
    };
    let header = if header.is_empty() { header } else { format!("{header}\r\n") };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status} OK\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}
