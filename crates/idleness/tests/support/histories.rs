//! What happened to random instances before: Doze's notes, and EC2's words about their last change of state. And an
//! independent statement of what follows from them for an instance that is stopped.

use idleness::{InstanceState, Reason, Transition};
use jiff::{SignedDuration, Timestamp};
use proptest::{option::weighted, prelude::*, sample::select};

use super::{
    cases::{Case, Wanted},
    proof::is_open,
    starts::{ASKED_FOR, KMS, NO_CAPACITY},
};

/// The notes that Doze made in tags.
#[derive(Clone, Debug)]
pub struct Notes {
    pub stopped_at: Option<Timestamp>,
    pub owed_since: Option<Timestamp>,
    pub tried_at: Option<Timestamp>,
    /// No note, but as little to do with stops: what starts before it.
    pub after: Option<&'static str>,
}

pub fn any_notes(now: Timestamp) -> impl Strategy<Value = Notes> {
    let ago = move |minutes: std::ops::Range<i64>| minutes.prop_map(move |ago| now - SignedDuration::from_mins(ago));
    let owed = prop_oneof![ago(-5..90), ago(0..1500), ago(1400..4000)];
    let tried = prop_oneof![ago(-5..70), ago(0..1500)];
    let after = weighted(0.1, select(vec!["db", "i-0123456789abcdef0 + db"]));
    (weighted(0.5, ago(-10..1500)), weighted(0.15, owed), weighted(0.15, tried), after)
        .prop_map(|(stopped_at, owed_since, tried_at, after)| Notes { stopped_at, owed_since, tried_at, after })
}

/// What EC2 says of the last change: most often of a stop that somebody asked for at about this time.
pub fn any_transition(about: Timestamp) -> impl Strategy<Value = Transition> {
    let others = ["Client.InstanceInitiatedShutdown", "Server.SpotInstanceTermination", "Server.InternalError", ""];
    let code = prop_oneof![
        8 => Just(ASKED_FOR),
        1 => Just(KMS),
        1 => Just(NO_CAPACITY),
        1 => select(others.to_vec()),
    ];
    let seconds = prop_oneof![8 => 0..60_i64, 2 => -300..1200_i64, 1 => -90_000..90_000_i64];
    let at = seconds.prop_map(move |seconds| about + SignedDuration::from_secs(seconds));
    (weighted(0.95, code), weighted(0.9, at)).prop_map(|(code, at)| Transition {
        code: code.map(str::to_owned),
        message: code.map(|code| format!("{code}: as EC2 says")),
        at,
    })
}

/// Whether all of the tags can be read that say something about a start: by which policy it would be stopped, does not.
pub fn are_readable(wanted: &Wanted) -> bool {
    const READABLE: [&str; 5] = ["web", "owned", "prod", "2999-01-01T00:00:00Z", "mon-sun 00:00-24:00 @ UTC"];
    wanted.keeping.is_none_or(|(key, value)| key == "doze:policy" || READABLE.contains(&value))
}

/// Whether a window of the schedule is open. The schedule that keeps at all times stands in place of any other.
pub fn is_window_open(wanted: &Wanted, at: Timestamp) -> bool {
    wanted.keeping.is_some_and(|(key, _)| key == "doze:schedule")
        || wanted.schedule.iter().flatten().any(|window| is_open(window, at.as_second()))
}

/// Why a stopped instance is to be started, if it is.
pub fn start_of(case: &Case) -> Option<Reason> {
    let (wanted, instance) = (&case.tags, &case.instance);
    if instance.state != InstanceState::Stopped || !wanted.opted_in || !are_readable(wanted) {
        return None;
    }
    let code = instance.transition.code.as_deref();
    let lacks_capacity = code == Some(NO_CAPACITY);
    let fell_back = lacks_capacity || matches!(code, Some(KMS | "Server.InternalError"));
    let open = is_window_open(wanted, case.now);
    // EC2 tells starts in whole seconds: one of the same second came after the note.
    let has_come_true = |since: Timestamp| {
        !fell_back && instance.launched_at.is_some_and(|launched| launched.as_second() >= since.as_second())
    };
    if let Some(since) = wanted.notes.owed_since.filter(|since| !has_come_true(*since)) {
        let was_before = instance.launched_at.is_some_and(|launched| launched.as_second() < since.as_second());
        let is_wanted = !fell_back || lacks_capacity || was_before;
        return (is_wanted && is_waited_for(case, since) && is_due(case, since)).then_some(Reason::StartOwed);
    }
    if fell_back {
        return (lacks_capacity && has_been_open_since_launch(case)).then_some(Reason::StartOwed);
    }
    (open && is_by_doze(case)).then_some(Reason::ScheduleOpen)
}

/// Whether one window has been open from the last launch until now: minute by minute, since windows begin and end at them.
fn has_been_open_since_launch(case: &Case) -> bool {
    let Some(launched) = case.instance.launched_at.map(Timestamp::as_second) else { return false };
    let now = case.now.as_second();
    let minutes = (launched..=now).step_by(60).map(|second| second / 60 * 60).filter(|second| launched <= *second);
    let mut moments = [launched, now].into_iter().chain(minutes);
    launched <= now
        && moments.all(|second| is_window_open(&case.tags, Timestamp::from_second(second).expect("in range")))
}

fn is_by_doze(case: &Case) -> bool {
    let Case { instance, tags, .. } = case;
    let harmless = tags.harmless.filter(|(key, _)| *key == "doze:stopped-at");
    let noted = tags.notes.stopped_at.or_else(|| harmless.map(|(_, at)| at.parse().expect("is a time")));
    let (Some(noted), Some(launched)) = (noted, instance.launched_at) else { return false };
    let late = instance.transition.at.map(|at| at.as_second() - noted.as_second());
    launched <= noted
        && matches!(instance.transition.code.as_deref(), None | Some(ASKED_FOR))
        && late.is_none_or(|late| (-120..=180).contains(&late))
}

fn is_waited_for(case: &Case, since: Timestamp) -> bool {
    let is_kept = case.tags.keep_until.is_some_and(|until| case.now < until)
        || case.tags.keeping.is_some_and(|(key, value)| key == "doze:keep-until" && value.starts_with("2999"));
    if is_kept || is_window_open(&case.tags, case.now) {
        return true;
    }
    !is_window_open(&case.tags, since) && case.now.as_second() - since.as_second() < 86_400
}

fn is_due(case: &Case, since: Timestamp) -> bool {
    let due = case.tags.notes.tried_at.map_or(since.as_second(), |tried| {
        let owed_for = tried.as_second() - since.as_second();
        tried.as_second() + owed_for.clamp(300, 3600)
    });
    due <= case.now.as_second()
}
