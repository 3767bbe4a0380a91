//! The node's clocks. They are read here and nowhere else, and handed to the machine with every event.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use shared::Millis;

use crate::machine::timers::Moment;

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The system's time; the epoch itself if the system's clock is before it.
pub fn wall() -> Millis {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// Milliseconds since this process first asked, whatever becomes of the system's time.
pub fn steady() -> Millis {
    Millis(0).after(BEGINNING.elapsed())
}

/// Both.
pub fn now() -> Moment {
    Moment { steady: steady(), wall: wall() }
}
