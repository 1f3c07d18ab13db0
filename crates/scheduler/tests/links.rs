//! Links in messages: for one instance and for a while. And messages that do not get through, which change nothing.

use crate::support::{
    FakeFleet, IDLE, id,
    messages::{Inbox, NoKeys, TestKeys, URL, ring, with_links, without_links},
    now, settings,
    starts::{NO_CAPACITY, OPEN, later, state_change},
};
use capability::{Capability, Denied, Permit, ReadKeys};
use idleness::{InstanceState, Mode};
use jiff::SignedDuration;
use scheduler::{Notification, Notifier, Run, finish, run};
use serde_json::json;

const WEB: &str = "i-00000000000000001";
const GPU: &str = "i-00000000000000002";

/// A run that stopped one instance, started one and owes the start of one.
async fn eventful_run(mode: Mode) -> (FakeFleet, Run) {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add_asleep(WEB, &[OPEN]);
    fleet.add_asleep(GPU, &[OPEN]);
    fleet.refuse_start(GPU, Some(NO_CAPACITY));
    let run = run(&json!({"action": "sweep"}), &fleet, &settings(mode), now()).await.expect("has a report");
    (fleet, run)
}

async fn told<S: ReadKeys>(notifier: &Notifier<Inbox, S>, run: &mut Run) -> Option<String> {
    notifier.tell(run).await;
    let mut messages = notifier.topic.take();
    assert!(messages.len() <= 1, "one run, one message");
    messages.pop().map(|message| message.body)
}

/// What each link offers, where it leads, and its token.
fn links(body: &str) -> Vec<(&str, &str, &str)> {
    let link = |line: &'_ str| -> Option<(usize, usize)> {
        let start = line.find(": https://")?;
        Some((start, line.find("?token=")?))
    };
    body.lines()
        .filter_map(|line| {
            let (offer, token) = link(line)?;
            Some((line[..offer].trim_start(), &line[offer + 2..token], &line[token + "?token=".len()..]))
        })
        .collect()
}

#[tokio::test(flavor = "current_thread")]
async fn each_instance_has_a_link_to_its_page() {
    let (_, mut run) = eventful_run(Mode::Enforce).await;
    let body = told(&with_links(TestKeys, 168), &mut run).await.expect("much happened");
    let expected = [("Look at it, or try again", GPU), ("Start it again", IDLE), ("Look at it", WEB)];
    let found: Vec<_> = links(&body).iter().map(|(offer, page, _)| (*offer, (*page).to_owned())).collect();
    assert_eq!(found, expected.map(|(offer, instance)| (offer, format!("{URL}/instances/{instance}"))));
    assert_eq!(run.report.notification, Some(Notification::Sent));
}

#[tokio::test(flavor = "current_thread")]
async fn a_link_allows_all_three_things_to_its_instance_until_it_expires() {
    for hours in [1, 168, 720] {
        let (_, mut run) = eventful_run(Mode::Enforce).await;
        let body = told(&with_links(TestKeys, hours), &mut run).await.expect("much happened");
        let links = links(&body);
        assert_eq!(links.len(), 3);
        for (_, page, token) in links {
            let instance = id(page.rsplit('/').next().expect("names the instance"));
            let expires_at = now() + SignedDuration::from_hours(hours);
            let capability = Capability::for_instance(instance.clone(), expires_at);
            assert_eq!(ring().verify(token, now()), Ok(capability.clone()));
            for permit in [Permit::Read, Permit::Start, Permit::KeepAwake] {
                assert!(capability.allows(permit, &instance));
                assert!(!capability.allows(permit, &id("i-0000000000000ffff")));
            }
            assert!(!capability.allows_reading_the_fleet());
            assert!(ring().verify(token, expires_at - SignedDuration::from_secs(1)).is_ok());
            assert_eq!(ring().verify(token, expires_at), Err(Denied::Expired));
        }
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_token_is_nowhere_but_in_the_message() {
    let (_, mut run) = eventful_run(Mode::Enforce).await;
    let body = told(&with_links(TestKeys, 168), &mut run).await.expect("much happened");
    let report = serde_json::to_string(&run.report).expect("serializes");
    let lines: Vec<String> = run.entries().map(|line| serde_json::to_string(&line).expect("serializes")).collect();
    for (_, _, token) in links(&body) {
        assert!(!report.contains(token) && lines.iter().all(|line| !line.contains(token)));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_announced_stop_offers_to_keep_the_instance_awake() {
    let fleet = FakeFleet::of_every_kind();
    let rules = idleness::Rules { grace: SignedDuration::from_mins(30), ..idleness::Rules::default() };
    let settings = scheduler::Settings { rules, ..settings(Mode::Enforce) };
    let mut run = run(&json!({"action": "sweep"}), &fleet, &settings, now()).await.expect("has a report");
    let body = told(&with_links(TestKeys, 168), &mut run).await.expect("it was announced");
    assert_eq!(links(&body)[0].0, "Keep it awake for 4 hours");
}

#[tokio::test(flavor = "current_thread")]
async fn a_failed_start_offers_another_try() {
    let mut fleet = FakeFleet::default();
    fleet.add_asleep(WEB, &[]);
    fleet.fall_back(WEB, "Client.InternalError", "Client error on launch", later(-1));
    let event = state_change(WEB, "stopped");
    let mut run = run(&event, &fleet, &settings(Mode::Enforce), now()).await.expect("has a report");
    let body = told(&with_links(TestKeys, 168), &mut run).await.expect("it failed");
    assert_eq!(links(&body)[0].0, "Look at it, or try again");
}

#[tokio::test(flavor = "current_thread")]
async fn without_keys_the_message_goes_without_links() {
    let (_, mut run) = eventful_run(Mode::Enforce).await;
    let plain = told(&without_links(), &mut run).await;
    assert!(plain.as_ref().is_some_and(|body| !body.contains("http")));
    let (_, mut run) = eventful_run(Mode::Enforce).await;
    assert_eq!(told(&with_links(NoKeys, 168), &mut run).await, plain, "and so where they cannot be read");
    assert_eq!(run.report.notification, Some(Notification::Sent));
}

#[tokio::test(flavor = "current_thread")]
async fn a_message_that_does_not_get_through_is_in_the_report_and_changes_nothing_else() {
    let (fleet, mut run) = eventful_run(Mode::Enforce).await;
    let before = run.clone();
    let notifier = with_links(TestKeys, 168);
    notifier.topic.refuse();
    assert_eq!(told(&notifier, &mut run).await, None);
    let notification = json!({"result": "failed", "code": "NotFound", "message": "Topic does not exist"});
    assert_eq!(json!(run.report.notification), notification);
    let without = |mut run: Run| {
        run.report.notification = None;
        run
    };
    assert_eq!(without(run.clone()), before);
    assert_eq!((fleet.state(IDLE), fleet.state(WEB)), (InstanceState::Stopping, InstanceState::Pending));
    let last = run.entries().last().expect("the report");
    assert_eq!(json!(last)["notification"], notification, "the report has it");
    let report = finish(Ok(run), "request").expect("Lambda would repeat the run, and not the message");
    assert_eq!(json!(report)["notification"], notification);
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_that_is_told_to_nobody_says_nothing_of_a_message() {
    let (_, mut run) = eventful_run(Mode::DryRun).await;
    assert_eq!(told(&with_links(TestKeys, 168), &mut run).await, None);
    assert_eq!(json!(run.report).get("notification"), None);
    let (_, mut run) = eventful_run(Mode::Enforce).await;
    told(&without_links(), &mut run).await;
    assert_eq!(json!(run.report)["notification"], json!({"result": "sent"}));
}
