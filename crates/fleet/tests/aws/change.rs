//! Stops and tags: batches, the one bad id, and what counts as done.

use crate::support::{Answer, Endpoint, Pointed as _, ec2, id, ids};
use fleet::{ApiError, ChangeFleet, Outcome, OutcomeResult, Refused};
use idleness::InstanceState;

fn stop_xml(ids: &[&str]) -> Answer {
    stop_xml_to("stopping", ids)
}

fn stop_xml_to(state: &str, ids: &[&str]) -> Answer {
    let item = |id: &&str| {
        format!(
            "<item><instanceId>{id}</instanceId><currentState><code>0</code><name>{state}</name></currentState>\
             <previousState><code>16</code><name>running</name></previousState></item>"
        )
    };
    let items = ids.iter().map(item).collect::<Vec<_>>().concat();
    ec2::response("StopInstances", &format!("<instancesSet>{items}</instancesSet>"), None)
}

#[tokio::test]
async fn one_bad_id_does_not_hold_up_the_others() {
    let endpoint = Endpoint::start(|call| {
        let ids = call.values("InstanceId");
        let bad = id(30).to_string();
        if ids.contains(&bad.as_str()) {
            return Answer::ec2_error(
                400,
                "InvalidInstanceID.NotFound",
                &format!("The instance ID '{bad}' does not exist"),
            );
        }
        stop_xml(&ids)
    });
    let outcomes = endpoint.fleet().await.stop(&ids(60)).await;
    assert_eq!(outcomes.len(), 60);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.result == OutcomeResult::Done).count(), 59);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_failed()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].instance, id(30));
    assert!(matches!(&failed[0].result, OutcomeResult::Failed { code, .. } if code == "InvalidInstanceID.NotFound"));
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 3, "50, the same without the bad one, and the last 10");
    for call in &calls {
        assert_eq!(call.operation, "StopInstances");
        assert!(
            call.values("Force").is_empty()
                && call.values("Hibernate").is_empty()
                && call.values("SkipOsShutdown").is_empty()
        );
    }
}

#[tokio::test]
async fn a_stop_says_from_which_state_to_which() {
    let endpoint = Endpoint::in_turn([stop_xml(&[id(0).as_str()])]);
    let outcomes = endpoint.fleet().await.stop(&ids(1)).await;
    assert_eq!((outcomes[0].from, outcomes[0].to), (Some(InstanceState::Running), Some(InstanceState::Stopping)));
}

#[tokio::test]
async fn an_accepted_stop_that_does_not_mention_the_instance_is_not_a_stop() {
    let still_running = stop_xml_to("running", &[id(0).as_str()]);
    for answer in [stop_xml(&[]), Answer::xml(""), Answer::xml("<html/>"), stop_xml(&[id(9).as_str()]), still_running] {
        let endpoint = Endpoint::in_turn([answer]);
        let outcomes = endpoint.fleet().await.stop(&ids(1)).await;
        assert_eq!(outcomes.len(), 1);
        assert!(outcomes[0].is_failed(), "{:?}", outcomes[0]);
    }
}

#[tokio::test]
async fn a_denial_is_not_retried_and_its_encoded_message_is_dropped() {
    let endpoint = Endpoint::start(|call| {
        let message = format!(
            "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/r/s is not authorized to \
             perform: ec2:StopInstances on resource: arn:aws:ec2:eu-west-1:1:instance/{}. Encoded authorization failure \
             message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm",
            call.values("InstanceId")[0]
        );
        Answer::ec2_error(403, "UnauthorizedOperation", &message)
    });
    let outcomes = endpoint.fleet().await.stop(&ids(1)).await;
    let OutcomeResult::Failed { code, message } = &outcomes[0].result else { panic!("{outcomes:?}") };
    assert_eq!(code, "UnauthorizedOperation");
    assert!(message.contains("ec2:StopInstances") && message.contains(id(0).as_str()) && !message.contains("4GIOH"));
    assert_eq!(endpoint.calls().len(), 1);
}

#[tokio::test]
async fn tags_go_to_all_instances_of_a_batch_in_one_call() {
    let endpoint = Endpoint::always(ec2::response("CreateTags", "<return>true</return>", None));
    let tags = [("doze:stopped-at", "2026-11-21T20:03:17Z"), ("doze:stopped-because", "idle")];
    assert!(endpoint.fleet().await.tag(&ids(3), &tags).await.is_empty());
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].values("ResourceId").len(), 3);
    assert_eq!(calls[0].values("Tag.1"), ["doze:stopped-at", "2026-11-21T20:03:17Z"]);
    assert_eq!(calls[0].values("Tag.2"), ["doze:stopped-because", "idle"]);
}

#[tokio::test]
async fn tags_are_taken_off_by_their_keys_alone() {
    let endpoint = Endpoint::always(ec2::response("DeleteTags", "<return>true</return>", None));
    assert!(endpoint.fleet().await.untag(&ids(2), &["doze:stopped-at"]).await.is_empty());
    let call = &endpoint.calls()[0];
    assert_eq!((call.operation.as_str(), call.values("ResourceId").len()), ("DeleteTags", 2));
    assert_eq!(call.values("Tag."), ["doze:stopped-at"]);
}

#[tokio::test]
async fn tags_that_one_instance_refuses_are_put_on_the_others() {
    for operation in ["CreateTags", "DeleteTags"] {
        let endpoint = Endpoint::start(move |call| {
            let bad = id(1).to_string();
            if call.values("ResourceId").contains(&bad.as_str()) {
                let message = format!("More than 50 tags specified for {bad}");
                return Answer::ec2_error(400, "TagLimitExceeded", &message);
            }
            ec2::response(operation, "<return>true</return>", None)
        });
        let fleet = endpoint.fleet().await;
        let refused = match operation {
            "CreateTags" => fleet.tag(&ids(3), &[("doze:stop-at", "2026-11-21T20:30:00Z")]).await,
            _ => fleet.untag(&ids(3), &["doze:stop-at"]).await,
        };
        assert_eq!(refused.len(), 1);
        assert_eq!((&refused[0].instance, refused[0].error.code.as_str()), (&id(1), "TagLimitExceeded"));
        assert_eq!(refused[0].error.operation, format!("ec2:{operation}"));
        let calls = endpoint.calls_of(operation);
        assert_eq!(calls.len(), 2);
        assert_eq!(calls[1].values("ResourceId"), [id(0).as_str(), id(2).as_str()]);
    }
}

#[tokio::test]
async fn a_change_that_was_not_answered_is_never_done() {
    let fleet = Endpoint::always(Answer::HangUp).fleet().await;
    let tags = [("doze:stop-at", "2026-11-21T20:30:00Z")];
    let (ids, keys) = (ids(2), ["doze:stop-at"]);
    let (outcomes, tagged, untagged) = tokio::join!(fleet.stop(&ids), fleet.tag(&ids, &tags), fleet.untag(&ids, &keys));
    assert!(outcomes.len() == 2 && outcomes.iter().all(Outcome::is_failed), "{outcomes:?}");
    let unanswered = |refused: &[Refused]| refused.iter().all(|refused| refused.error.code == ApiError::NO_CONNECTION);
    assert!(tagged.len() == 2 && unanswered(&tagged), "{tagged:?}");
    assert!(untagged.len() == 2 && unanswered(&untagged), "{untagged:?}");
}

#[tokio::test]
async fn about_no_instance_nothing_is_changed() {
    let endpoint = Endpoint::in_turn([]);
    let fleet = endpoint.fleet().await;
    assert!(fleet.stop(&[]).await.is_empty());
    assert!(fleet.tag(&[], &[("doze:stop-at", "")]).await.is_empty());
    assert!(fleet.untag(&[], &["doze:stop-at"]).await.is_empty());
    assert!(endpoint.calls().is_empty());
}

#[tokio::test]
async fn tags_whose_answer_makes_no_sense_are_refused() {
    for answer in ["", "<html><body>Sign in</body></html>", "{}", "OK"].map(Answer::xml) {
        let fleet = Endpoint::always(answer).fleet().await;
        assert_eq!(fleet.tag(&ids(2), &[("doze:stop-at", "2026-11-21T20:30:00Z")]).await.len(), 2);
        assert_eq!(fleet.untag(&ids(2), &["doze:stop-at"]).await.len(), 2);
    }
}
