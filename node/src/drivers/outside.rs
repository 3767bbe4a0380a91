//! Miners outside of this program, whichever way they ask for work: what they are offered at the moment, and
//! whether there are any, which the machine is told. How they are spoken to is others' business.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::engine::EngineHandle;
use crate::machine::{
    event::{Event, JobId},
    mining::Template,
};

/// A template that miners outside may work on.
#[derive(Debug)]
pub struct Offer {
    /// The machine's job.
    pub job: JobId,
    /// What to prove. Whom the block pays may be changed.
    pub template: Arc<Template>,
    solved: AtomicBool,
}

impl Offer {
    /// A template that nobody has solved yet.
    pub fn new(job: JobId, template: Arc<Template>) -> Self {
        Self { job, template, solved: AtomicBool::new(false) }
    }

    /// True for the first who found a proof. Another template follows whatever the machine makes of that one, so
    /// that further proofs need not be put together.
    pub fn is_first_proof(&self) -> bool {
        !self.solved.swap(true, Ordering::Relaxed)
    }
}

/// The meeting point of the machine and the miners outside. Clones are handles of the same one.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    offer: watch::Sender<Option<Arc<Offer>>>,
    guests: watch::Sender<usize>,
}

/// Somebody who wants work, until it is dropped.
#[derive(Debug)]
pub struct Guest(watch::Sender<usize>);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.send_modify(|guests| *guests = guests.saturating_sub(1));
    }
}

impl Outside {
    /// One more wants work.
    pub fn join(&self) -> Guest {
        self.guests.send_modify(|guests| *guests += 1);
        Guest(self.guests.clone())
    }

    /// The present offer, and each that follows. There is none before the first guest, nor after the last.
    pub fn offers(&self) -> watch::Receiver<Option<Arc<Offer>>> {
        self.offer.subscribe()
    }

    /// The machine's newest offer; none withdraws the last.
    pub fn set_offer(&self, offer: Option<Offer>) {
        self.offer.send_replace(offer.map(Arc::new));
    }

    /// Tells the machine whenever the first guest comes and the last one goes, until either side ends.
    pub async fn tell(self, engine: EngineHandle) {
        let mut guests = self.guests.subscribe();
        // Only others keep the meeting point alive.
        drop(self);
        let mut told = false;
        loop {
            let present = *guests.borrow_and_update() > 0;
            if present != told && engine.event(Event::MinersOutside { present }).await.is_err() {
                return;
            }
            told = present;
            if guests.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_counted_until_they_are_dropped() {
        let outside = Outside::default();
        let seen = outside.guests.subscribe();
        let first = outside.join();
        let second = outside.clone().join();
        assert_eq!(*seen.borrow(), 2);
        drop(first);
        drop(second);
        assert_eq!(*seen.borrow(), 0);
    }
}
