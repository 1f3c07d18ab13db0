//! What is made of tags: `idleness::Schedule`, and all that a `doze:*` tag may hold.
//!
//! The data are a time in four bytes, as seconds since 1970, and a text. Its first line is the tag `doze:schedule`; each of
//! the others is a tag with its value, `doze:keep-until=…`.

use idleness::{
    Evidence, Instance, InstanceState, InstanceType, Market, Reason, RootDevice, Rules, Schedule, StopProtection,
    Verdict, decide, explain, is_start_owed, is_start_settled, next, unreadable_tag,
};
use jiff::{SignedDuration, Timestamp};

use crate::bytes::Bytes;

const INSTANT: SignedDuration = SignedDuration::from_nanos(1);
/// Fewer than the horizon of the search, and enough for every season.
const HORIZON: SignedDuration = SignedDuration::from_hours(390 * 24);

/// Reads a schedule and tags.
///
/// # Panics
/// An error points at nothing, openings and closings disagree, or a tag that nobody can read lets an instance be stopped.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let now = Timestamp::from_second(bytes.seconds()).expect("four bytes are within time");
    let text = bytes.text();
    let mut lines = text.lines();
    let schedule = lines.next().unwrap_or_default();
    let parsed = schedule.parse::<Schedule>();
    match &parsed {
        Ok(schedule) => check_schedule(schedule, now),
        Err(error) => check_error(schedule, &error.to_string()),
    }
    let tags: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once('=')).collect();
    for state in [InstanceState::Running, InstanceState::Stopped] {
        check_tags(schedule, &tags, state, now, parsed.is_ok());
    }
}

/// Every edge lies ahead and is one, and nothing changes before the first.
fn check_schedule(schedule: &Schedule, now: Timestamp) {
    for at in [Timestamp::MIN, now, Timestamp::MAX] {
        let (opening, closing) = (schedule.next_opening(at), schedule.next_closing(at));
        for (edge, opens) in [(opening, true), (closing, false)] {
            let Some(edge) = edge else { continue };
            assert!(at < edge, "{edge} is not after {at}");
            assert_eq!(schedule.is_open(edge), opens, "at {edge}");
            assert_eq!(schedule.is_open(edge - INSTANT), !opens, "before {edge}");
        }
    }
    let open = schedule.is_open(now);
    let (opening, closing) = (schedule.next_opening(now), schedule.next_closing(now));
    let edge = if open { closing } else { opening };
    let until = edge.map_or(now + HORIZON, |edge| edge - INSTANT);
    let span = until.duration_since(now);
    for part in 0..=8 {
        let at = now + span / 8 * part;
        assert_eq!(schedule.is_open(at), open, "at {at}, between {now} and {until}");
    }
    if let (Some(opening), Some(closing)) = (opening, closing) {
        assert_eq!(closing < opening, open, "opens {opening}, closes {closing}");
    }
}

/// The error counts characters from 1, and says what is found there.
fn check_error(text: &str, error: &str) {
    let problem = error.strip_prefix("character ").and_then(|rest| rest.split_once(": expected "));
    let (position, rest) = problem.unwrap_or_else(|| panic!("{error:?} names no character"));
    let position: usize = position.parse().unwrap_or_else(|_| panic!("{error:?} names no character"));
    assert!((1..=text.chars().count() + 1).contains(&position), "{error:?} lies outside of {text:?}");
    assert!(error.chars().count() < 350 && !error.contains(char::is_control), "{error:?}");
    let at_fault: String = text.chars().skip(position - 1).take(1).collect();
    if at_fault.is_empty() {
        assert!(rest.ends_with(", found the end"), "{error:?} in {text:?}");
    } else {
        let shown = format!("{at_fault:?}");
        assert!(rest.contains(&format!(", found {}", shown.trim_end_matches('"'))), "{error:?} in {text:?}");
    }
}

/// Whatever stands in tags, decisions and words come of it; and where one of Doze's own makes no sense, no stop does.
fn check_tags(schedule: &str, tags: &[(&str, &str)], state: InstanceState, now: Timestamp, is_schedule: bool) {
    let own = [("doze", "on"), ("doze:schedule", schedule)];
    let instance = &Instance {
        id: "i-0123456789abcdef0".parse().expect("is an id"),
        state,
        launched_at: now.checked_sub(SignedDuration::from_hours(24)).ok(),
        instance_type: InstanceType::from_name("m7g.large"),
        vcpus: Some(2),
        root_device: RootDevice::Ebs,
        market: Market::OnDemand,
        stop_protection: StopProtection::Off,
        transition: idleness::Transition::default(),
        tags: own.into_iter().chain(tags.iter().copied()).collect(),
    };
    let rules = &Rules::default();
    let evidence = &Evidence::none();
    let decision = decide(instance, evidence, rules, now);
    assert_ne!(decision.verdict, Verdict::Stop, "nothing was measured");
    let words = explain(instance, evidence, rules, &decision, now).to_string();
    assert!(!words.contains(|character: char| character.is_control() && character != '\n'), "{words:?}");
    let unreadable = unreadable_tag(instance);
    let is_replaced = tags.iter().any(|(key, _)| matches!(*key, "doze" | "doze:schedule"));
    assert!(is_replaced || is_schedule || unreadable.is_some(), "a schedule that is none is readable");
    if unreadable.is_some() && instance.tags.opted_in() {
        let expected = if state == InstanceState::Running { Reason::BadTag } else { Reason::AlreadyStopped };
        assert_eq!(decision.reason, expected);
        assert_eq!(decision.verdict, Verdict::Keep);
        assert!(
            state == InstanceState::Running || !is_start_settled(instance, now),
            "settled by a tag nobody can read"
        );
    }
    if let Some(at) = next(instance, &decision, rules, now).and_then(|next| next.at) {
        assert!(now < at, "next at {at}, which is not after {now}");
    }
    assert!(
        !is_start_settled(instance, now)
            || is_start_owed(instance)
            || instance.tags.get("doze:start-tried-at").is_some()
    );
}
