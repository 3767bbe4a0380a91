//! What goes wrong with accounts, as HTTP answers.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::problem::Problem;
use crate::accounts::{directory::DirectoryError, vault::VaultError};

/// An error answer, with the header that some of them need.
#[derive(Debug)]
pub(in super::super) struct Refusal {
    problem: Problem,
    /// Boxed, since most have none and an error should be small.
    header: Option<Box<(HeaderName, HeaderValue)>>,
}

impl Refusal {
    /// 401: whoever asks has to log in.
    pub(super) fn log_in_first(detail: &str) -> Self {
        let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
        Self { problem, header: Some(Box::new((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))) }
    }

    /// The session that a cookie or token was of is over; `cookie` is what removes the cookie.
    pub(super) fn session_over(cookie: Option<HeaderValue>) -> Self {
        let mut refusal = Self::log_in_first("There is no such session, or it has ended: log in again.");
        if let Some(cookie) = cookie {
            refusal.header = Some(Box::new((header::SET_COOKIE, cookie)));
        }
        refusal
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self { problem, header: None }
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        let detail = sentence(&error);
        let status = match &error {
            VaultError::Login | VaultError::Ended => return Self::log_in_first(&detail),
            VaultError::Wait(wait) => {
                let seconds = wait.as_millis().div_ceil(1_000);
                let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, detail);
                return Self { problem, header: Some(Box::new((header::RETRY_AFTER, seconds.into()))) };
            }
            VaultError::Password => StatusCode::FORBIDDEN,
            VaultError::NewPassword(_) => StatusCode::BAD_REQUEST,
            VaultError::Miner
            | VaultError::OtherName(_)
            | VaultError::Gone
            | VaultError::Directory(DirectoryError::Taken(_) | DirectoryError::Full) => StatusCode::CONFLICT,
            VaultError::Seal(_) => StatusCode::SERVICE_UNAVAILABLE,
            VaultError::Directory(_) | VaultError::Open(_) | VaultError::MinerSeed(_) => {
                tracing::error!("{error}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Problem::new(status, detail).into()
    }
}

/// The words of an error as a sentence.
pub(in super::super) fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.problem.into_response();
        response.headers_mut().extend(self.header.map(|header| *header));
        response
    }
}
