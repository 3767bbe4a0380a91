//! The two units of time in the protocol, so that they are never mixed. Nothing here reads a clock.

use std::time::Duration;

use borsh::{BorshDeserialize, BorshSerialize};
use serde::{Deserialize, Serialize};

/// Block time: seconds since 1970-01-01T00:00:00Z, as Bitcoin's header has it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Seconds(pub u32);

/// A node's clock and an author's time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
    BorshSerialize,
    BorshDeserialize,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// The second this moment lies in; the last representable one when past the year 2106.
    pub fn seconds(self) -> Seconds {
        Seconds(u32::try_from(self.0 / 1000).unwrap_or(u32::MAX))
    }

    /// This moment and `duration`, saturating.
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Time passed since `earlier`; zero when the clock went back.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl From<Seconds> for Millis {
    fn from(seconds: Seconds) -> Self {
        Self(u64::from(seconds.0) * 1000)
    }
}
