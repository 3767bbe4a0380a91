//! Carries out `curl` commands as the documents write them, also several in a pipe, so that the tests
//! need no curl on the machine. Options that do not change what is printed are accepted and ignored.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);

/// Runs `curl … | curl …` and returns what the last one prints. Files lie in `folder`.
pub(crate) fn run(command: &str, folder: &Path) -> Result<String, String> {
    command.split(" | ").try_fold(String::new(), |input, part| {
        let request = Request::parse(part, input)?;
        let Some(file) = request.file.clone() else { return request.send() };
        let written = std::fs::write(folder.join(file), request.send()?);
        written.map(|()| String::new()).map_err(|error| format!("curl: {error}"))
    })
}

#[derive(Debug, Default)]
struct Request {
    method: Option<String>,
    host: String,
    path: String,
    headers: Vec<String>,
    body: Option<String>,
    /// Where the answer goes instead of the terminal.
    file: Option<String>,
}

impl Request {
    fn parse(command: &str, input: String) -> Result<Self, String> {
        let mut words = words(command).into_iter();
        if words.next().as_deref() != Some("curl") {
            return Err(format!("{command:?} is no curl command"));
        }
        let mut request = Self::default();
        let mut input = Some(input);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} has no value"));
            match word.as_str() {
                "-s" | "-S" | "-sS" => {}
                "-o" => request.file = Some(value()?),
                "-X" => request.method = Some(value()?),
                "-H" => request.headers.push(value()?),
                "-d" => {
                    let text = value()?;
                    request.body = Some(if text == "@-" { input.take().unwrap_or_default() } else { text });
                }
                option if option.starts_with('-') => return Err(format!("unknown option {option}")),
                url => {
                    let (host, path) = url.split_once('/').unwrap_or((url, ""));
                    (request.host, request.path) = (host.to_owned(), format!("/{path}"));
                }
            }
        }
        Ok(request)
    }

    /// Sends it in HTTP/1.0, where the answer's body is all that follows its head.
    fn send(self) -> Result<String, String> {
        let said = |error: std::io::Error| format!("curl: {}: {error}", self.host);
        let address = self.host.replace("localhost", "127.0.0.1");
        let mut stream = TcpStream::connect(&address).map_err(said)?;
        stream.set_read_timeout(Some(LIMIT)).map_err(said)?;
        let body = self.body.as_deref().unwrap_or_default();
        let method = self.method.as_deref().unwrap_or(if self.body.is_some() { "POST" } else { "GET" });
        let mut head = format!("{method} {} HTTP/1.0\r\nhost: {}\r\n", self.path, self.host);
        for header in &self.headers {
            head.push_str(&format!("{header}\r\n"));
        }
        if self.body.is_some() {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).map_err(said)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(said)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or(format!("no HTTP answer: {answer:?}"))?;
        Ok(body.to_owned())
    }
}

/// The words of a command, with single and double quotes taken away.
pub(crate) fn words(command: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut quote = None;
    let mut inside = false;
    for character in command.chars() {
        match (quote, character) {
            (Some(end), _) if character == end => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                if !std::mem::replace(&mut inside, true) {
                    words.push(String::new());
                }
            }
            (None, ' ') => inside = false,
            _ => {
                if !std::mem::replace(&mut inside, true) {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.push(character);
                }
            }
        }
    }
    words
}

#[test]
fn words_are_split_at_spaces_outside_of_quotes() {
    assert_eq!(words("a  'b c' \"d\"e ''"), ["a", "b c", "de", ""]);
}
