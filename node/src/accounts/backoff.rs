//! How long somebody who typed wrong passwords has to wait before the next try. Time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::Millis;

/// Tries that may follow each other at once; slips of the finger, not guesses.
const FREE: u32 = 3;
/// Wait after these; doubled for each further wrong try.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait. Short, since whoever keeps guessing must not keep the owner out for long.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// After so long without a try, nothing is held against anybody.
const FORGET: Duration = Duration::from_secs(600);
/// Names whose tries are remembered, at most.
const MAX_NAMES: usize = 1_000;

/// The tries of one password.
#[derive(Debug, Clone, Copy, Default)]
pub struct Backoff {
    wrong: u32,
    last: Millis,
}

impl Backoff {
    /// Begins a try, which counts as a wrong one until [`Backoff::right`] is said.
    ///
    /// # Errors
    /// How long to wait, if it is too early for another try. This is then none.
    pub fn begin(&mut self, now: Millis) -> Result<(), Duration> {
        // A clock that went back must not make anybody wait for it to catch up.
        self.last = self.last.min(now);
        let since = now.since(self.last);
        if since >= FORGET {
            self.wrong = 0;
        }
        let wait = self.wait().saturating_sub(since);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.wrong = self.wrong.saturating_add(1);
        self.last = now;
        Ok(())
    }

    /// The last try was right.
    pub fn right(&mut self) {
        self.wrong = 0;
    }

    fn wait(&self) -> Duration {
        match self.wrong.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(more) => FIRST_WAIT.saturating_mul(1 << more.min(16)).min(LONGEST_WAIT),
        }
    }
}

/// The tries of all names, whether there are accounts of these names or not.
#[derive(Debug, Default)]
pub struct Backoffs(BTreeMap<String, Backoff>);

impl Backoffs {
    /// The tries of one name.
    pub fn of(&mut self, name: &str) -> &mut Backoff {
        if self.0.len() >= MAX_NAMES && !self.0.contains_key(name) {
            let oldest = self.0.iter().min_by_key(|(_, backoff)| backoff.last).map(|(name, _)| name.clone());
            oldest.map(|name| self.0.remove(&name));
        }
        self.0.entry(name.to_owned()).or_default()
    }

    /// The last try of this name was right.
    pub fn right(&mut self, name: &str) {
        self.0.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_never_long() {
        let (mut backoff, mut now) = (Backoff::default(), Millis(1_000_000));
        let mut waits = Vec::new();
        for _ in 0..12 {
            let wait = backoff.begin(now).err().unwrap_or_default();
            waits.push(wait.as_secs());
            now = now.after(wait);
            if !wait.is_zero() {
                assert_eq!(backoff.begin(Millis(now.0 - 1)), Err(Duration::from_millis(1)));
                backoff.begin(now).unwrap();
            }
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
    }

    #[test]
    fn a_right_try_or_a_long_while_clears_the_slate() {
        let (mut backoff, now) = (Backoff::default(), Millis(1_000_000));
        let exhaust = |backoff: &mut Backoff, now| while backoff.begin(now).is_ok() {};
        exhaust(&mut backoff, now);
        backoff.right();
        assert_eq!(backoff.begin(now), Ok(()));
        exhaust(&mut backoff, now);
        let later = now.after(FORGET);
        assert_eq!((0..FREE).map(|_| backoff.begin(later)).filter(Result::is_ok).count(), 3);
        assert!(backoff.begin(later).is_err());
    }

    #[test]
    fn a_clock_that_went_back_keeps_nobody_out() {
        let (mut backoff, now) = (Backoff::default(), Millis(1_000_000_000));
        while backoff.begin(now).is_ok() {}
        let before = Millis(1_000_000);
        let wait = backoff.begin(before).unwrap_err();
        assert!(wait <= LONGEST_WAIT && backoff.begin(before.after(wait)).is_ok());
    }

    #[test]
    fn names_are_told_apart_and_not_without_number() {
        let (mut backoffs, now) = (Backoffs::default(), Millis(1_000_000));
        while backoffs.of("anna").begin(now).is_ok() {}
        assert!(backoffs.of("bert").begin(now).is_ok());
        assert!(backoffs.of("anna").begin(now).is_err());
        for number in 0..2 * MAX_NAMES as u64 {
            backoffs.of(&number.to_string()).begin(now.after(Duration::from_millis(number))).unwrap();
        }
        assert_eq!(backoffs.0.len(), MAX_NAMES);
    }
}
