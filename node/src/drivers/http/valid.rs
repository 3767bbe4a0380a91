//! The audit of the stored chain on request. What is checked is [`crate::drivers::audit`]'s.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;

use super::{
    App, docs,
    heavy::{self, Wanted},
    problem::Problem,
    store_failed, tip_of,
};
use crate::{
    drivers::{
        audit::{Report, Stop, Verdict, Wrong, audit},
        clock,
    },
    machine::store::StoreError,
};

/// Audit the stored chain
///
/// Every block from genesis to the tip, and of other branches: proof of work, links, times, difficulty,
/// signatures, ledger and log; then that every row of every table is what the blocks make it, and that
/// there are no others. Memory grows with the number of accounts. One audit at a time; it ends when nobody
/// waits for it.
#[utoipa::path(get, path = "/valid", tag = docs::CHAIN, responses((status = 200, body = Verdict), docs::Unavailable))]
pub(super) async fn valid(State(app): State<Arc<App>>) -> Result<Json<Verdict>, Problem> {
    let permit = app.validating.take()?;
    let snapshot = app.snapshot();
    let height = tip_of(&snapshot).ok().map(|(_, height)| height);
    let network = app.api.network.clone();
    let check = move |wanted: &Wanted| {
        let begun = Instant::now();
        let found = guarded(|| audit(&snapshot, &network, clock::wall(), &mut |_| wanted.check().is_ok()))?;
        Ok(Verdict::new(height, begun.elapsed(), found))
    };
    heavy::run(permit, &app.api.shutdown, check).await.map(Json)
}

/// The database trusts its pages, and breaks off where one is damaged. That is a finding like others.
pub(super) fn guarded(audit: impl FnOnce() -> Result<Report, Stop>) -> Result<Result<Report, Wrong>, Problem> {
    match catch_unwind(AssertUnwindSafe(audit)) {
        Ok(Ok(report)) => Ok(Ok(report)),
        Ok(Err(Stop::Fault(fault))) => Ok(Err((*fault).into())),
        Ok(Err(Stop::Failed(reason))) => Err(store_failed(StoreError::Io(reason))),
        Ok(Err(Stop::GivenUp)) => Err(heavy::given_up()),
        Err(_) => Ok(Err(Wrong::somewhere(
            "reading the database broke off, so its file is probably damaged: stop the node, and let \
             `networkmngr node audit` find the place",
        ))),
    }
}
