//! Who may press what: EC2 is not asked about anything for a token that is not good for it.

use std::collections::BTreeSet;

use crate::support::{FORM, HTML, JSON, Site, event, fleet::FakeFleet, id, in_an_hour, now, path, signed, token_for};
use capability::{Capability, Permit, Subject};

fn site() -> Site {
    Site::of(FakeFleet::stopped().and(2, |_| ()))
}

#[track_caller]
fn assert_refused(number: usize, action: &str, token: Option<&str>, status: u64, code: &str) {
    for accept in [HTML, JSON] {
        let site = site();
        let authorization = token.map(|token| format!("Bearer {token}")).unwrap_or_default();
        let headers = [("accept", accept), ("authorization", authorization.as_str())];
        let seen = site.post(&path(number, action), &headers, "");
        assert_eq!(seen.status, status, "{action}: {}", seen.body);
        if accept == JSON {
            assert_eq!(seen.code(), code, "{action}");
        }
        assert!(!seen.body.contains(id(1).as_str()), "{}", seen.body);
        assert_eq!(site.fleet.calls(), [""; 0], "{action} {token:?}");
    }
}

#[test]
fn a_token_may_stand_in_the_form_the_query_or_the_header() {
    let token = token_for(1);
    let (form, bearer) = (format!("token={token}&hours=4"), format!("Bearer {token}"));
    for action in ["start", "keep-awake"] {
        let path = path(1, action);
        let with_query = format!("{path}?token={token}");
        for (target, headers, body) in [
            (&path, vec![("content-type", FORM)], form.as_str()),
            (&with_query, vec![], ""),
            (&path, vec![("authorization", bearer.as_str())], ""),
            (&with_query, vec![("content-type", FORM)], "token="),
            (&with_query, vec![("authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.x"), ("content-type", JSON)], "{}"),
        ] {
            let site = site();
            let seen = site.post(target, &headers, body);
            assert_eq!((seen.status, site.fleet.changes().is_empty()), (303, false), "{target} {headers:?}");
        }
    }
}

#[test]
fn a_form_may_come_in_base64() {
    let site = site();
    let mut event = event("POST", &path(1, "start"), &[("content-type", FORM)], "-");
    let form = format!("token={}", token_for(1));
    event["body"] = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, form).into();
    event["isBase64Encoded"] = true.into();
    assert_eq!(site.send(&event).status, 303);
}

#[test]
fn a_token_in_an_object_is_none() {
    let seen =
        site().post(&path(1, "start"), &[("content-type", JSON)], &format!(r#"{{"token": "{}"}}"#, token_for(1)));
    assert_eq!(seen.status, 401);
}

#[test]
fn without_a_good_token_nothing_is_asked_and_nothing_is_told() {
    let good = token_for(1);
    let (body, signature) = good.rsplit_once('.').expect("has parts");
    let (_, claims) = body.split_once('.').expect("has parts");
    // {"alg":"none","kid":"8d1f0c2e"}
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiOGQxZjBjMmUifQ.{claims}.");
    let expired = signed(&Capability::for_instance(id(1), now()));
    for action in ["start", "keep-awake"] {
        assert_refused(1, action, None, 401, "no-token");
        for token in ["x", "a.b.c", &unsigned, &format!("{claims}x.{signature}"), &expired, &good[1..]] {
            assert_refused(1, action, Some(token), 401, "bad-token");
        }
    }
}

#[test]
fn a_token_for_another_instance_or_another_action_is_not_good_here() {
    let of = |subject: Subject, permits: &[Permit]| {
        let permits: BTreeSet<Permit> = permits.iter().copied().collect();
        signed(&Capability { subject, permits, expires_at: in_an_hour() })
    };
    for action in ["start", "keep-awake"] {
        assert_refused(2, action, Some(&token_for(1)), 403, "wrong-token");
        assert_refused(99, action, Some(&token_for(1)), 403, "wrong-token");
        assert_refused(1, action, Some(&of(Subject::Instance(id(1)), &[Permit::Read])), 403, "wrong-token");
        assert_refused(1, action, Some(&of(Subject::Fleet, &[Permit::Read])), 403, "wrong-token");
    }
    for (action, permit, other) in [("start", Permit::Start, "keep-awake"), ("keep-awake", Permit::KeepAwake, "start")]
    {
        for subject in [Subject::Instance(id(1)), Subject::Fleet] {
            let token = of(subject, &[permit]);
            assert_refused(1, other, Some(&token), 403, "wrong-token");
            let seen = site().post(&format!("{}?token={token}", path(1, action)), &[("accept", JSON)], "");
            assert!(matches!(seen.status, 200 | 202), "{action}: {}", seen.status);
        }
    }
}

#[test]
fn a_token_of_the_form_counts_even_if_a_better_one_stands_elsewhere() {
    let site = site();
    let target = format!("{}?token={}", path(1, "start"), token_for(1));
    let seen = site.post(&target, &[("content-type", FORM)], &format!("token={}", token_for(2)));
    assert_eq!((seen.status, site.fleet.calls()), (403, vec![]));
}

#[test]
fn without_keys_nobody_is_let_in() {
    for (has_keys, is_down) in [(false, false), (true, true)] {
        let mut site = site();
        site.has_keys = has_keys;
        site.keys.is_down.set(is_down);
        let seen = site.press("start");
        assert_eq!((seen.status, seen.code().as_str(), seen.header("retry-after")), (503, "unavailable", "60"));
        assert!(!seen.body.contains("secretsmanager") && !seen.body.contains("DOZE_LINK_KEY"), "{}", seen.body);
        assert_eq!(site.fleet.calls(), [""; 0]);
    }
}
