//! The message about a run, as somebody gets it by mail.

use crate::support::{
    FakeFleet, IDLE,
    messages::message_about,
    now, settings,
    starts::{NO_CAPACITY, OPEN, SINCE, later, state_change},
};
use idleness::{Caps, Mode, Percent, Rules};
use jiff::{SignedDuration, Timestamp};
use scheduler::{Message, Run, Settings, run};
use serde_json::{Value, json};

fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

fn sweep() -> Value {
    json!({"action": "sweep"})
}

fn with_grace(mode: Mode) -> Settings {
    let rules = Rules { grace: SignedDuration::from_mins(30), ..Rules::default() };
    Settings { rules, caps: Caps { stops: 1000, share: Percent::ALL }, ..settings(mode) }
}

fn at_once(mode: Mode) -> Settings {
    Settings { rules: Rules::default(), ..with_grace(mode) }
}

async fn run_at(fleet: &FakeFleet, event: &Value, settings: &Settings, at: Timestamp) -> Run {
    run(event, fleet, settings, at).await.expect("the run has a report")
}

async fn message(fleet: &FakeFleet, event: &Value, settings: &Settings) -> Option<Message> {
    message_about(&mut run_at(fleet, event, settings, now()).await).await
}

/// A fleet in which, with a grace, one of each thing happens that there is to tell.
fn eventful() -> FakeFleet {
    let mut fleet = FakeFleet::default();
    let (due, announced) = (later(-5).to_string(), later(5).to_string());
    for (number, tags) in [
        (1, vec![("Name", "build-agent"), ("doze:stop-at", &due)]),
        (2, vec![("doze:stop-at", &due)]),
        (3, vec![("Name", "notebook")]),
        (4, vec![("Name", "renderer"), ("doze:stop-at", &announced)]),
        (9, vec![("Name", "shop")]),
    ] {
        fleet.add(&id(number), 0.4);
        fleet.put_tags(&id(number), &tags);
    }
    fleet.refuse_stop(&id(2), "OperationNotPermitted");
    fleet.work(&id(4), 70.0);
    fleet.work(&id(9), 30.0);
    fleet.add_asleep(&id(5), &[OPEN, ("Name", "web")]);
    fleet.add_asleep(&id(6), &[OPEN, ("Name", "gpu")]);
    fleet.refuse_start(&id(6), Some(NO_CAPACITY));
    fleet.add_asleep(&id(7), &[("Name", "db")]);
    fleet.add_asleep(&id(8), &[OPEN, ("Name", "api"), ("doze:after", "db")]);
    fleet
}

const EVENTFUL: &str = "\
Doze, 2026-11-21T20:00:20Z

i-00000000000000002 could not be stopped: OperationNotPermitted: refused by the test
  Why: idle
    cpu: 0.40 within 5 %; 12 of 12 datapoints
    vcpus: 0.01 within 0.03 vCPUs; 12 of 12 datapoints
    network: 0 within 120 B/s; 12 of 12 datapoints
    ebs: 0 within 2 operations/s; 12 of 12 datapoints

gpu (i-00000000000000006) could not be started yet; Doze tries again: InsufficientInstanceCapacity: refused by the test
  Why: schedule-open: a window of its schedule is open until 2026-11-21T21:00:00Z

build-agent (i-00000000000000001) was stopped
  Why: idle
    cpu: 0.40 within 5 %; 12 of 12 datapoints
    vcpus: 0.01 within 0.03 vCPUs; 12 of 12 datapoints
    network: 0 within 120 B/s; 12 of 12 datapoints
    ebs: 0 within 2 operations/s; 12 of 12 datapoints

notebook (i-00000000000000003) is to be stopped at 2026-11-21T20:30:20Z, if it is still idle
  Why: idle
    cpu: 0.40 within 5 %; 12 of 12 datapoints
    vcpus: 0.01 within 0.03 vCPUs; 12 of 12 datapoints
    network: 0 within 120 B/s; 12 of 12 datapoints
    ebs: 0 within 2 operations/s; 12 of 12 datapoints

renderer (i-00000000000000004) is not to be stopped any more
  Why: busy
    cpu: 70 above 5 %; 12 of 12 datapoints

web (i-00000000000000005) was started
  Why: schedule-open: a window of its schedule is open until 2026-11-21T21:00:00Z

db (i-00000000000000007) was started
  Why: needed: \"api\" (i-00000000000000008) starts after it
";

#[tokio::test(flavor = "current_thread")]
async fn a_message_says_what_happened_to_whom_and_why_trouble_first() {
    let message = message(&eventful(), &sweep(), &with_grace(Mode::Enforce)).await.expect("much happened");
    let subject = "Doze: 1 failed, 1 owed a start, 1 stopped, 1 to be stopped, 1 kept after all, 2 started";
    assert_eq!(message, Message { subject: subject.to_owned(), body: EVENTFUL.to_owned() });
}

#[tokio::test(flavor = "current_thread")]
async fn where_an_event_says_where_it_is_from_the_message_does_too() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(&id(1), &[OPEN]);
    let message = message(&fleet, &state_change(&id(1), "stopped"), &at_once(Mode::Enforce)).await.expect("it starts");
    assert!(message.body.starts_with("Doze in eu-west-1 of account 123456789012, 2026-11-21T20:00:20Z\n\n"));
}

#[tokio::test(flavor = "current_thread")]
async fn sixty_stops_make_one_message() {
    let mut fleet = FakeFleet::default();
    (0..60).for_each(|number| fleet.add(&id(number), 0.0));
    let message = message(&fleet, &sweep(), &at_once(Mode::Enforce)).await.expect("sixty were stopped");
    assert_eq!(message.subject, "Doze: 60 stopped");
    assert_eq!(message.body.matches(" was stopped\n").count(), 60);
}

#[tokio::test(flavor = "current_thread")]
async fn beyond_a_hundred_instances_are_counted() {
    for (count, described, last) in [
        (100, 100, None),
        (101, 100, Some("\nAnd 1 more, which the log of this run lists.\n")),
        (350, 100, Some("\nAnd 250 more, which the log of this run lists.\n")),
    ] {
        let mut fleet = FakeFleet::default();
        (0..count).for_each(|number| fleet.add(&id(number), 0.0));
        let Message { subject, body } =
            message(&fleet, &sweep(), &at_once(Mode::Enforce)).await.expect("they were stopped");
        assert_eq!(subject, format!("Doze: {count} stopped"));
        assert_eq!(body.matches(" was stopped\n").count(), described);
        assert_eq!(last.is_some(), body.contains("\nAnd "));
        assert!(last.is_none_or(|last| body.ends_with(last)));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn when_nothing_happened_nobody_is_told() {
    let quiet = || {
        let mut fleet = FakeFleet::of_every_kind();
        fleet.work(IDLE, 80.0);
        fleet
    };
    for action in ["sweep", "start"] {
        assert_eq!(message(&quiet(), &json!({"action": action}), &at_once(Mode::Enforce)).await, None);
        assert_eq!(message(&eventful(), &json!({"action": action}), &with_grace(Mode::DryRun)).await, None);
    }
    let explain = json!({"action": "explain", "instance": IDLE});
    assert_eq!(message(&FakeFleet::of_every_kind(), &explain, &at_once(Mode::Enforce)).await, None);
    let ok: Value =
        serde_json::from_str(include_str!("../../../events/scheduler/ignored-alarm-ok.json")).expect("is JSON");
    assert_eq!(message(&FakeFleet::of_every_kind(), &ok, &at_once(Mode::Enforce)).await, None);
    // Announced before, and the time has not come.
    let fleet = FakeFleet::of_every_kind();
    let settings = with_grace(Mode::Enforce);
    run_at(&fleet, &sweep(), &settings, now()).await;
    let mut again = run_at(&fleet, &sweep(), &settings, later(10)).await;
    assert_eq!(message_about(&mut again).await, None);
    assert_eq!(again.report.notification, None);
}

#[tokio::test(flavor = "current_thread")]
async fn what_was_so_before_is_told_to_nobody() {
    let mut fleet = FakeFleet::default();
    fleet.add(&id(1), 0.0);
    fleet.stop_and_answer(&id(1), "IncorrectInstanceState");
    fleet.add_asleep(&id(2), &[OPEN]);
    fleet.refuse_start_in_state(&id(2), idleness::InstanceState::Running);
    // Its owed start has come true before Doze tried it.
    fleet.add(&id(3), 90.0);
    fleet.put_tags(&id(3), &[(SINCE, &later(-30).to_string())]);
    let mut run = run_at(&fleet, &sweep(), &at_once(Mode::Enforce), now()).await;
    assert_eq!((run.report.outcomes.len(), run.report.summary.failed), (3, 0));
    assert_eq!(message_about(&mut run).await, None);
}

#[tokio::test(flavor = "current_thread")]
async fn each_thing_that_can_fail_is_named() {
    let settings = with_grace(Mode::Enforce);
    let mut fleet = FakeFleet::default();
    fleet.add(&id(1), 0.0);
    fleet.refuse_tag(&id(1));
    fleet.add_asleep(&id(2), &[OPEN]);
    fleet.refuse_start(&id(2), Some(NO_CAPACITY));
    fleet.refuse_tag(&id(2));
    fleet.add_asleep(&id(3), &[OPEN]);
    fleet.refuse_start(&id(3), Some("RequestLimitExceeded"));
    fleet.add(&id(4), 90.0);
    fleet.put_tags(&id(4), &[("doze:stop-at", &later(9).to_string())]);
    fleet.add(&id(5), 90.0);
    fleet.put_tags(&id(5), &[(SINCE, &later(-9).to_string())]);
    // A stop that is refused, and whose note cannot be taken back.
    fleet.add(&id(6), 0.0);
    fleet.put_tags(&id(6), &[("doze:stop-at", &later(-9).to_string())]);
    fleet.refuse_stop(&id(6), "OperationNotPermitted");
    fleet.refuse_untag();
    let Message { subject, body } = message(&fleet, &sweep(), &settings).await.expect("much failed");
    assert_eq!(subject, "Doze: 7 failed, 1 owed a start");
    let tags = "TagLimitExceeded: refused by the test";
    let untag = "OperationNotPermitted: refused by the test";
    for (number, what) in [
        (1, format!("could not have its stop announced: {tags}")),
        (2, format!("could not have its owed start noted: {tags}")),
        (3, "could not be started: RequestLimitExceeded: refused by the test".to_owned()),
        (4, format!("could not have the announcement of its stop withdrawn: {untag}")),
        (5, format!("could not have the note of an owed start taken off: {untag}")),
        (6, format!("could not be stopped: {untag}")),
        (6, format!("could not have the note of a stop taken back: {untag}")),
    ] {
        assert!(body.contains(&format!("\n{} {what}\n", id(number))), "{what}: {body}");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_an_earlier_run_decided_has_no_reason_of_this_one() {
    let mut fleet = FakeFleet::default();
    fleet.add(&id(1), 90.0);
    fleet.put_tags(&id(1), &[(SINCE, &later(-9).to_string())]);
    fleet.refuse_untag();
    let message = message(&fleet, &sweep(), &at_once(Mode::Enforce)).await.expect("it failed");
    let told = format!("\n{} could not have the note of an owed start taken off: ", id(1));
    assert!(message.body.contains(&told) && !message.body.contains("Why"), "{}", message.body);
}
