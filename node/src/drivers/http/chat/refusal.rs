//! What goes wrong with chat, as HTTP answers.

use axum::http::StatusCode;

use super::super::problem::Problem;
use crate::chat::desk::ActError;

impl From<ActError> for Problem {
    fn from(error: ActError) -> Self {
        let status = match &error {
            ActError::NoRoom(_) | ActError::NoMessage(_) | ActError::NoMember(_) => StatusCode::NOT_FOUND,
            ActError::NotAdmin => StatusCode::FORBIDDEN,
            ActError::NotIn
            | ActError::OnlyAdmin
            | ActError::Member(_)
            | ActError::Members
            | ActError::Gone
            | ActError::ProfileFirst
            | ActError::NotUndecided => StatusCode::CONFLICT,
            ActError::Name(_)
            | ActError::Text(_)
            | ActError::NoProfile(_)
            | ActError::Nobody(_)
            | ActError::Ambiguous { .. }
            | ActError::Unsealable(_) => StatusCode::UNPROCESSABLE_ENTITY,
            ActError::Full => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, super::super::wallet::sentence(&error))
    }
}
