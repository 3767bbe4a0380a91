//! Requests with passwords or words in them: the bytes of the body are overwritten once they are read.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::super::{
    extract::{SMALL_BODY, not_json, read_json},
    problem::Problem,
};

/// A JSON body that holds secrets.
pub(super) struct SecretBody<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for SecretBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = Zeroizing::new(read_json(request, SMALL_BODY).await?);
        serde_json::from_slice(&bytes).map(Self).map_err(|error| not_json(&error))
    }
}
