//! The node's clock. It is read here and nowhere else, and handed to the machine with every event.

use std::time::{SystemTime, UNIX_EPOCH};

use shared::Millis;

/// The system's time; the epoch itself if the system's clock is before it.
pub fn now() -> Millis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
