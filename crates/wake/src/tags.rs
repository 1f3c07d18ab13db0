//! What a request leaves behind on an instance: until when it is kept awake.

use idleness::{Instance, KEEP_UNTIL_TAG};
use jiff::Timestamp;

/// What the tag `doze:keep-until` says now.
pub(crate) enum KeptUntil {
    /// There is none, or one that is past.
    Nothing,
    /// It is kept awake until then.
    Instant(Timestamp),
    /// A text that is no instant: it keeps the instance awake until somebody mends it.
    Unreadable,
}

impl KeptUntil {
    pub(crate) fn of(instance: &Instance, now: Timestamp) -> Self {
        match instance.tags.get(KEEP_UNTIL_TAG).map(|text| text.trim().parse::<Timestamp>()) {
            None => Self::Nothing,
            Some(Ok(until)) if until <= now => Self::Nothing,
            Some(Ok(until)) => Self::Instant(until),
            Some(Err(_)) => Self::Unreadable,
        }
    }
}
