//! Builders of stopped instances, and of the notes and transitions that say who stopped them.

use idleness::{Instance, InstanceState, Tags, Transition};

use super::{at, instance, now};

/// A schedule with a window that is open `now`, until 21:00.
pub const OPEN: (&str, &str) = ("doze:schedule", "sat 20:00-21:00 @ UTC");
/// A schedule that opens next on Monday, at midnight by UTC.
pub const CLOSED: (&str, &str) = ("doze:schedule", "mon-fri 09:00-18:00 @ Asia/Seoul");
/// Doze's note of its last stop.
pub const STOPPED_AT: (&str, &str) = ("doze:stopped-at", "2026-11-21T10:00:00Z");
/// EC2's code of a stop that somebody asked for.
pub const ASKED_FOR: &str = "Client.UserInitiatedShutdown";
/// EC2's code of a start without capacity.
pub const NO_CAPACITY: &str = "Server.InsufficientInstanceCapacity";
/// EC2's code of a start whose volume could not be unlocked, among other things.
pub const KMS: &str = "Client.InternalError";

/// A transition as EC2 describes it.
pub fn transition(code: &str, time: &str) -> Transition {
    Transition { code: Some(code.to_owned()), message: None, at: Some(at(time)) }
}

/// An instance that Doze stopped this morning, with more tags.
pub fn slept(tags: &[(&str, &str)]) -> Instance {
    with_tags(1, &[&[STOPPED_AT], tags].concat())
}

/// An instance that somebody else stopped: there is no note of it.
pub fn switched_off(tags: &[(&str, &str)]) -> Instance {
    with_tags(1, tags)
}

/// A stopped instance of any number, with these tags beside the opt-in.
pub fn with_tags(number: u32, tags: &[(&str, &str)]) -> Instance {
    Instance {
        state: InstanceState::Stopped,
        launched_at: Some(at("2026-11-21T06:00:00Z")),
        transition: transition(ASKED_FOR, "2026-11-21T10:00:04Z"),
        tags: [("doze", "on")].iter().chain(tags).copied().collect::<Tags>(),
        ..instance(number)
    }
}

/// An instance that was started a quarter of an hour ago, and fell back to stopped for this reason. Doze had stopped it.
pub fn fallen(code: &str, message: Option<&str>, tags: &[(&str, &str)]) -> Instance {
    let launched_at = now() - jiff::SignedDuration::from_secs(10);
    let transition = Transition { code: Some(code.to_owned()), message: message.map(str::to_owned), at: None };
    Instance { launched_at: Some(launched_at), transition, ..slept(tags) }
}
