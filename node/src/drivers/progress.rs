//! How a node comes on that catches up with others: blocks a second, and how long it will still take. What is
//! still to come is the machine's to know.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;
use shared::{Height, Millis};
use tokio::sync::watch;
use tracing::info;
use utoipa::ToSchema;

use super::{clock, engine::Shown};
use crate::machine::sync::CatchingUp;

/// The rate is that of so much time past.
const SPAN: Duration = Duration::from_secs(10);
/// How often the rate is taken anew.
const STEP: Duration = Duration::from_millis(500);
/// How often the log tells of it.
const TOLD: Duration = Duration::from_secs(5);

/// How far a node is that catches up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// Its tip's height.
    #[schema(value_type = u32)]
    pub height: Height,
    /// The highest that a peer spoke of.
    #[schema(value_type = u32)]
    pub goal: Height,
    /// Blocks a second during the last ten seconds; null at the beginning.
    pub blocks_per_second: Option<u32>,
    /// Seconds that are left at this rate; null as long as there is none.
    pub seconds_left: Option<u32>,
}

/// What was seen of the height lately, oldest first.
#[derive(Debug, Default)]
struct Pace(VecDeque<(Millis, Height)>);

impl Pace {
    fn note(&mut self, now: Millis, at: CatchingUp) -> Progress {
        let CatchingUp { height, goal } = at;
        while self.0.front().is_some_and(|(seen, _)| now.since(*seen) > SPAN) {
            self.0.pop_front();
        }
        self.0.push_back((now, height));
        let blocks_per_second = self.rate();
        let left = u64::from(goal.0.saturating_sub(height.0));
        let seconds = |rate: u32| u32::try_from(left.div_ceil(u64::from(rate))).unwrap_or(u32::MAX);
        Progress {
            height,
            goal,
            blocks_per_second,
            seconds_left: blocks_per_second.filter(|rate| *rate > 0).map(seconds),
        }
    }

    fn rate(&self) -> Option<u32> {
        let ((first, low), (last, high)) = (self.0.front()?, self.0.back()?);
        let millis = last.since(*first).as_millis();
        let blocks = u128::from(high.0.saturating_sub(low.0));
        (millis > 0).then(|| u32::try_from(blocks * 1_000 / millis).unwrap_or(u32::MAX))
    }
}

/// Follows the machine until it ends, tells the log now and then, and `shown` all the time.
pub async fn follow(mut machine: watch::Receiver<Shown>, shown: watch::Sender<Option<Progress>>) {
    let (mut pace, mut told) = (Pace::default(), None::<Millis>);
    loop {
        let at = machine.borrow_and_update().catching_up;
        let Some(at) = at else {
            if shown.send_replace(None).is_some() && told.take().is_some() {
                info!("caught up with the other nodes");
            }
            pace = Pace::default();
            if machine.changed().await.is_err() {
                return;
            }
            continue;
        };
        let now = clock::steady();
        let progress = pace.note(now, at);
        shown.send_replace(Some(progress));
        if progress.blocks_per_second.is_some() && told.is_none_or(|told| now.since(told) >= TOLD) {
            told = Some(now);
            info!("{}", words(&progress));
        }
        let caught_up = machine.wait_for(|shown| shown.catching_up.is_none());
        if let Ok(Err(_)) = tokio::time::timeout(STEP, caught_up).await {
            return;
        }
    }
}

fn words(progress: &Progress) -> String {
    let Progress { height, goal, blocks_per_second, seconds_left } = progress;
    let rate = blocks_per_second.unwrap_or_default();
    let left = seconds_left.map_or_else(String::new, |left| format!(", {left} s left"));
    format!("catching up: block {height} of {goal}, {rate} blocks a second{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(height: u32) -> CatchingUp {
        CatchingUp { height: Height(height), goal: Height(100_000) }
    }

    #[test]
    fn rate_and_time_left_follow_the_last_seconds() {
        let mut pace = Pace::default();
        let first = pace.note(Millis(1_000), at(0));
        assert_eq!((first.blocks_per_second, first.seconds_left), (None, None));
        let second = pace.note(Millis(2_000), at(5_000));
        assert_eq!((second.blocks_per_second, second.seconds_left), (Some(5_000), Some(19)));
        assert_eq!(words(&second), "catching up: block 5000 of 100000, 5000 blocks a second, 19 s left");
        let later = pace.note(Millis(11_500), at(24_000));
        assert_eq!(later.blocks_per_second, Some(2_000), "what is older than ten seconds counts no more");
        let stuck = (12..=30).map(|second| pace.note(Millis(second * 1_000), at(24_000))).last().unwrap();
        assert_eq!((stuck.blocks_per_second, stuck.seconds_left), (Some(0), None));
    }

    #[tokio::test]
    async fn what_the_machine_says_is_shown_until_it_has_caught_up() {
        let showing = |catching_up| Shown { catching_up, ..Shown::default() };
        let (machine, seen) = watch::channel(showing(Some(at(7))));
        let (shown, mut told) = watch::channel(None);
        let following = tokio::spawn(follow(seen, shown));
        told.changed().await.unwrap();
        assert_eq!(told.borrow().map(|progress| progress.height), Some(Height(7)));
        machine.send_replace(showing(None));
        told.wait_for(Option::is_none).await.unwrap();
        drop(machine);
        following.await.unwrap();
    }
}
