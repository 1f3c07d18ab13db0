//! Whatever instances are called, and however much happened: a message stays readable, and within what SNS takes.

use crate::support::{
    FakeFleet,
    messages::message_about,
    now, settings,
    starts::{NO_CAPACITY, OPEN, later, state_change},
};
use idleness::{Caps, Mode, Percent, Rules};
use jiff::SignedDuration;
use proptest::{prelude::*, test_runner::TestCaseResult};
use scheduler::{Message, Settings, run};
use serde_json::{Value, json};

/// What SNS takes: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>.
const SUBJECT_CHARACTERS: usize = 100;
const BODY_BYTES: usize = 262_144;

fn id(number: usize) -> String {
    format!("i-{number:017x}")
}

async fn told(fleet: &FakeFleet, event: &Value) -> Message {
    let rules = Rules { grace: SignedDuration::from_mins(30), ..Rules::default() };
    let caps = Caps { stops: 1000, share: Percent::ALL };
    let settings = Settings { rules, caps, ..settings(Mode::Enforce) };
    let mut run = run(event, fleet, &settings, now()).await.expect("the run has a report");
    message_about(&mut run).await.expect("something happened")
}

fn sweep() -> Value {
    json!({"action": "sweep"})
}

/// An instance that is started under this name.
fn called(name: &str) -> FakeFleet {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(&id(1), &[OPEN, ("Name", name)]);
    fleet
}

fn first_line(message: &Message) -> &str {
    assert_eq!(message.body.lines().count(), 4, "{:?}", message.body);
    message.body.lines().nth(2).expect("there are four")
}

#[tokio::test(flavor = "current_thread")]
async fn a_hostile_name_stays_on_its_line() {
    let long = "x".repeat(256);
    for (name, shown) in [
        ("<b>web</b> & \"co\" 'x'", "<b>web</b> & \"co\" 'x'".to_owned()),
        ("web\nDoze: all is well", "web\\u{a}Doze: all is well".to_owned()),
        ("web\r\n\tx", "web\\u{d}\\u{a}\\u{9}x".to_owned()),
        ("web\u{1b}[31m", "web\\u{1b}[31m".to_owned()),
        ("web\u{2028}x\u{2029}y\u{85}z", "web\\u{2028}x\\u{2029}y\\u{85}z".to_owned()),
        ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}e", "a\\u{202e}b\\u{2066}c\\u{200f}d\\u{61c}e".to_owned()),
        ("빌드 서버 🚜", "빌드 서버 🚜".to_owned()),
        (&long, format!("{}…", "x".repeat(80))),
        (&"y".repeat(80), "y".repeat(80)),
    ] {
        let message = told(&called(name), &sweep()).await;
        assert_eq!(first_line(&message), format!("{shown} ({}) was started", id(1)));
    }
    let blank = told(&called("  "), &sweep()).await;
    assert_eq!(first_line(&blank), format!("{} was started", id(1)));
}

#[tokio::test(flavor = "current_thread")]
async fn hostile_words_of_others_stay_on_their_lines() {
    // A name that another instance's reason quotes, a reason of EC2's, and the Region of an event.
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(&id(1), &[("Name", "db")]);
    fleet.add_asleep(&id(2), &[OPEN, ("Name", "web\n\u{202e}x"), ("doze:after", "db")]);
    let body = told(&fleet, &sweep()).await.body;
    assert!(
        body.ends_with(&format!("  Why: needed: \"web\\n\\u{{202e}}x\" ({}) starts after it\n", id(2))),
        "{body:?}"
    );

    let mut fleet = FakeFleet::default();
    fleet.add_asleep(&id(1), &[]);
    fleet.fall_back(&id(1), "Client.InternalError", "bad\nnews\u{202e}", now());
    let mut event = state_change(&id(1), "stopped");
    event["region"] = "moon\nbase\u{202e}".into();
    let message = told(&fleet, &event).await;
    assert!(
        message.body.starts_with("Doze in moon\\nbase\\u{202e} of account 123456789012, 2026"),
        "{:?}",
        message.body
    );
    assert!(message.body.contains("Client.InternalError: bad\\u{a}news\\u{202e}; most often"), "{:?}", message.body);
    assert_eq!(first_line(&message), format!("{} was started and fell back to stopped", id(1)));
}

/// Everything that can happen at once, to so many instances each, under such a name.
fn crowd(each: usize, name: &str) -> FakeFleet {
    let mut fleet = FakeFleet::default();
    let (due, announced) = (later(-5).to_string(), later(5).to_string());
    for number in 0..each {
        let ids: Vec<String> = (0..7).map(|kind| id(number * 7 + kind)).collect();
        for running in &ids[..4] {
            fleet.add(running, 0.0);
            fleet.put_tags(running, &[("Name", name)]);
        }
        fleet.put_tags(&ids[0], &[("doze:stop-at", &due)]);
        fleet.put_tags(&ids[1], &[("doze:stop-at", &due)]);
        fleet.refuse_stop(&ids[1], "OperationNotPermitted");
        fleet.put_tags(&ids[2], &[("doze:stop-at", &announced)]);
        fleet.work(&ids[2], 90.0);
        for asleep in &ids[4..] {
            fleet.add_asleep(asleep, &[OPEN, ("Name", name)]);
        }
        fleet.refuse_start(&ids[4], Some(NO_CAPACITY));
        fleet.refuse_start(&ids[5], Some("RequestLimitExceeded"));
    }
    fleet
}

fn check(message: &Message) -> TestCaseResult {
    let Message { subject, body } = message;
    prop_assert!(subject.is_ascii() && !subject.contains(char::is_control), "{:?}", subject);
    prop_assert!((1..=SUBJECT_CHARACTERS).contains(&subject.len()), "{:?}", subject);
    prop_assert!(body.len() < BODY_BYTES, "{} bytes", body.len());
    prop_assert!(body.chars().all(|character| character == '\n' || !character.is_control()));
    Ok(())
}

#[tokio::test(flavor = "current_thread")]
async fn a_subject_counts_as_many_kinds_as_it_has_room_for() {
    let Message { subject, .. } = told(&crowd(1, "web"), &sweep()).await;
    assert_eq!(subject, "Doze: 2 failed, 1 owed a start, 1 stopped, 1 to be stopped, 1 kept after all, 1 started");
    let Message { subject, .. } = told(&crowd(120, "web"), &sweep()).await;
    assert_eq!(subject, "Doze: 240 failed, 120 owed a start, 120 stopped, 120 to be stopped, 120 kept after all, ...");
}

#[tokio::test(flavor = "current_thread")]
async fn a_great_deal_that_happened_stays_within_bounds() {
    // Each character takes eight bytes where it is shown.
    for name in ["\u{202e}".repeat(256), "🚜".repeat(256), "\u{1}".repeat(256)] {
        let message = told(&crowd(60, &name), &sweep()).await;
        check(&message).expect("is within bounds");
        assert!(message.body.ends_with(" more, which the log of this run lists.\n"));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn one_long_answer_does_not_break_a_message() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(&id(1), &[]);
    fleet.fall_back(&id(1), "Client.InternalError", &"no ".repeat(300_000), now());
    let message = told(&fleet, &state_change(&id(1), "stopped")).await;
    check(&message).expect("is within bounds");
    assert!(message.body.contains("And 1 more"), "{}", &message.body[..300]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    #[test]
    fn a_name_may_be_anything(name in "\\PC{0,40}|[\\x00-\\x20\\u{2028}-\\u{202e}a-z]{0,256}|(.|\\n){0,256}", each in 1..4_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("builds");
        let (alone, many) = runtime.block_on(async {
            (told(&called(&name), &sweep()).await, told(&crowd(each, &name), &sweep()).await)
        });
        prop_assert_eq!(alone.body.lines().count(), 4, "{:?}", alone.body);
        check(&alone)?;
        check(&many)?;
    }
}
