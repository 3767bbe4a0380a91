//! Work that takes long or much memory: only so many at a time, off the threads that answer others, and
//! given up when nobody waits for it any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Shutdown, problem::Problem};

/// Room for so many at a time.
pub(super) struct Slot {
    room: Arc<Semaphore>,
    why_full: &'static str,
}

impl Slot {
    /// Room for `count`; `why_full` is a clause that tells the next one why there is none.
    pub(super) fn new(count: usize, why_full: &'static str) -> Self {
        Self { room: Arc::new(Semaphore::new(count)), why_full }
    }

    /// Takes a place until the permit is dropped.
    ///
    /// # Errors
    /// 503 when all are taken.
    pub(super) fn take(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.room.clone().try_acquire_owned().map_err(|_| {
            let detail = format!("Not now: {}. Try again in a moment.", self.why_full);
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
        })
    }
}

/// Tells work whether somebody still waits for it.
pub(super) struct Wanted {
    dropped: Arc<AtomicBool>,
    shutdown: Shutdown,
}

impl Wanted {
    /// # Errors
    /// When the work can be given up.
    pub(super) fn check(&self) -> Result<(), Problem> {
        if self.dropped.load(Ordering::Relaxed) || self.shutdown.has_begun() {
            return Err(given_up());
        }
        Ok(())
    }
}

/// The answer to work that was given up, if anybody is left to read it.
pub(super) fn given_up() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "The node is stopping; ask another one.")
}

/// Sets its flag when whoever waited goes away.
struct Waiter(Arc<AtomicBool>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work` on a thread of its own, which keeps the place that `permit` stands for until it is done.
pub(super) async fn run<T: Send + 'static>(
    permit: OwnedSemaphorePermit,
    shutdown: &Shutdown,
    work: impl FnOnce(&Wanted) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let waiter = Waiter(Arc::default());
    let wanted = Wanted { dropped: waiter.0.clone(), shutdown: shutdown.clone() };
    let done = tokio::task::spawn_blocking(move || {
        let outcome = work(&wanted);
        drop(permit);
        outcome
    });
    done.await.unwrap_or_else(|error| {
        tracing::error!("work for a request failed: {error}");
        Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "This request met a fault in the node; its log says more."))
    })
}
