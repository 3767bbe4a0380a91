//! What the OpenAPI documents of all servers of this project have in common: errors, verbs, and the pages that show
//! them. What a server has of its own stands with it.

use axum::Router;
use axum::handler::Handler;
#[cfg(test)]
use serde::Deserialize;
use utoipa::openapi::{OpenApi, PathItem, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_swagger_ui::SwaggerUi;

use super::guard;

/// An error: what happened and what to do about it (RFC 9457).
#[derive(Debug, ToSchema)]
#[cfg_attr(test, derive(Deserialize))]
pub struct Problem {
    /// `about:blank`: the status says what kind of error it is.
    #[serde(rename = "type")]
    #[schema(example = "about:blank")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do, in a sentence or two.
    pub detail: String,
}

/// What an uninvited web page gets.
#[derive(Debug, IntoResponses)]
#[expect(dead_code, reason = "it is there for its description alone")]
#[response(status = 403, description = "Asked by a web page of another origin, or under another host name")]
pub struct Foreign(Problem);

/// What can be wrong with a body.
#[derive(Debug, IntoResponses)]
pub enum Body {
    /// Not JSON, or not what this path takes.
    #[response(status = 400)]
    Malformed(Problem),
    /// It did not come in time.
    #[response(status = 408)]
    Slow(Problem),
    /// It is larger than this path takes.
    #[response(status = 413)]
    TooLarge(Problem),
    /// It does not say that it is JSON.
    #[response(status = 415)]
    OtherMedia(Problem),
}

/// A documented verb that users type into a browser, see [`guard::verb`].
pub fn verb<H, T, S>((schemas, mut paths, _): UtoipaMethodRouter<S>, handler: H) -> UtoipaMethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    // One handler, but each operation of the document has a name of its own.
    for operation in paths.paths.values_mut().filter_map(|item| item.get.as_mut()) {
        operation.operation_id = operation.operation_id.take().map(|id| format!("get_{id}"));
    }
    (schemas, paths, guard::verb(handler))
}

/// `/openapi.json`, and `/docs` to look at it; nothing is loaded from elsewhere.
pub fn pages<S: Clone + Send + Sync + 'static>(mut document: OpenApi) -> Router<S> {
    name_problems(&mut document);
    SwaggerUi::new("/docs").url("/openapi.json", document).into()
}

/// Says of every refusal that it is a problem and not just JSON.
fn name_problems(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
        let operations = [get, put, post, delete, options, head, patch, trace].into_iter().flatten();
        for (status, response) in operations.flat_map(|operation| &mut operation.responses.responses) {
            let refused = status.starts_with(['4', '5']);
            if let RefOr::T(Response { content, .. }) = response
                && refused
                && let Some(problem) = content.shift_remove("application/json")
            {
                content.insert("application/problem+json".to_owned(), problem);
            }
        }
    }
}
