//! The control API's manners: who is answered, and how errors look.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::{Manager, folder};

/// Sends one request as it is written here, and returns the whole answer.
fn ask(manager: &Manager, method: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", manager.port)).unwrap();
    write!(stream, "{method} {path} HTTP/1.1\r\nconnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn only_its_own_names_and_pages_are_answered() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let own = format!("host: localhost:{}\r\n", manager.port);
    let refused = |method: &str, path: &str, headers: &str| {
        let answer = ask(&manager, method, path, headers);
        assert!(answer.starts_with("HTTP/1.1 403 "), "{method} {path} {headers}: {answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    };
    for path in ["/", "/status", "/shutdown/all", "/nowhere"] {
        refused("GET", path, "host: evil.example\r\n");
        refused("POST", path, "host: evil.example\r\n");
    }
    for path in ["/start/mining", "/stop/mining", "/shutdown/all"] {
        refused("GET", path, &format!("{own}sec-fetch-site: cross-site\r\n"));
        refused("POST", path, &format!("{own}origin: http://evil.example\r\n"));
    }
    refused("POST", "/nodes", &format!("{own}origin: null\r\n"));
    refused("POST", "/nodes/0/kill", &format!("{own}sec-fetch-site: same-site\r\n"));
    let health = ask(&manager, "GET", "/health", &own);
    assert!(health.starts_with("HTTP/1.1 200 ") && health.contains("\"running\":1"), "{health}");
    manager.stop();
}

#[test]
fn errors_are_json_and_a_question_about_a_verb_is_no_order() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let own = format!("host: 127.0.0.1:{}\r\n", manager.port);
    for (method, path, status) in [
        ("GET", "/nowhere", "404"),
        ("DELETE", "/nodes", "405"),
        ("GET", "/nodes/0/kill", "405"),
        ("PUT", "/start/mining", "405"),
        ("HEAD", "/shutdown/all", "405"),
    ] {
        let answer = ask(&manager, method, path, &own);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {answer}");
        assert!(answer.contains("content-type: application/problem+json"), "{answer}");
    }
    let page = ask(&manager, "GET", "/", &own);
    assert!(page.contains(&format!("curl localhost:{}/start/mining", manager.port)), "{page}");
    manager.stop();
}
