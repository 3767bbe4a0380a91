//! The network's page: which files a browser gets. The parts that it shares with the nodes' pages are the node's
//! (`node/web/base`).

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use node::drivers::http::pages::{self, wants_page};
use rust_embed::RustEmbed;

use super::{Api, docs, overview};

#[derive(RustEmbed)]
#[folder = "web/"]
#[exclude = "tests/*"]
struct Web;

/// The network's page
///
/// For browsers; programs get the main routes as text.
#[utoipa::path(
    get, path = "/", tag = docs::NETWORK,
    responses((status = 200, content((String = "text/html"), (String = "text/plain"))), docs::Foreign)
)]
pub(super) async fn index(api: State<Api>, headers: HeaderMap) -> Response {
    let page = wants_page(&headers).then(|| pages::file::<Web>("index.html", &headers)).flatten();
    page.unwrap_or_else(|| overview::text(&api).into_response())
}

pub(super) async fn web(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let file = match name.starts_with("base/") {
        true => pages::file::<pages::Web>(&name, &headers),
        false => pages::file::<Web>(&name, &headers),
    };
    file.unwrap_or_else(pages::no_file)
}
