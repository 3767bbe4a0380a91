//! What the OpenAPI documents of all servers of this project have in common: errors, verbs, and the pages that show
//! them. What a server has of its own stands with it.

use axum::Router;
use axum::handler::Handler;
use axum::routing::MethodRouter;
#[cfg(test)]
use serde::Deserialize;
use utoipa::openapi::{HttpMethod, OpenApi, PathItem, RefOr, Response};
use utoipa::{IntoResponses, ToSchema};
use utoipa_axum::PathItemExt as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_swagger_ui::{Config, SwaggerUi};

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

/// The handlers of one path, and how they are described.
pub struct Handlers<S> {
    path: String,
    methods: MethodRouter<S>,
    description: Box<dyn FnOnce() -> UtoipaMethodRouter<S>>,
}

/// The handlers of one path by their names, as `utoipa_axum::routes!` takes them. Their description is made only for
/// somebody who reads it: it takes longer than all that a node does at its start besides.
#[macro_export]
macro_rules! routes {
    ($first:path $(, $rest:path)* $(,)?) => {
        utoipa_axum::paste! {
            $crate::drivers::http::openapi::Handlers::new(
                utoipa_axum::routes!(@path [path()] of $first),
                axum::routing::MethodRouter::new(),
                || utoipa_axum::routes!($first $(, $rest)*),
            )
            .on(&utoipa_axum::routes!(@path [methods()] of $first), $first)
            $(.on(&utoipa_axum::routes!(@path [methods()] of $rest), $rest))*
        }
    };
}
pub use crate::routes;

impl<S: Clone + Send + Sync + 'static> Handlers<S> {
    /// Those of this path, with what describes them.
    pub fn new(
        path: String,
        methods: MethodRouter<S>,
        description: impl FnOnce() -> UtoipaMethodRouter<S> + 'static,
    ) -> Self {
        Self { path, methods, description: Box::new(description) }
    }

    /// These and one more.
    pub fn on<H: Handler<T, S>, T: 'static>(mut self, methods: &[HttpMethod], handler: H) -> Self {
        for method in methods {
            self.methods = self.methods.on(method.to_method_filter(), handler.clone());
        }
        self
    }

    /// These, as wrapped by this.
    pub fn map(mut self, wrap: impl FnOnce(MethodRouter<S>) -> MethodRouter<S>) -> Self {
        self.methods = wrap(self.methods);
        self
    }
}

/// A documented verb that users type into a browser, see [`guard::verb`].
pub fn verb<H, T, S>(handlers: Handlers<S>, handler: H) -> Handlers<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    let Handlers { path, description, .. } = handlers;
    Handlers::new(path, guard::verb(handler), || {
        let (schemas, mut paths, methods) = description();
        // One handler, but each operation of the document has a name of its own.
        for operation in paths.paths.values_mut().filter_map(|item| item.get.as_mut()) {
            operation.operation_id = operation.operation_id.take().map(|id| format!("get_{id}"));
        }
        (schemas, paths, methods)
    })
}

/// Routes on their way to the router that serves them, or to the document that describes them. The document of
/// most servers is read by nobody, and takes more memory than all that an idle node needs besides: it is made
/// from the same lines whenever somebody asks for it.
pub enum Routes<S> {
    /// What is answered.
    Served(Router<S>),
    /// What is told about it.
    Documented(Box<OpenApiRouter<S>>),
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet, to be served.
    pub fn served() -> Self {
        Self::Served(Router::new())
    }

    /// None yet, to be described within this frame.
    pub fn documented(frame: OpenApi) -> Self {
        Self::Documented(Box::new(OpenApiRouter::with_openapi(frame)))
    }

    /// None, for the same purpose as these.
    pub fn none(&self) -> Self {
        match self {
            Self::Served(_) => Self::served(),
            Self::Documented(_) => Self::Documented(Box::default()),
        }
    }

    /// These and the handlers of one path more, as [`crate::routes!`] gives them.
    pub fn routes(self, handlers: Handlers<S>) -> Self {
        match self {
            Self::Served(router) => Self::Served(router.route(&handlers.path, handlers.methods)),
            Self::Documented(routes) => Self::Documented(Box::new(routes.routes((handlers.description)()))),
        }
    }

    /// These and others, which serve the same purpose.
    pub fn merge(self, others: Self) -> Self {
        match (self, others) {
            (Self::Documented(routes), Self::Documented(others)) => Self::Documented(Box::new(routes.merge(*others))),
            (routes, others) => Self::Served(routes.into_router().merge(others.into_router())),
        }
    }

    /// The router that serves them.
    pub fn into_router(self) -> Router<S> {
        match self {
            Self::Served(router) => router,
            Self::Documented(routes) => (*routes).into(),
        }
    }

    /// The document, as it is sent.
    pub fn into_document(self) -> OpenApi {
        let mut document = match self {
            Self::Served(_) => OpenApi::default(),
            Self::Documented(routes) => routes.into_openapi(),
        };
        name_problems(&mut document);
        document
    }

    /// All of them as wrapped by this, where they are served.
    pub fn wrapped(self, wrap: impl FnOnce(Router<S>) -> Router<S>) -> Self {
        match self {
            Self::Served(router) => Self::Served(wrap(router)),
            documented => documented,
        }
    }
}

/// Where the document is.
pub const DOCUMENT: &str = "/openapi.json";

/// `/docs` to look at the document; nothing is loaded from elsewhere.
pub fn pages<S: Clone + Send + Sync + 'static>() -> Router<S> {
    SwaggerUi::new("/docs").config(Config::new([DOCUMENT])).into()
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
