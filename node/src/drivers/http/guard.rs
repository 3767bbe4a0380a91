//! Who may ask: an exact `Host` allowlist on every route (so that no foreign name can be pointed at
//! us), and no writes on behalf of another web page. Knows nothing of what the routes do.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use super::problem::Problem;

/// The `Host` values that a server answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    named: Vec<String>,
    /// Set on a server that is bound to every interface: any IP address with this port is its own. No
    /// foreign name can be pointed at an address written as such.
    any_ip: Option<u16>,
}

impl Hosts {
    /// Those of a server on this address: `127.0.0.1`, `localhost` and `[::1]` and its own address, each
    /// with the port. On port 80 the port may be left out, as browsers do.
    pub fn of(address: SocketAddr) -> Self {
        let mut names = vec!["127.0.0.1".to_owned(), "localhost".to_owned(), "[::1]".to_owned()];
        let own = match address.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let everywhere = address.ip().is_unspecified();
        if !everywhere && !names.contains(&own) {
            names.push(own);
        }
        let port = address.port();
        let mut named: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            named.extend(names);
        }
        Self { named, any_ip: everywhere.then_some(port) }
    }

    /// The host as this server writes it, if it is one of its own.
    fn find(&self, host: &str) -> Option<Cow<'_, str>> {
        let named = self.named.iter().find(|name| name.eq_ignore_ascii_case(host));
        let by_ip = || {
            let address: SocketAddr = host.parse().ok()?;
            (Some(address.port()) == self.any_ip).then(|| address.to_string().into())
        };
        named.map(|name| name.as_str().into()).or_else(by_ip)
    }
}

/// Puts the guard in front of every route and fallback of `router`.
///
/// A request whose `Host` is not exactly one of these gets 403, whatever it asks. So does a write
/// (anything but GET, HEAD and OPTIONS) with an `Origin` other than `http://` and that host, or one
/// that the browser itself marks as sent by another site.
pub fn guarded(router: Router, hosts: Hosts) -> Router {
    router.layer(from_fn_with_state(Arc::new(hosts), check))
}

/// A verb that users type into a browser: answers GET and POST alike, and GET only when the user
/// or our own page sent it. HEAD gets 405, because asking about a verb must not carry it out.
pub fn verb<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: Handler<T, S>,
    T: 'static,
    S: Clone + Send + Sync + 'static,
{
    get(handler.clone()).post(handler).layer(from_fn(check_verb))
}

async fn check(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    let host = match requested_host(&request, &hosts) {
        Ok(host) => host,
        Err(problem) => return problem.into_response(),
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if !reads && let Err(problem) = same_origin(request.headers(), &host) {
        return problem.into_response();
    }
    next.run(request).await
}

async fn check_verb(request: Request, next: Next) -> Response {
    let allowed = match *request.method() {
        Method::HEAD => {
            Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, "This path does something; ask it with GET or POST."))
        }
        Method::GET => same_site(request.headers()),
        _ => Ok(()),
    };
    match allowed {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The one allowed host that the request names, in its `Host` header and, if it has one there, in
/// its target.
fn requested_host<'h>(request: &Request, hosts: &'h Hosts) -> Result<Cow<'h, str>, Problem> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let host = match (named.next(), named.next()) {
        (Some(host), None) => host.to_str().ok().and_then(|host| hosts.find(host)),
        _ => None,
    };
    let target = request.uri().authority().map(|authority| authority.as_str());
    match (host, target) {
        (Some(host), None) => Ok(host),
        (Some(host), Some(target)) if target.eq_ignore_ascii_case(&host) => Ok(host),
        _ => Err(Problem::forbidden(format!(
            "This server answers only to its own names: {}. The Host header named another.",
            hosts.named.join(", ")
        ))),
    }
}

fn same_origin(headers: &HeaderMap, host: &str) -> Result<(), Problem> {
    let foreign = headers.get_all(header::ORIGIN).iter().any(|origin| {
        let named = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://"));
        !named.is_some_and(|named| named.eq_ignore_ascii_case(host))
    });
    if foreign {
        return Err(Problem::forbidden("A page of another origin may not write here; open this server's own page."));
    }
    same_site(headers)
}

fn same_site(headers: &HeaderMap) -> Result<(), Problem> {
    let foreign =
        headers.get_all("sec-fetch-site").iter().any(|site| !matches!(site.as_bytes(), b"none" | b"same-origin"));
    if foreign {
        return Err(Problem::forbidden(
            "Another site's page may not do this for you; type the address yourself, or use curl.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use axum::routing::post;
    use tower::ServiceExt as _;

    use super::*;

    /// Sends one request to a server with a verb at `/act` and a write at `/write`, and counts acts.
    async fn ask(method: &str, target: &str, headers: &[(&str, &str)]) -> (u16, usize) {
        let acts = Arc::new(AtomicUsize::new(0));
        let counter = acts.clone();
        let act = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            async { "done" }
        };
        let router = Router::new().route("/act", verb(act)).route("/write", post(|| async { "ok" }));
        let hosts = Hosts::of((Ipv4Addr::LOCALHOST, 5000).into());
        let router = guarded(router, hosts);
        let mut request = axum::http::Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        (response.status().as_u16(), acts.load(Ordering::SeqCst))
    }

    const HOST: (&str, &str) = ("host", "localhost:5000");

    #[tokio::test]
    async fn only_own_names_are_answered() {
        for host in ["127.0.0.1:5000", "localhost:5000", "[::1]:5000", "LOCALHOST:5000"] {
            assert_eq!(ask("GET", "/act", &[("host", host)]).await, (200, 1), "{host}");
        }
        for host in ["evil.example:5000", "localhost", "localhost:5001", "127.0.0.1:5000.", ""] {
            assert_eq!(ask("GET", "/act", &[("host", host)]).await, (403, 0), "{host}");
            assert_eq!(ask("GET", "/nowhere", &[("host", host)]).await, (403, 0), "{host}");
        }
        assert_eq!(ask("GET", "/act", &[]).await, (403, 0));
        assert_eq!(ask("GET", "/act", &[HOST, ("host", "evil.example")]).await, (403, 0));
        assert_eq!(ask("GET", "http://evil.example/act", &[HOST]).await, (403, 0));
        assert_eq!(ask("GET", "http://localhost:5000/act", &[HOST]).await, (200, 1));
    }

    #[tokio::test]
    async fn another_site_cannot_use_a_verb() {
        for site in ["none", "same-origin"] {
            assert_eq!(ask("GET", "/act", &[HOST, ("sec-fetch-site", site)]).await, (200, 1));
        }
        for site in ["cross-site", "same-site", "", "None"] {
            assert_eq!(ask("GET", "/act", &[HOST, ("sec-fetch-site", site)]).await, (403, 0));
            assert_eq!(ask("POST", "/act", &[HOST, ("sec-fetch-site", site)]).await, (403, 0));
        }
        assert_eq!(ask("HEAD", "/act", &[HOST]).await, (405, 0));
    }

    #[test]
    fn a_server_on_every_interface_answers_to_addresses_but_to_no_foreign_name() {
        let everywhere = Hosts::of((Ipv4Addr::UNSPECIFIED, 5000).into());
        assert!(everywhere.find("192.168.1.5:5000").is_some());
        assert!(everywhere.find("[fe80::1]:5000").is_some());
        for foreign in ["192.168.1.5:5001", "192.168.1.5", "evil.example:5000", "192.168.1.5.evil.example:5000"] {
            assert_eq!(everywhere.find(foreign), None, "{foreign}");
        }
        assert_eq!(Hosts::of((Ipv4Addr::LOCALHOST, 5000).into()).find("192.168.1.5:5000"), None);
    }

    #[tokio::test]
    async fn writes_need_the_exact_origin_when_one_is_sent() {
        assert_eq!(ask("POST", "/write", &[HOST]).await.0, 200);
        assert_eq!(ask("POST", "/write", &[HOST, ("origin", "http://localhost:5000")]).await.0, 200);
        for origin in [
            "null",
            "http://localhost:4999",
            "http://127.0.0.1:5000",
            "https://localhost:5000",
            "http://localhost:5000.evil.example",
        ] {
            assert_eq!(ask("POST", "/write", &[HOST, ("origin", origin)]).await.0, 403, "{origin}");
        }
    }
}
