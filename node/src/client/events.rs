//! Server-sent events as they come (WHATWG HTML, section 9.2). Whoever follows decides when to begin again, and
//! after which event.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderValue};
use hyper::{Method, Request};

use super::{Client, ClientError, problem, root_cause, unanswered};

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerEvent {
    /// Its own id, if it has one.
    pub id: Option<String>,
    /// Its name; empty if it has none.
    pub event: String,
    /// What it says.
    pub data: String,
}

/// A stream of events that is being read.
#[derive(Debug)]
pub struct Events {
    url: String,
    body: Incoming,
    parser: Parser,
}

impl Client {
    /// GETs `url` and follows the events that it gives, after the one with the id `last` if that is given. The
    /// deadline is for the beginning of the answer alone.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn follow(&self, url: &str, last: Option<&str>, deadline: Duration) -> Result<Events, ClientError> {
        let bad = |reason: String| ClientError::BadRequest { url: url.to_owned(), reason };
        let mut request = Request::builder().method(Method::GET).uri(url).header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            let id = HeaderValue::from_str(last).map_err(|error| bad(error.to_string()))?;
            request = request.header("last-event-id", id);
        }
        let request = self.signed(request).body(Full::new(Bytes::new())).map_err(|error| bad(error.to_string()))?;
        let answer = async {
            let response = self.http.request(request).await.map_err(|error| unanswered(url, &error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response.into_body());
            }
            let body = self.whole(url, response.into_body()).await?;
            Err(ClientError::Problem(Box::new(problem(url, status, &body))))
        };
        let answer = tokio::time::timeout(deadline, answer).await;
        let body = answer.map_err(|_| ClientError::Timeout { url: url.to_owned(), deadline })??;
        let parser = Parser { limit: self.max_answer, ..Parser::default() };
        Ok(Events { url: url.to_owned(), body, parser })
    }
}

impl Events {
    /// The next event; waits for one, for as long as that takes. `None` when the server has ended the stream.
    ///
    /// # Errors
    /// The connection broke, or an event is larger than the client reads.
    pub async fn next(&mut self) -> Result<Option<ServerEvent>, ClientError> {
        loop {
            if let Some(event) = self.ready() {
                return Ok(Some(event));
            }
            let Some(frame) = self.body.frame().await else { return Ok(None) };
            let broken =
                |error: hyper::Error| ClientError::Broken { url: self.url.clone(), reason: root_cause(&error) };
            let Ok(piece) = frame.map_err(broken)?.into_data() else { continue };
            if !self.parser.take(&piece) {
                return Err(ClientError::TooLarge { url: self.url.clone(), limit: self.parser.limit });
            }
        }
    }

    /// The next event, if it is here already.
    pub fn ready(&mut self) -> Option<ServerEvent> {
        self.parser.events.pop_front()
    }
}

/// Makes events of pieces.
#[derive(Debug, Default)]
struct Parser {
    /// Most bytes of one event.
    limit: usize,
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, which may be the first half of a line's end.
    after_return: bool,
    event: ServerEvent,
    has_data: bool,
    events: VecDeque<ServerEvent>,
}

impl Parser {
    /// Takes in a piece; false if an event is too large.
    fn take(&mut self, piece: &[u8]) -> bool {
        for byte in piece {
            let second_half = std::mem::replace(&mut self.after_return, *byte == b'\r') && *byte == b'\n';
            match byte {
                b'\n' if second_half => {}
                b'\n' | b'\r' => self.end_line(),
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.event.data.len() > self.limit {
                return false;
            }
        }
        true
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            if std::mem::take(&mut self.has_data) {
                self.events.push_back(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            "event" => self.event.event = value.to_owned(),
            "id" if !value.contains('\0') => self.event.id = Some(value.to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::handler::Handler;
    use axum::http::HeaderMap;
    use axum::routing::get;

    use super::*;
    use crate::drivers::http::problem::Problem;

    const SOON: Duration = Duration::from_secs(20);
    const STREAM: &str = ": hello\n\nid: 7\nevent: pooled\ndata: {\"a\":1}\n\ndata: one\r\ndata:two\r\n\r\n\
                          event: empty\n\nid: 8.1\rdata\r\revent: half\ndata: x\n";

    fn event(id: Option<&str>, event: &str, data: &str) -> ServerEvent {
        ServerEvent { id: id.map(str::to_owned), event: event.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_the_same_however_they_come_in_pieces() {
        let expected =
            [event(Some("7"), "pooled", "{\"a\":1}"), event(None, "", "one\ntwo"), event(Some("8.1"), "", "")];
        for size in 1..STREAM.len() {
            let mut parser = Parser { limit: 100, ..Parser::default() };
            assert!(STREAM.as_bytes().chunks(size).all(|piece| parser.take(piece)));
            assert_eq!(parser.events, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_refused() {
        let mut parser = Parser { limit: 100, ..Parser::default() };
        assert!(!parser.take("data: x\n".repeat(200).as_bytes()));
        let mut parser = Parser { limit: 100, ..Parser::default() };
        assert!(!parser.take(&[b'x'; 101]));
    }

    /// Serves this at `/events`; gives the URL.
    async fn serve<H: Handler<T, ()>, T: 'static>(answer: H) -> String {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}/events", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/events", get(answer))).await });
        url
    }

    #[tokio::test]
    async fn a_stream_is_followed_from_the_event_that_was_last() {
        let answer = |headers: HeaderMap| async move {
            let last = headers.get("last-event-id").map_or("none", |last| last.to_str().unwrap()).to_owned();
            ([("content-type", "text/event-stream")], format!("id: 5\nevent: said\ndata: {last}\n\n"))
        };
        let url = serve(answer).await;
        for last in [None, Some("4.1")] {
            let mut events = Client::new().follow(&url, last, SOON).await.unwrap();
            let said = events.next().await.unwrap().unwrap();
            assert_eq!(said, event(Some("5"), "said", last.unwrap_or("none")));
            assert_eq!(events.next().await.unwrap(), None);
        }
        let missing = Client::new().follow(&url.replace("events", "none"), None, SOON).await.unwrap_err();
        assert_eq!(missing.status().map(|status| status.as_u16()), Some(404));
    }

    /// The token is shown, and the words of a refusal are heard.
    #[tokio::test]
    async fn a_refusal_is_told_in_the_servers_words() {
        let answer = |headers: HeaderMap| async move {
            let known = headers.get("authorization").is_some_and(|token| token == "Bearer abc");
            Problem::bad_request(if known { "Too many follow already." } else { "Who are you?" })
        };
        let url = serve(answer).await;
        let refused = Client::new().follow(&url, None, SOON).await.unwrap_err();
        assert_eq!(refused.to_string(), "Who are you?");
        let refused = Client::new().with_token("abc").follow(&url, None, SOON).await.unwrap_err();
        assert_eq!(refused.to_string(), "Too many follow already.");
    }
}
