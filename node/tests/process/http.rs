//! The least HTTP client there can be: one request on one connection, and the answer's bytes exactly
//! as they came. An answer that was cut short is an error.

use std::io::{Error, ErrorKind, Read as _, Result, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A whole answer.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The sentence of a problem.
    pub(crate) fn detail(&self) -> String {
        self.json()["detail"].as_str().unwrap_or_default().to_owned()
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let body = bytes[end + 4..].to_vec();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        length.is_none_or(|length: usize| length == body.len()).then_some(Self { status, body })
    }
}

/// Sends a request to the server at `host` (address and port).
pub(crate) fn send(host: &str, method: &str, path: &str, body: &[u8]) -> Result<TcpStream> {
    send_with(host, method, path, "", body)
}

/// The same with more lines in its head, each with its line break.
fn send_with(host: &str, method: &str, path: &str, more: &str, body: &[u8]) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // Of an HTTP/1.0 answer, the end of the connection is the end.
    let mut request = format!("{method} {path} HTTP/1.0\r\nhost: {host}\r\n{more}");
    if !body.is_empty() {
        request.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    stream.write_all(&[request.as_bytes(), b"\r\n", body].concat())?;
    Ok(stream)
}

/// Waits for the answer on a connection from [`send`].
pub(crate) fn receive(mut stream: TcpStream) -> Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    Answer::read(&bytes).ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))
}

/// Sends a request and waits for its answer.
pub(crate) fn ask(host: &str, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
    receive(send(host, method, path, body)?)
}

/// The same in the name of whoever has this token.
pub(crate) fn ask_as(host: &str, token: &str, method: &str, path: &str, body: &[u8]) -> Result<Answer> {
    receive(send_with(host, method, path, &format!("authorization: Bearer {token}\r\n"), body)?)
}
