//! Conditions of the ways to other peers, made up to try a network out: cut, slow, uneven, lossy. They are set at run
//! time, need neither root nor containers, and govern what this node sends; a way that is cut carries nothing in
//! either direction. What they are meant to show is decided elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shared::peer::PeerId;
use tokio::sync::watch;
use tokio::time::Instant;
use utoipa::ToSchema;

/// Longest delay of any frame, in milliseconds: with more, there and back would take longer than a node waits
/// for an answer, and no session would last.
pub const MAX_DELAY_MS: u32 = 4_000;

/// What becomes of the frames on the way to a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConditions {
    /// Cut: there is no session with the peer, and both its connections and dials to it are refused.
    pub blocked: bool,
    /// How much later a frame is sent, in milliseconds; at most 4,000, the jitter with it.
    #[schema(maximum = 4_000)]
    pub delay_ms: u32,
    /// By how much the delay of each frame may differ, either way, in milliseconds; at most the delay. Frames keep
    /// their order all the same.
    #[schema(maximum = 4_000)]
    pub jitter_ms: u32,
    /// The part of the frames that is lost, from 0 to 1.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub loss: f64,
}

/// Conditions that cannot be kept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LinkError {
    /// Longer than anything here waits.
    #[error("a delay of {0} ms is longer than the longest, {MAX_DELAY_MS} ms")]
    Delay(u32),
    /// Frames would have to come before they are sent.
    #[error("a jitter of {jitter_ms} ms is more than the delay of {delay_ms} ms that it is about")]
    Jitter {
        /// The jitter, in milliseconds.
        jitter_ms: u32,
        /// The delay, in milliseconds.
        delay_ms: u32,
    },
    /// No part of a whole.
    #[error("a loss of {0} is no part of the whole: give a number from 0 to 1")]
    Loss(f64),
}

impl LinkConditions {
    /// Cut.
    pub const BLOCKED: Self = Self { blocked: true, delay_ms: 0, jitter_ms: 0, loss: 0.0 };
    /// As if nothing were made up.
    pub const CLEAR: Self = Self { blocked: false, delay_ms: 0, jitter_ms: 0, loss: 0.0 };

    /// Whether frames pass as if nothing were made up.
    pub fn is_clear(&self) -> bool {
        *self == Self::CLEAR
    }

    /// Whether these conditions can be kept.
    ///
    /// # Errors
    /// The first figure beyond its limits.
    pub fn check(&self) -> Result<(), LinkError> {
        let Self { delay_ms, jitter_ms, loss, .. } = *self;
        if jitter_ms > delay_ms {
            return Err(LinkError::Jitter { jitter_ms, delay_ms });
        }
        let longest = delay_ms.saturating_add(jitter_ms);
        if longest > MAX_DELAY_MS {
            return Err(LinkError::Delay(longest));
        }
        if !(0.0..=1.0).contains(&loss) {
            return Err(LinkError::Loss(loss));
        }
        Ok(())
    }

    /// How long a frame is held back; `chance` is from 0 to 1.
    fn delay(&self, chance: f64) -> Duration {
        let jitter = f64::from(self.jitter_ms) * (2.0 * chance - 1.0);
        Duration::from_secs_f64((f64::from(self.delay_ms) + jitter).max(0.0) / 1e3)
    }
}

/// The conditions of all ways from one node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Links {
    /// To every peer that is not named below.
    pub rest: LinkConditions,
    /// To these peers, by peer id.
    #[schema(value_type = BTreeMap<String, LinkConditions>)]
    pub peers: BTreeMap<PeerId, LinkConditions>,
}

impl Links {
    /// The conditions of the way to a peer.
    pub fn to(&self, peer: &PeerId) -> LinkConditions {
        self.peers.get(peer).copied().unwrap_or(self.rest)
    }

    /// Whether nothing is made up for anybody.
    pub fn is_clear(&self) -> bool {
        self.rest.is_clear() && self.peers.values().all(LinkConditions::is_clear)
    }

    /// Whether all conditions can be kept.
    ///
    /// # Errors
    /// See [`LinkConditions::check`].
    pub fn check(&self) -> Result<(), LinkError> {
        self.rest.check()?;
        self.peers.values().try_for_each(LinkConditions::check)
    }
}

/// What the driver has made of the conditions that it was given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LinkState {
    /// The conditions in force.
    #[serde(flatten)]
    pub links: Links,
    /// The peers in session, by peer id. One whose way is cut stays here until its session is over.
    #[schema(value_type = BTreeSet<String>)]
    pub connected: BTreeSet<PeerId>,
}

/// Sets the conditions of a running driver, and tells what is in force. Clones are handles of the same driver.
#[derive(Clone, Debug)]
pub struct LinkControl {
    wanted: Arc<watch::Sender<Links>>,
    state: Arc<watch::Sender<LinkState>>,
}

impl Default for LinkControl {
    fn default() -> Self {
        Self::new(Links::default())
    }
}

impl LinkControl {
    /// For a driver that keeps these conditions from its start on.
    pub fn new(links: Links) -> Self {
        Self { wanted: Arc::new(watch::channel(links).0), state: Arc::default() }
    }

    /// Sets the conditions and waits until they, or others set meanwhile, are in force. Waits for ever once the driver
    /// has stopped.
    pub async fn set(&self, links: Links) {
        self.wanted.send_replace(links);
        let kept = |state: &LinkState| state.links == *self.wanted.borrow();
        // The sender lives in `self`.
        let _ = self.state.subscribe().wait_for(kept).await;
    }

    /// What is in force, and who is in session.
    pub fn state(&self) -> LinkState {
        self.state.borrow().clone()
    }

    /// The driver's side: what is wanted.
    pub(in crate::drivers) fn wanted(&self) -> watch::Receiver<Links> {
        self.wanted.subscribe()
    }

    /// The driver's side: what has come of it.
    pub(in crate::drivers) fn tell(&self, change: impl FnOnce(&mut LinkState)) {
        self.state.send_modify(change);
    }
}

/// The way of one session's frames, as its writer sees it.
pub(super) struct Way(watch::Receiver<LinkConditions>);

impl Way {
    pub(super) fn new(conditions: watch::Receiver<LinkConditions>) -> Self {
        Self(conditions)
    }

    /// Whether frames pass at once and whole.
    pub(super) fn is_clear(&self) -> bool {
        self.0.borrow().is_clear()
    }

    /// Waits until a frame that was queued at `since` is due; false when it is lost. Conditions that change meanwhile
    /// hold for it as well.
    pub(super) async fn passes(&mut self, since: Instant) -> bool {
        let chance = rand::random();
        loop {
            let conditions = *self.0.borrow_and_update();
            let due = since + conditions.delay(chance);
            if due > Instant::now() {
                tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    // Without a driver nothing changes any more; the session is about to end.
                    Ok(()) = self.0.changed() => continue,
                }
            }
            return conditions.loss == 0.0 || rand::random::<f64>() >= conditions.loss;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn conditions(delay_ms: u32, jitter_ms: u32, loss: f64) -> LinkConditions {
        LinkConditions { blocked: false, delay_ms, jitter_ms, loss }
    }

    #[test]
    fn delays_lie_evenly_around_the_middle() {
        let ms = |chance| conditions(100, 30, 0.0).delay(chance).as_millis();
        assert_eq!((ms(0.0), ms(0.5), ms(1.0)), (70, 100, 130));
        assert_eq!(LinkConditions::CLEAR.delay(0.7), Duration::ZERO);
    }

    #[test]
    fn conditions_beyond_their_limits_are_refused() {
        assert_eq!(conditions(MAX_DELAY_MS / 2, MAX_DELAY_MS / 2, 1.0).check(), Ok(()));
        assert_eq!(conditions(MAX_DELAY_MS, 1, 0.0).check(), Err(LinkError::Delay(MAX_DELAY_MS + 1)));
        assert_eq!(conditions(MAX_DELAY_MS + 1, 0, 0.0).check(), Err(LinkError::Delay(MAX_DELAY_MS + 1)));
        assert_eq!(conditions(5, 6, 0.0).check(), Err(LinkError::Jitter { jitter_ms: 6, delay_ms: 5 }));
        assert_eq!(conditions(0, 0, -0.1).check(), Err(LinkError::Loss(-0.1)));
        assert!(conditions(0, 0, f64::NAN).check().is_err());
        let links = Links { peers: [(PeerId([1; 32]), conditions(0, 0, 2.0))].into(), ..Links::default() };
        assert_eq!(links.check(), Err(LinkError::Loss(2.0)));
    }

    #[test]
    fn a_peer_that_is_not_named_is_one_of_the_rest() {
        let (one, other) = (PeerId([1; 32]), PeerId([2; 32]));
        let links = Links { rest: LinkConditions::BLOCKED, peers: [(one, LinkConditions::CLEAR)].into() };
        assert!(!links.to(&one).blocked && links.to(&other).blocked && !links.is_clear());
        let text = serde_json::to_string(&links).unwrap();
        assert_eq!(serde_json::from_str::<Links>(&text).unwrap(), links);
        assert_eq!(serde_json::from_str::<Links>("{}").unwrap(), Links::default());
        let state = LinkState { links, connected: [one].into() };
        let text = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<LinkState>(&text).unwrap(), state);
    }

    #[test]
    fn everything_is_lost_or_nothing_where_that_is_said() {
        let (_sender, lossy) = watch::channel(conditions(0, 0, 1.0));
        let mut way = Way::new(lossy);
        assert!(!way.is_clear());
        (0..100).for_each(|_| assert_eq!(way.passes(Instant::now()).now_or_never(), Some(false)));
        let (_sender, whole) = watch::channel(LinkConditions::CLEAR);
        let mut way = Way::new(whole);
        assert!(way.is_clear());
        (0..100).for_each(|_| assert_eq!(way.passes(Instant::now()).now_or_never(), Some(true)));
    }

    #[tokio::test]
    async fn a_delay_that_is_taken_back_holds_nothing_up() {
        let (sender, slow) = watch::channel(conditions(MAX_DELAY_MS, 0, 0.0));
        let mut way = Way::new(slow);
        let mut passing = Box::pin(way.passes(Instant::now()));
        assert!((&mut passing).now_or_never().is_none(), "it is held back");
        sender.send_replace(LinkConditions::CLEAR);
        assert_eq!(passing.now_or_never(), Some(true));
    }

    #[tokio::test]
    async fn the_time_in_the_queue_is_part_of_the_delay() {
        let (_sender, slow) = watch::channel(conditions(1_000, 0, 0.0));
        let queued = Instant::now().checked_sub(Duration::from_secs(2)).unwrap();
        assert_eq!(Way::new(slow).passes(queued).now_or_never(), Some(true));
    }

    #[tokio::test]
    async fn setting_waits_until_it_is_in_force() {
        let control = LinkControl::default();
        let links = Links { rest: LinkConditions::BLOCKED, ..Links::default() };
        let mut wanted = control.wanted();
        let mut setting = Box::pin(control.set(links.clone()));
        assert!((&mut setting).now_or_never().is_none());
        assert!(wanted.has_changed().unwrap());
        control.tell(|state| state.links = wanted.borrow_and_update().clone());
        setting.now_or_never().expect("it is in force");
        assert_eq!(control.state().links, links);
    }
}
