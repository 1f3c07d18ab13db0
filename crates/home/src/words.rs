//! Reasons and states in words that somebody reads who has never heard of a gate.

use idleness::{Decision, Finding, InstanceState, Reason, Verdict};
use jiff::{Timestamp, tz::TimeZone};

/// The verdict in a few words.
pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Keep => "Stays as it is",
        Verdict::Stop => "To be stopped",
        Verdict::Start => "To be started",
    }
}

/// The reason in a few words.
pub(crate) const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::NotFound => "EC2 does not know it",
        Reason::NotOptedIn => "not opted in",
        Reason::AlreadyStopped => "stopped",
        Reason::StartFailed => "fell back to stopped",
        Reason::WaitsForOthers => "waits for others",
        Reason::ScheduleOpen => "its schedule says so",
        Reason::StartOwed => "its start is owed",
        Reason::Requested => "somebody asked for it",
        Reason::Needed => "another one needs it",
        Reason::InTransition => "on its way",
        Reason::Terminated => "terminated",
        Reason::BadTag => "a tag cannot be read",
        Reason::AutoScalingMember => "member of an Auto Scaling group",
        Reason::ClusterMember => "node of a cluster",
        Reason::OneTimeSpot => "one-time Spot instance",
        Reason::InstanceStoreRoot => "cannot be stopped: its root volume is an instance store",
        Reason::StopProtected => "protected from being stopped",
        Reason::KeptAwake => "kept awake",
        Reason::InsideSchedule => "inside its schedule",
        Reason::RecentlyStarted => "started recently",
        Reason::InsufficientData => "too little is known",
        Reason::Busy => "in use",
        Reason::SessionActive => "a session is open",
        Reason::Announced => "idle; its stop is announced",
        Reason::OverCap => "idle, but enough was stopped this hour",
        Reason::Idle => "idle",
    }
}

/// The numbers that matter most for the decision: those that show use, or else the first.
pub(crate) fn numbers(decision: &Decision) -> String {
    const SHOWN: usize = 3;
    if decision.reason == Reason::RecentlyStarted {
        return decision.evidence.first().map(uptime).unwrap_or_default();
    }
    let measured = || decision.evidence.iter().filter(|finding| !finding.skipped);
    let is_busy = |finding: &&Finding| finding.is_busy();
    let busy: Vec<String> = measured().filter(is_busy).take(SHOWN).map(Finding::to_string).collect();
    let shown = if busy.is_empty() { measured().take(SHOWN).map(Finding::to_string).collect() } else { busy };
    shown.join("; ")
}

fn uptime(finding: &Finding) -> String {
    let minutes = |seconds: f64| format!("{:.0}", (seconds / 60.0).floor());
    match finding.observed {
        Some(up) => format!("up for {} minutes, and left alone for the first {}", minutes(up), minutes(finding.limit)),
        None => "EC2 does not say since when it is up".to_owned(),
    }
}

/// A time as people read it. Whoever needs the seconds has the machine-readable one beside it.
pub(crate) fn time(at: Timestamp) -> String {
    at.to_zoned(TimeZone::UTC).strftime("%a %Y-%m-%d %H:%M UTC").to_string()
}

/// What comes next for an instance that Doze does nothing with by itself.
pub(crate) const fn nothing_next(state: InstanceState, reason: Reason) -> &'static str {
    match (state, reason) {
        (InstanceState::Pending, _) => "runs soon",
        (InstanceState::Stopping, _) => "is stopped soon",
        (InstanceState::Stopped, _) => "stays stopped until somebody starts it",
        (InstanceState::Running, Reason::BadTag) => "stays on until the tag is mended",
        (InstanceState::Running, Reason::InsufficientData | Reason::Busy | Reason::SessionActive | Reason::OverCap) => {
            "Doze looks again"
        }
        _ => "nothing",
    }
}

/// The beginning of a text that takes no more than so many bytes on a page, so that one instance cannot fill it.
pub(crate) fn cut(text: &str, bytes: usize) -> String {
    let mut left = bytes;
    let fits = |character: &char| {
        let size = bytes_on_page(*character);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

/// What is escaped takes five bytes: `&#60;`.
const fn bytes_on_page(character: char) -> usize {
    match character {
        '<' | '>' | '&' | '"' | '\'' => 5,
        other => other.len_utf8(),
    }
}
