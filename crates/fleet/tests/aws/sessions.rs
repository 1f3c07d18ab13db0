//! Open sessions of Systems Manager: zero is an answer, and missing data is none.

use std::collections::BTreeMap;

use crate::support::{Answer, Endpoint, Pointed as _, id, ids};
use fleet::ReadFleet;
use serde_json::{Value, json};

fn sessions<'a>(targets: impl IntoIterator<Item = &'a str>, next: Option<&str>) -> Answer {
    let session =
        |(index, target)| json!({"SessionId": format!("dev-{index}"), "Target": target, "Status": "Connected"});
    let sessions: Vec<Value> = targets.into_iter().enumerate().map(session).collect();
    let mut body = json!({"Sessions": sessions});
    if let Some(token) = next {
        body["NextToken"] = json!(token);
    }
    Answer::json(200, &body.to_string())
}

fn denied() -> Answer {
    Answer::json(
        400,
        r#"{"__type":"AccessDeniedException","message":"not authorized to perform: ssm:DescribeSessions"}"#,
    )
}

/// Bodies that hold no list of sessions.
fn nonsense() -> Vec<Answer> {
    let bodies = [
        "",
        "OK",
        "{}",
        "[]",
        "null",
        "<html><body>Sign in</body></html>",
        r#"{"Sessions":null}"#,
        r#"{"Sessions":{}}"#,
        r#"{"Sessions":"none"}"#,
        r#"{"Sessions":[null]}"#,
        r#"{"Sessions":[{"Target":1}]}"#,
        r#"{"Sessions":[]}}"#,
        r#"{"sessions":[]}"#,
    ];
    bodies.into_iter().map(|body| Answer::json(200, body)).collect()
}

#[tokio::test]
async fn open_sessions_are_counted_by_instance_and_none_is_zero() {
    let (first, second) = (id(1).to_string(), id(2).to_string());
    let endpoint = Endpoint::in_turn([sessions([&*second, &*first, &*second], None)]);
    let open = endpoint.fleet().await.sessions(&ids(3)).await;
    assert_eq!(open, [(id(0), 0), (id(1), 1), (id(2), 2)].into());
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].operation, "DescribeSessions");
    assert_eq!(
        calls[0].body,
        json!({"State": "Active", "MaxResults": 200}),
        "of several instances, all sessions are read"
    );
}

#[tokio::test]
async fn of_one_instance_its_own_sessions_alone_are_asked_for() {
    let target = id(7).to_string();
    let endpoint = Endpoint::in_turn([sessions([&*target], None)]);
    assert_eq!(endpoint.fleet().await.sessions(&[id(7)]).await, [(id(7), 1)].into());
    let filters = json!([{"key": "Target", "value": target}]);
    assert_eq!(endpoint.calls()[0].body, json!({"State": "Active", "MaxResults": 200, "Filters": filters}));
}

#[tokio::test]
async fn an_empty_list_means_that_no_session_is_open() {
    let endpoint = Endpoint::always(sessions([], None));
    let fleet = endpoint.fleet().await;
    assert_eq!(fleet.sessions(&ids(2)).await, [(id(0), 0), (id(1), 0)].into());
    assert_eq!(fleet.sessions(&ids(1)).await, [(id(0), 0)].into());
}

#[tokio::test]
async fn sessions_on_other_targets_are_nobody_elses() {
    let other = id(9).to_string();
    let longer = format!("{}0", id(0));
    let targets = ["mi-0123456789abcdef0", "pending", "", "ecs:a_b_c", "I-00000000000000000", &other, &longer];
    let endpoint = Endpoint::in_turn([sessions(targets, None)]);
    assert_eq!(endpoint.fleet().await.sessions(&ids(2)).await, [(id(0), 0), (id(1), 0)].into());
}

#[tokio::test]
async fn a_session_without_a_target_is_nobodys() {
    let body = json!({"Sessions": [{"SessionId": "dev-1"}, {"Target": null}, {"Target": id(0).as_str()}]});
    let endpoint = Endpoint::always(Answer::json(200, &body.to_string()));
    assert_eq!(endpoint.fleet().await.sessions(&ids(2)).await, [(id(0), 1), (id(1), 0)].into());
}

#[tokio::test]
async fn the_sessions_of_all_pages_are_added_up_and_an_empty_page_is_no_end() {
    let target = id(0).to_string();
    let pages = [sessions([&*target], Some("two")), sessions([], Some("three")), sessions([&*target, &*target], None)];
    let endpoint = Endpoint::in_turn(pages);
    assert_eq!(endpoint.fleet().await.sessions(&ids(2)).await, [(id(0), 3), (id(1), 0)].into());
    let calls = endpoint.calls();
    assert_eq!(
        calls.iter().map(|call| &call.body["NextToken"]).collect::<Vec<_>>(),
        [&json!(null), &json!("two"), &json!("three")]
    );
    assert!(calls.iter().all(|call| call.body["State"] == "Active" && call.body["MaxResults"] == 200));
}

#[tokio::test]
async fn an_answer_without_the_list_is_unknown_and_never_zero() {
    for answer in nonsense() {
        let fleet = Endpoint::always(answer.clone()).fleet().await;
        for ids in [ids(1), ids(2)] {
            let open = fleet.sessions(&ids).await;
            let Answer::Body(_, _, body) = &answer else { unreachable!("all of them have a body") };
            assert_eq!(open, BTreeMap::new(), "{:?}", String::from_utf8_lossy(body));
        }
    }
}

#[tokio::test]
async fn a_denial_is_unknown_and_is_not_retried() {
    let endpoint = Endpoint::always(denied());
    assert!(endpoint.fleet().await.sessions(&ids(2)).await.is_empty());
    assert_eq!(endpoint.calls().len(), 1);
}

#[tokio::test]
async fn if_a_later_page_fails_the_earlier_ones_are_not_believed_either() {
    let target = id(0).to_string();
    for second in nonsense().into_iter().chain([denied()]) {
        let endpoint = Endpoint::in_turn([sessions([&*target], Some("two")), second]);
        assert!(endpoint.fleet().await.sessions(&ids(2)).await.is_empty());
        assert_eq!(endpoint.calls().len(), 2);
    }
}

#[tokio::test]
async fn pages_that_go_in_a_circle_are_unknown() {
    let endpoint = Endpoint::start(|call| {
        let next = if call.body["NextToken"] == "a" { "b" } else { "a" };
        sessions([], Some(next))
    });
    assert!(endpoint.fleet().await.sessions(&ids(2)).await.is_empty());
    assert_eq!(endpoint.calls().len(), 3);
}

#[tokio::test]
async fn a_throttled_call_is_tried_again() {
    let throttled = Answer::json(400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#);
    let endpoint = Endpoint::in_turn([throttled, sessions([], None)]);
    assert_eq!(endpoint.fleet().await.sessions(&ids(2)).await, [(id(0), 0), (id(1), 0)].into());
}

#[tokio::test]
async fn an_answer_that_was_cut_is_unknown() {
    let body = json!({"Sessions": [{"SessionId": "dev-1", "Target": id(0).as_str()}], "NextToken": ""}).to_string();
    for length in 0..body.len() {
        let open = Endpoint::always(Answer::json(200, &body[..length])).fleet().await.sessions(&ids(2)).await;
        assert_eq!(open, BTreeMap::new(), "{}", &body[..length]);
    }
    let whole = Endpoint::always(Answer::json(200, &body)).fleet().await.sessions(&ids(2)).await;
    assert_eq!(whole, [(id(0), 1), (id(1), 0)].into());
}

#[tokio::test]
async fn about_no_instance_nothing_is_asked() {
    let endpoint = Endpoint::always(sessions([], None));
    assert!(endpoint.fleet().await.sessions(&[]).await.is_empty());
    assert!(endpoint.calls().is_empty());
}
