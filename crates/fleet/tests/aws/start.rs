//! Starts: what counts as done, what is owed, that a lack of capacity is not tried again at once, and EC2's pace.

use std::time::{Duration, Instant};

use crate::support::{Answer, Call, Endpoint, Pointed as _, ec2, id, ids};
use fleet::{ApiError, CALLS_FOR_STARTS, ChangeFleet, Outcome, OutcomeResult};
use idleness::InstanceState;

fn start_xml(from: &str, to: &str, ids: &[&str]) -> Answer {
    let item = |id: &&str| {
        format!(
            "<item><instanceId>{id}</instanceId><currentState><code>0</code><name>{to}</name></currentState>\
             <previousState><code>80</code><name>{from}</name></previousState></item>"
        )
    };
    let items = ids.iter().map(item).collect::<Vec<_>>().concat();
    ec2::response("StartInstances", &format!("<instancesSet>{items}</instancesSet>"), None)
}

/// What EC2 answers where capacity is gone: a status that otherwise stands for a failure of the moment, and no id.
fn no_capacity() -> Answer {
    let message = "We currently do not have sufficient capacity in the Availability Zone you requested.";
    Answer::ec2_error(500, "InsufficientInstanceCapacity", message)
}

async fn start(endpoint: &Endpoint, count: usize) -> Vec<Outcome> {
    endpoint.fleet().await.start(&ids(count)).await
}

fn is_owed(outcome: &Outcome) -> bool {
    matches!(&outcome.result, OutcomeResult::Owed { code, .. } if code == "InsufficientInstanceCapacity")
}

#[tokio::test]
async fn a_start_says_from_which_state_to_which() {
    for (from, to, expected) in [
        ("stopped", "pending", OutcomeResult::Done),
        ("pending", "pending", OutcomeResult::Already),
        ("running", "running", OutcomeResult::Already),
    ] {
        let endpoint = Endpoint::in_turn([start_xml(from, to, &[id(0).as_str()])]);
        let outcomes = start(&endpoint, 1).await;
        assert_eq!(outcomes[0].result, expected, "{from} to {to}");
        assert_eq!(outcomes[0].from, Some(InstanceState::from_name(from)));
        assert_eq!(outcomes[0].to, Some(InstanceState::from_name(to)));
        assert_eq!(endpoint.calls()[0].operation, "StartInstances");
        assert_eq!(endpoint.calls()[0].values("InstanceId"), [id(0).as_str()]);
    }
}

#[tokio::test]
async fn an_answer_that_does_not_say_so_is_no_start() {
    let strange = [start_xml("stopped", "stopped", &[id(0).as_str()]), start_xml("stopped", "pending", &[])];
    for answer in strange.into_iter().chain(ec2::nonsense("StartInstances")) {
        let outcomes = start(&Endpoint::always(answer), 1).await;
        assert_eq!(outcomes.len(), 1);
        assert!(
            matches!(&outcomes[0].result, OutcomeResult::Failed { code, .. } if code == ApiError::BAD_ANSWER),
            "{:?}",
            outcomes[0]
        );
    }
}

#[tokio::test]
async fn a_lack_of_capacity_is_owed_and_asked_about_once() {
    let endpoint = Endpoint::always(no_capacity());
    let outcomes = start(&endpoint, 1).await;
    assert!(is_owed(&outcomes[0]), "{outcomes:?}");
    assert_eq!(endpoint.calls().len(), 1, "the SDK must not try again within seconds");
}

#[tokio::test]
async fn a_quota_that_is_full_is_a_lack_of_capacity_too() {
    for code in ["VcpuLimitExceeded", "MaxSpotInstanceCountExceeded", "ReservationCapacityExceeded"] {
        let outcomes = start(&Endpoint::always(Answer::ec2_error(400, code, "no")), 1).await;
        assert!(matches!(&outcomes[0].result, OutcomeResult::Owed { code: found, .. } if found == code), "{code}");
    }
}

#[tokio::test]
async fn a_failure_of_the_moment_is_tried_again() {
    let unavailable = || Answer::ec2_error(503, "Unavailable", "The server is overloaded");
    let endpoint = Endpoint::in_turn([unavailable(), start_xml("stopped", "pending", &[id(0).as_str()])]);
    let outcomes = start(&endpoint, 1).await;
    assert_eq!(outcomes[0].result, OutcomeResult::Done);
    assert_eq!(endpoint.calls().len(), 2);
}

#[tokio::test]
async fn one_type_without_capacity_does_not_hold_up_the_others() {
    let endpoint = Endpoint::start(|call: &Call| {
        let ids = call.values("InstanceId");
        if ids.contains(&id(17).as_str()) { no_capacity() } else { start_xml("stopped", "pending", &ids) }
    });
    let outcomes = start(&endpoint, 20).await;
    let owed: Vec<_> = outcomes.iter().filter(|outcome| is_owed(outcome)).map(|outcome| &outcome.instance).collect();
    assert_eq!(owed, [&id(17)]);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.result == OutcomeResult::Done).count(), 19);
}

/// It takes half a minute, for it keeps to EC2's pace: five calls at once, and one more each half second.
#[tokio::test]
async fn no_capacity_for_anybody_ends_within_the_bound_on_calls_at_their_pace_and_loses_nobody() {
    let (endpoint, began) = (Endpoint::always(no_capacity()), Instant::now());
    let outcomes = start(&endpoint, 50).await;
    assert!(outcomes.iter().all(is_owed));
    assert_eq!(outcomes.len(), 50);
    let calls = endpoint.calls().len();
    assert!(5 < calls && calls <= CALLS_FOR_STARTS, "{calls} calls");
    let pauses = u32::try_from(calls - 5).expect("is small");
    assert!(Duration::from_millis(500) * pauses <= began.elapsed(), "{calls} calls within {:?}", began.elapsed());
}

#[tokio::test]
async fn a_start_whose_turn_comes_too_late_is_left_to_the_next_run() {
    let endpoint = Endpoint::always(no_capacity());
    let fleet = endpoint.fleet().await;
    fleet.finish_within(Some(Duration::from_millis(800)));
    let outcomes = fleet.start(&ids(50)).await;
    let late = outcomes.iter().filter(|outcome| outcome.failure_code() == Some(ApiError::DEADLINE)).count();
    assert_eq!((outcomes.len(), late), (50, 50), "five calls find no culprit among fifty");
    assert!(endpoint.calls().len() <= 5, "the sixth may begin in half a second, but must in less");
}

#[tokio::test]
async fn a_refusal_that_is_not_about_capacity_is_a_failure() {
    for code in ["InvalidParameterValue", "UnauthorizedOperation", "IncorrectInstanceState"] {
        let endpoint = Endpoint::always(Answer::ec2_error(400, code, "no"));
        let outcomes = start(&endpoint, 1).await;
        assert!(matches!(&outcomes[0].result, OutcomeResult::Failed { code: found, .. } if found == code));
    }
}
