//! Whose account a request uses: a session's, named by a token or a cookie, or, in a practice network,
//! the miner's for everybody who names none.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::{HeaderMap, Method, header, request::Parts};

use super::{
    super::{App, problem::Problem, token::bearer},
    PRACTICE_NOTE, cookie, local,
    refusal::Refusal,
};
use crate::accounts::{
    session::{SessionId, Unlocked, csrf_matches, csrf_of},
    vault::Vault,
};
use crate::drivers::clock;

/// Shows that a request with the cookie is a page's own.
pub(super) const CSRF_HEADER: &str = "x-csrf-token";

/// Whoever acts in a request.
#[derive(Debug)]
pub(in super::super) struct Acting {
    /// The account.
    pub(in super::super) account: Arc<Unlocked>,
    by: By,
}

#[derive(Debug)]
enum By {
    /// Nobody in particular.
    Practice,
    Token(SessionId),
    Cookie {
        session: SessionId,
        csrf: String,
    },
}

impl Acting {
    /// The session, unless this is the practice account.
    pub(super) fn session(&self) -> Option<SessionId> {
        match &self.by {
            By::Practice => None,
            By::Token(session) | By::Cookie { session, .. } => Some(*session),
        }
    }

    /// What the page has to show to act, where it shows a cookie.
    pub(super) fn csrf(&self) -> Option<&str> {
        match &self.by {
            By::Cookie { csrf, .. } => Some(csrf),
            By::Practice | By::Token(_) => None,
        }
    }

    /// What answers for the practice account say.
    pub(in super::super) fn note(&self) -> Option<&'static str> {
        matches!(self.by, By::Practice).then_some(PRACTICE_NOTE)
    }

    /// Whether whoever acted then still may.
    pub(in super::super) fn holds(&self, vault: &Vault) -> bool {
        self.session().is_none_or(|session| vault.knows(&session))
    }

    fn find(vault: &Vault, cookie_name: &str, method: &Method, headers: &HeaderMap) -> Result<Self, Refusal> {
        let session = |token: &str| {
            let id = SessionId::of(token);
            vault.session(&id, clock::steady()).map(|account| (id, account))
        };
        if let Some(shown) = headers.get(header::AUTHORIZATION) {
            let token = bearer(shown).and_then(|token| std::str::from_utf8(token).ok());
            let (id, account) = token.and_then(session).ok_or_else(|| Refusal::session_over(None))?;
            return Ok(Self { account, by: By::Token(id) });
        }
        if let Some(token) = cookie::read(headers, cookie_name) {
            let over = || Refusal::session_over(Some(cookie::clear(cookie_name)));
            if !matches!(*method, Method::GET | Method::HEAD) {
                check_csrf(token, headers)?;
            }
            let (session, account) = session(token).ok_or_else(over)?;
            return Ok(Self { account, by: By::Cookie { session, csrf: csrf_of(token) } });
        }
        if headers.contains_key(CSRF_HEADER) {
            // A page that believes to be logged in must not act for another account.
            return Err(Refusal::session_over(None));
        }
        let practice = vault.practice().map(|account| Self { account, by: By::Practice });
        practice.ok_or_else(|| {
            Refusal::log_in_first(
                "This needs an account: log in with POST /wallet/login, and show the token as \
                 `Authorization: Bearer TOKEN`.",
            )
        })
    }
}

fn check_csrf(token: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let shown = headers.get(CSRF_HEADER).and_then(|value| value.to_str().ok());
    if shown.is_some_and(|shown| csrf_matches(token, shown)) {
        return Ok(());
    }
    Err(Problem::forbidden(format!(
        "With the cookie this also needs the header `{CSRF_HEADER}` with the `csrf` that POST /wallet/login and \
         GET /wallet give."
    )))
}

impl FromRequestParts<Arc<App>> for Acting {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Refusal> {
        Self::find(&app.api.vault, &app.wallet.cookie, &parts.method, &parts.headers)
    }
}

/// For what is open to all and tells more to those whose account it is. Nobody acts from elsewhere.
impl OptionalFromRequestParts<Arc<App>> for Acting {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Option<Self>, Infallible> {
        let find = || Self::find(&app.api.vault, &app.wallet.cookie, &parts.method, &parts.headers).ok();
        Ok(if local::is_here(app, &parts.extensions) { find() } else { None })
    }
}
