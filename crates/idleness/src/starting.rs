//! Whether a stopped instance is to be started, by what is known of itself alone. What others have to do with it is `order`'s.

use jiff::{SignedDuration, Timestamp};

use crate::{
    decision::Reason,
    gates::{Case, Hold},
    instance::{Instance, InstanceState, Transition},
    plan::STOPPED_BECAUSE_TAG,
    schedule::Schedule,
    wishes::{START_OWED_SINCE_TAG, START_TRIED_AT_TAG, Wishes},
};

/// EC2's reason for a stop that somebody asked for by `StopInstances`, as Doze does.
const ASKED_FOR: &str = "Client.UserInitiatedShutdown";
/// EC2's reason for the end of a start that found no capacity.
const NO_CAPACITY: &str = "Server.InsufficientInstanceCapacity";
/// EC2's reasons for the end of a start that fell back to `stopped`, and what people should know of them.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html>
const FAILED_STARTS: [(&str, &str); 5] = [
    (
        "Client.InternalError",
        "most often the KMS key of an encrypted volume: it is disabled or gone, or its policy grants nothing to whoever \
         starts the instance",
    ),
    ("Client.InvalidSnapshot.NotFound", "the snapshot of one of its volumes is gone"),
    ("Client.VolumeLimitExceeded", "the account's limit on volumes is reached"),
    ("Server.InternalError", "EC2 failed; another try may work"),
    (NO_CAPACITY, "EC2 has no capacity for its type in its Availability Zone"),
];

/// For how long a start is owed outside a window of the schedule. Whoever asked for it has found another way by then.
const OWED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// An owed start is tried again once it has been owed for twice as long, but within these bounds.
const SHORTEST_WAIT: SignedDuration = SignedDuration::from_mins(5);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// How far EC2's time of a stop may be from the note that Doze makes just before it.
const BEFORE_NOTE: SignedDuration = SignedDuration::from_mins(2);
const AFTER_NOTE: SignedDuration = SignedDuration::from_mins(3);

/// What is to become of a stopped instance.
pub(crate) fn at_rest(case: &Case<'_>) -> Hold {
    // By which policy it would be stopped, does not matter to one that is stopped.
    let wishes = &match Wishes::read_but_policy(&case.instance.tags) {
        Ok(wishes) => wishes,
        Err(bad) => return Hold::because(Reason::AlreadyStopped, bad.to_string()),
    };
    if let Some(since) = owed_since(case.instance, wishes) {
        return owed(case, wishes, since);
    }
    let open = wishes.schedule.as_ref().filter(|schedule| schedule.is_open(case.now));
    if let Some(words) = failed_start(&case.instance.transition) {
        let is_due = case.instance.transition.code.as_deref() == Some(NO_CAPACITY)
            && open.is_some_and(|schedule| was_started_in_this_window(schedule, case.instance, case.now));
        return Hold::because(if is_due { Reason::StartOwed } else { Reason::StartFailed }, words);
    }
    let by_doze = was_stopped_by_doze(case.instance, wishes);
    match (open, &wishes.schedule) {
        (Some(schedule), _) if by_doze => Hold::because(Reason::ScheduleOpen, until(schedule, case.now)),
        (Some(_), _) => Hold::because(
            Reason::AlreadyStopped,
            "a window of its schedule is open, but it was not Doze that stopped it last".to_owned(),
        ),
        (None, schedule) if by_doze => {
            let opening = schedule.as_ref().and_then(|schedule| schedule.next_opening(case.now));
            Hold::because(Reason::AlreadyStopped, stopped_by_doze(case.instance, wishes, opening))
        }
        (None, _) => Hold::plain(Reason::AlreadyStopped),
    }
}

/// Whether the last start belongs to the window that is open now. An older one was for another day, and perhaps a person's.
fn was_started_in_this_window(schedule: &Schedule, instance: &Instance, now: Timestamp) -> bool {
    let started_at = instance.launched_at.filter(|at| *at <= now);
    started_at.is_some_and(|at| schedule.is_open(at) && schedule.next_closing(at) == schedule.next_closing(now))
}

/// When and why Doze stopped the instance, and when it starts it.
fn stopped_by_doze(instance: &Instance, wishes: &Wishes, opening: Option<Timestamp>) -> String {
    let at = wishes.stopped_at.map(|at| format!(" at {at}")).unwrap_or_default();
    let was_idle = instance.tags.get(STOPPED_BECAUSE_TAG) == Some(Reason::Idle.as_str());
    let because = if was_idle { " because it was idle" } else { "" };
    let until = opening.map(|opening| format!("; it is started at {opening}"));
    format!("Doze stopped it{at}{because}{}", until.unwrap_or_default())
}

fn until(schedule: &Schedule, now: Timestamp) -> String {
    match schedule.next_closing(now) {
        Some(closing) => format!("a window of its schedule is open until {closing}"),
        None => "its schedule has no end".to_owned(),
    }
}

/// Since when a start is owed, if it still is. It has come true if the instance was started since, and did not fall back:
/// whoever stopped it after that wanted it so, though the note is still there.
fn owed_since(instance: &Instance, wishes: &Wishes) -> Option<Timestamp> {
    let since = wishes.start_owed_since?;
    // EC2 tells the time of a start in whole seconds: one of the same second came after the note.
    let was_started = instance.launched_at.is_some_and(|launched_at| since.as_second() <= launched_at.as_second());
    (!was_started || has_fallen_back(instance)).then_some(since)
}

/// A start that was refused before, or asked for while the instance was still stopping.
fn owed(case: &Case<'_>, wishes: &Wishes, since: Timestamp) -> Hold {
    // What failed before somebody asked anew may work now.
    let is_older = case.instance.launched_at.is_some_and(|launched_at| launched_at.as_second() < since.as_second());
    let failed = failed_start(&case.instance.transition).filter(|_| !is_older);
    if let Some(words) = failed.filter(|_| case.instance.transition.code.as_deref() != Some(NO_CAPACITY)) {
        return Hold::because(Reason::StartFailed, words);
    }
    if is_given_up(wishes, since, case.now) {
        let detail = format!("the start that was owed since {since} is given up: nobody waits for it any more");
        return Hold::because(Reason::AlreadyStopped, detail);
    }
    let due = due(since, wishes.start_tried_at);
    if due <= case.now {
        return Hold::because(Reason::StartOwed, format!("its start has been owed since {since}"));
    }
    Hold::because(Reason::AlreadyStopped, format!("its start has been owed since {since}, and is tried again at {due}"))
}

/// When the owed start of a stopped instance is tried again, if somebody still waits for it then.
pub(crate) fn next_try(instance: &Instance, wishes: &Wishes) -> Option<Timestamp> {
    let since = owed_since(instance, wishes)?;
    let due = due(since, wishes.start_tried_at);
    (!is_given_up(wishes, since, due)).then_some(due)
}

/// When an owed start is tried again: the longer it has been owed, the later.
fn due(since: Timestamp, tried_at: Option<Timestamp>) -> Timestamp {
    let Some(tried_at) = tried_at else { return since };
    let wait = tried_at.duration_since(since).clamp(SHORTEST_WAIT, LONGEST_WAIT);
    tried_at.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

/// An owed start ends with the window in which it was owed; without one, after a day; and never before the time until which
/// somebody wants it awake.
fn is_given_up(wishes: &Wishes, since: Timestamp, now: Timestamp) -> bool {
    if wishes.keep_until.is_some_and(|until| now < until) {
        return false;
    }
    match &wishes.schedule {
        Some(schedule) if schedule.is_open(now) => false,
        Some(schedule) if schedule.is_open(since) => true,
        Some(_) | None => now.duration_since(since) >= OWED_FOR,
    }
}

/// What is wrong with a tag of the instance, if one cannot be read: then Doze does not start it by itself.
#[must_use]
pub fn unreadable_tag(instance: &Instance) -> Option<String> {
    Wishes::read_but_policy(&instance.tags).err().map(|bad| bad.to_string())
}

/// Whether the instance carries the note of an owed start.
#[must_use]
pub fn is_start_owed(instance: &Instance) -> bool {
    instance.tags.get(START_OWED_SINCE_TAG).is_some()
}

/// Whether an owed start has been tried since it is owed. Whoever asked for it while that could not be, has only been promised it.
#[must_use]
pub fn is_start_tried(instance: &Instance) -> bool {
    Wishes::read_but_policy(&instance.tags).is_ok_and(|wishes| {
        wishes.start_owed_since.zip(wishes.start_tried_at).is_some_and(|(since, tried_at)| since <= tried_at)
    })
}

/// Since when a start was owed that is given up: nobody waits for it any more, and it has not come true.
#[must_use]
pub fn given_up_since(instance: &Instance, now: Timestamp) -> Option<Timestamp> {
    let wishes = Wishes::read_but_policy(&instance.tags).ok()?;
    let since = owed_since(instance, &wishes)?;
    (instance.state == InstanceState::Stopped && is_given_up(&wishes, since, now)).then_some(since)
}

/// Whether the notes about an owed start are to be taken off: the instance runs, or nobody waits for it any more.
#[must_use]
pub fn is_start_settled(instance: &Instance, now: Timestamp) -> bool {
    let notes = [START_OWED_SINCE_TAG, START_TRIED_AT_TAG];
    if !instance.tags.opted_in() || !notes.iter().any(|note| instance.tags.get(note).is_some()) {
        return false;
    }
    match instance.state {
        InstanceState::Running => true,
        InstanceState::Stopped => Wishes::read_but_policy(&instance.tags).is_ok_and(|wishes| {
            let is_noted = wishes.start_owed_since.is_some();
            is_noted && owed_since(instance, &wishes).is_none_or(|since| is_given_up(&wishes, since, now))
        }),
        _ => false,
    }
}

/// Whether it was Doze that stopped the instance, and nobody started and stopped it since. In doubt it was somebody else.
pub(crate) fn was_stopped_by_doze(instance: &Instance, wishes: &Wishes) -> bool {
    let Some((noted_at, launched_at)) = wishes.stopped_at.zip(instance.launched_at) else { return false };
    let Transition { code, at, .. } = &instance.transition;
    let was_asked_for = code.as_deref().is_none_or(|code| code == ASKED_FOR);
    let is_that_stop = at.is_none_or(|at| {
        let after_note = at.duration_since(noted_at);
        -BEFORE_NOTE <= after_note && after_note <= AFTER_NOTE
    });
    launched_at <= noted_at && was_asked_for && is_that_stop
}

/// What went wrong, where EC2 says that a start fell back to `stopped`.
fn failed_start(transition: &Transition) -> Option<String> {
    let code = transition.code.as_deref()?;
    let (_, advice) = FAILED_STARTS.iter().find(|(failed, _)| *failed == code)?;
    let message = transition.message.as_deref().unwrap_or(code);
    let named = if message.starts_with(code) { message.to_owned() } else { format!("{code}: {message}") };
    Some(format!("it fell back to stopped: {named}; {advice}"))
}

/// Whether the instance is stopped, and nobody but Doze wanted it so: then it may be started for the sake of others.
pub(crate) fn may_be_started(instance: &Instance) -> bool {
    instance.state == InstanceState::Stopped
        && instance.tags.opted_in()
        && Wishes::read_but_policy(&instance.tags).is_ok_and(|wishes| was_stopped_by_doze(instance, &wishes))
}

/// Whether somebody still waits for the owed start of the instance, whenever it is due.
pub(crate) fn is_start_awaited(instance: &Instance) -> bool {
    Wishes::read_but_policy(&instance.tags).is_ok_and(|wishes| owed_since(instance, &wishes).is_some())
}

/// Whether the last start of the instance fell back to `stopped`.
pub(crate) fn has_fallen_back(instance: &Instance) -> bool {
    failed_start(&instance.transition).is_some()
}
