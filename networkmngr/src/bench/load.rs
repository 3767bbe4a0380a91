//! The loading side of measurements over HTTP: connections that are kept, requests that were written beforehand, and
//! of the answers only as much understood as tells where they end. It costs less than any server, so that it is the
//! server that is measured.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Bytes that an answer's head may take.
const MAX_HEAD: usize = 16 << 10;

/// One connection, on which one request follows another.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// A request as it is sent.
pub(super) fn request(method: &str, host: SocketAddr, path: &str, json: &[u8]) -> Bytes {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\naccept: application/json\r\n").into_bytes();
    if !json.is_empty() {
        bytes.extend(format!("content-type: application/json\r\ncontent-length: {}\r\n", json.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(json);
    bytes.into()
}

impl Connection {
    pub(super) async fn open(host: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(host).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 << 10) })
    }

    /// Sends a request and reads the whole answer; gives its status.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some((status, length)) = whole(&self.buffer)? {
                return if length == self.buffer.len() { Ok(status) } else { Err(wrong("more than one answer came")) };
            }
        }
    }

    /// What the last answer said, for those who want to know.
    pub(super) fn last_answer(&self) -> String {
        let text = String::from_utf8_lossy(&self.buffer);
        text.split_once("\r\n\r\n").map_or_else(|| text.clone().into_owned(), |(_, body)| body.to_owned())
    }
}

/// Sends one request over and over on all connections at once, for so long; gives how many answers came a second.
///
/// # Errors
/// A connection breaks, or an answer is no success.
pub(super) async fn hammer(connections: &mut Vec<Connection>, request: &Bytes, time: Duration) -> Result<f64> {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut connection in connections.drain(..) {
        let request = request.clone();
        tasks.spawn(async move {
            let mut answers = 0_u64;
            while begun.elapsed() < time {
                let status = connection.exchange(&request).await?;
                if !(200..300).contains(&status) {
                    return Err(wrong(&format!("the answer is {status}: {}", connection.last_answer())));
                }
                answers += 1;
            }
            Ok((connection, answers))
        });
    }
    let mut answers = 0;
    while let Some(done) = tasks.join_next().await {
        let (connection, more) = done.map_err(Error::other)??;
        connections.push(connection);
        answers += more;
    }
    Ok(answers as f64 / begun.elapsed().as_secs_f64())
}

/// Status and length in bytes of the answer at the beginning; `None` while more of it is to come.
fn whole(bytes: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(end) = find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > MAX_HEAD { Err(wrong("the answer's head does not end")) } else { Ok(None) };
    };
    let head = str::from_utf8(&bytes[..end]).map_err(|_| wrong("the answer's head is no text"))?;
    let status =
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| wrong("there is no status"))?;
    let body = end + 4;
    let fields = || head.lines().skip(1).filter_map(|line| line.split_once(':'));
    let field =
        |name: &str| fields().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
    let length = match (field("content-length"), field("transfer-encoding")) {
        (Some(length), _) => Some(length.parse().map_err(|_| wrong("the length is no number"))?),
        (None, Some("chunked")) => chunked(&bytes[body..])?,
        _ => return Err(wrong("the answer does not say where it ends")),
    };
    let all = length.map(|length: usize| body.saturating_add(length));
    Ok(all.filter(|all| bytes.len() >= *all).map(|all| (status, all)))
}

/// Length of a body in chunks (RFC 9112, section 7.1), without trailers; `None` while more of it is to come.
fn chunked(body: &[u8]) -> Result<Option<usize>> {
    let mut at = 0;
    loop {
        let Some(line) = body.get(at..).and_then(|rest| find(rest, b"\r\n")) else { return Ok(None) };
        let size =
            str::from_utf8(&body[at..at + line]).ok().and_then(|text| usize::from_str_radix(text.trim(), 16).ok());
        let size = size.ok_or_else(|| wrong("the size of a chunk is no number"))?;
        at = at.saturating_add(line).saturating_add(size).saturating_add(4);
        if size == 0 {
            return Ok(Some(at));
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn wrong(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_it_says() {
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 422 Unprocessable Entity\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nA\r\n0123456789\r\n0\r\n\r\n",
        ] {
            let status = text[9..12].parse().unwrap();
            let more = format!("{text}HTTP/1.1");
            for cut in 0..=more.len() {
                let expected = (cut >= text.len()).then_some((status, text.len()));
                assert_eq!(whole(&more.as_bytes()[..cut]).unwrap(), expected, "{cut} bytes of {text:?}");
            }
        }
    }

    #[test]
    fn answers_without_an_end_are_refused() {
        for text in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n",
            "nonsense\r\n\r\n",
        ] {
            assert!(whole(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(whole(&vec![b'x'; MAX_HEAD + 1]).is_err());
    }

    #[tokio::test]
    async fn one_connection_carries_many_requests() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let host = listener.local_addr().unwrap();
        let echo = |body: String| async { body };
        let router = axum::Router::new().route("/echo", axum::routing::post(echo));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let mut connections = vec![Connection::open(host).await.unwrap()];
        let (echo, missing) = (request("POST", host, "/echo", b"{}"), request("GET", host, "/missing", b""));
        assert_eq!(connections[0].exchange(&echo).await.unwrap(), 200);
        assert_eq!(connections[0].last_answer(), "{}");
        assert!(hammer(&mut connections, &echo, Duration::from_millis(5)).await.unwrap() > 0.0);
        assert_eq!(connections[0].exchange(&missing).await.unwrap(), 404);
        assert!(hammer(&mut connections, &missing, Duration::from_millis(5)).await.is_err());
    }
}
