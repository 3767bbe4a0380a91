//! Pages for browsers: files built into the program (in debug builds, read from the source tree), with headers that
//! keep everything from elsewhere out of them. Knows nothing of what the pages show; the manager serves its own pages
//! through here, and the parts that all pages share.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::problem::Problem;

/// The node's pages (`node/web`). What lies in `base/` is for the pages of all programs.
#[derive(RustEmbed, Debug)]
#[folder = "web/"]
#[exclude = "tests/*"]
pub struct Web;

/// A policy with these sources of pictures.
macro_rules! policy {
    ($pictures:literal) => {
        concat!(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src ",
            $pictures,
            "; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
    };
}

/// What a page may do: run the scripts, show the styles and ask the server it came from, and nothing else.
const POLICY: &str = policy!("'self' data: blob:");

/// The same for those who turned Gravatar's pictures on in this browser.
const POLICY_WITH_GRAVATAR: &str = policy!("'self' data: blob: https://www.gravatar.com");

/// The cookie by which a page says that its reader turned them on.
const GRAVATAR_COOKIE: &str = "gravatar=on";

/// Whether a request comes from a browser that wants to show a page. Programs that take anything get plain text.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|accepted| accepted.to_str().ok());
    accepted.flat_map(|accepted| accepted.split(',')).any(|kind| kind.trim().starts_with("text/html"))
}

/// A file of these, as a browser is to get it; `None` if there is none with this name.
pub fn file<F: RustEmbed>(name: &str, asked: &HeaderMap) -> Option<Response> {
    F::get(name).map(|file| answer(name, file, asked))
}

/// A file of the node's pages, for `GET /web/{*path}`.
pub(super) async fn web(Path(name): Path<String>, headers: HeaderMap) -> Response {
    file::<Web>(&name, &headers).unwrap_or_else(no_file)
}

/// What is answered where there is no such file.
pub fn no_file() -> Response {
    Problem::new(StatusCode::NOT_FOUND, "The pages have no file of this name; / is where they begin.").into_response()
}

/// Whether the reader of a page wants Gravatar asked for pictures.
fn wants_gravatar(headers: &HeaderMap) -> bool {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|cookies| cookies.split(';')).any(|pair| pair.trim() == GRAVATAR_COOKIE)
}

fn answer(name: &str, file: EmbeddedFile, asked: &HeaderMap) -> Response {
    let gravatar = wants_gravatar(asked);
    let policy = if gravatar { POLICY_WITH_GRAVATAR } else { POLICY };
    // Of another policy too, since what a browser has kept it goes on using with the policy that it came with.
    let variant = if gravatar { "-gravatar" } else { "" };
    let tag = format!("\"{}{variant}\"", data_encoding::HEXLOWER.encode(&file.metadata.sha256_hash()[..16]));
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = match known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => Body::from(file.data.into_owned()).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(name)));
    // Kept by the browser, but asked about each time: another version of the program has other pages.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, cookie"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

/// The media type that a name stands for.
fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_get_the_page_and_programs_do_not() {
        let wants = |accepted: &'static str| {
            wants_page(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accepted))]))
        };
        assert!(wants("text/html,application/xhtml+xml,*/*;q=0.8") && wants("text/plain, text/html;q=0.5"));
        assert!(!wants("*/*") && !wants("application/json") && !wants_page(&HeaderMap::new()));
    }

    #[test]
    fn pictures_from_elsewhere_are_for_those_alone_who_turned_them_on() {
        let with = |cookie: &'static str| {
            let asked = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_static(cookie))]);
            let headers = file::<Web>("index.html", &asked).expect("the file is there").headers().clone();
            let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
            (policy, headers[header::ETAG].clone())
        };
        let (closed, closed_tag) = with("a=b; gravatar=off; xgravatar=on; gravatar=on2");
        assert!(!closed.contains("http"));
        let (open, open_tag) = with("a=b;gravatar=on; c=d");
        assert_eq!(open.replace(" https://www.gravatar.com", ""), closed);
        assert!(open.contains("img-src 'self' data: blob: https://www.gravatar.com;"));
        assert_ne!(open_tag, closed_tag);
    }

    #[test]
    fn files_say_what_they_are_and_are_sent_once() {
        let first = file::<Web>("base/theme.css", &HeaderMap::new()).expect("the file is there");
        let headers = first.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "text/css; charset=utf-8");
        assert!(headers[header::CONTENT_SECURITY_POLICY].to_str().is_ok_and(|policy| !policy.contains("unsafe")));
        let again = HeaderMap::from_iter([(header::IF_NONE_MATCH, headers[header::ETAG].clone())]);
        let again = file::<Web>("base/theme.css", &again).expect("the file is there");
        assert_eq!((first.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
        for name in ["base/none.css", "../Cargo.toml", "/etc/passwd", "", "tests/vectors.mjs"] {
            assert!(file::<Web>(name, &HeaderMap::new()).is_none(), "{name}");
        }
    }
}
