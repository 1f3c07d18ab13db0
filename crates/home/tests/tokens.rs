//! Who sees what: nobody learns anything of an instance without a token that is good for it.

use std::collections::BTreeSet;

use crate::support::{
    HTML, JSON, Seen, Site, event,
    fleet::{FakeFleet, tag},
    fleet_token, id, in_an_hour, now, signed, token_for,
};
use capability::{Capability, Permit, Subject};
use jiff::SignedDuration;

/// Words that stand for what nobody may learn.
const SECRETS: [&str; 4] = ["hush-hush", "m7g.large", "running", "10.0.0.7"];

fn site() -> Site {
    let mut fleet = FakeFleet::default();
    for number in 1..=2 {
        fleet.add(number, |instance| tag(instance, "Name", "hush-hush"));
        fleet.addresses.insert(id(number), "10.0.0.7".to_owned());
    }
    Site::of(fleet)
}

fn pages() -> [String; 4] {
    let unknown = format!("/instances/{}", id(99));
    ["/instances".to_owned(), format!("/instances/{}", id(1)), format!("/instances/{}", id(2)), unknown]
}

/// The answers to a request with this query and header, as a page and as JSON. Neither says anything of an instance.
#[track_caller]
fn assert_refused(target: &str, authorization: Option<&str>, status: u64, code: &str) {
    for accept in [HTML, JSON] {
        let site = site();
        let mut headers = vec![("accept", accept)];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let seen = site.send(&event("GET", target, &headers));
        assert_eq!(seen.status, status, "{target}: {}", seen.body);
        if accept == JSON {
            assert_eq!(seen.json()["error"]["code"], code, "{target}");
        }
        assert_eq!(seen.header("www-authenticate").is_empty(), status != 401);
        for secret in SECRETS {
            assert!(!seen.content().contains(secret), "{target} tells {secret}: {}", seen.content());
        }
        assert_eq!(site.fleet.calls(), [""; 0], "{target} {authorization:?}");
    }
}

#[test]
fn without_a_token_nothing_is_shown() {
    for page in pages() {
        assert_refused(&page, None, 401, "no-token");
        assert_refused(&format!("{page}?token="), Some("Bearer "), 401, "no-token");
        assert_refused(&page, Some("Basic dXNlcjpwYXNzd29yZA=="), 401, "no-token");
    }
}

#[test]
fn a_token_that_is_worth_nothing_is_none() {
    let lapsed = |capability: fn(jiff::Timestamp) -> Capability| signed(&capability(now()));
    let expired = lapsed(Capability::to_read_fleet);
    let good = fleet_token();
    let (body, signature) = good.rsplit_once('.').expect("has parts");
    let (_, claims) = body.split_once('.').expect("has parts");
    // {"alg":"none","kid":"8d1f0c2e"}
    let unsigned = format!("eyJhbGciOiJub25lIiwia2lkIjoiOGQxZjBjMmUifQ.{claims}.");
    let tampered = format!("{body}x.{signature}");
    let truncated = &good[..good.len() - 1];
    for token in ["x", "..", &unsigned, &tampered, truncated, &"x".repeat(3000), "%00", "%F0%9F%98%80", &expired] {
        for page in pages() {
            assert_refused(&format!("{page}?token={token}"), None, 401, "bad-token");
        }
    }
    let page = site().get(&format!("/instances?token={expired}"));
    assert!(page.text().contains("The link has expired."), "{}", page.text());
}

#[test]
fn a_token_for_one_instance_shows_that_one_alone() {
    let status = |path: &str| site().get(&format!("{path}?token={}", token_for(1))).status;
    assert_eq!(status(&format!("/instances/{}", id(1))), 200);
    for path in pages().iter().filter(|path| !path.ends_with(id(1).as_str())) {
        assert_refused(&format!("{path}?token={}", token_for(1)), None, 403, "wrong-token");
    }
}

#[test]
fn a_token_for_the_fleet_shows_each_instance_and_permits_nothing_else() {
    let site = site();
    let see = |path: &str| -> Seen { site.get(&format!("{path}?token={}", fleet_token())) };
    assert_eq!(see("/instances").status, 200);
    for number in [1, 2] {
        let seen = see(&format!("/instances/{}", id(number)));
        assert_eq!(seen.status, 200);
        assert!(seen.attributes("action").is_empty(), "{}", seen.body);
        assert!(seen.attributes("href").contains(&format!("../instances?token={}", fleet_token())));
    }
    let of_one = site.get(&format!("/instances/{}?token={}", id(1), token_for(1)));
    assert!(!of_one.body.contains("../instances"), "a token for one instance leads to no list: {}", of_one.body);
}

#[test]
fn a_token_that_does_not_permit_reading_shows_nothing() {
    for subject in [Subject::Fleet, Subject::Instance(id(1))] {
        let permits = BTreeSet::from([Permit::Start, Permit::KeepAwake]);
        let token = signed(&Capability { subject, permits, expires_at: in_an_hour() });
        for page in pages() {
            assert_refused(&format!("{page}?token={token}"), None, 403, "wrong-token");
        }
    }
}

#[test]
fn a_token_in_the_header_is_as_good_as_one_in_the_query() {
    let site = site();
    let of_header = |path: &str, token: &str| {
        site.send(&event("GET", path, &[("authorization", &format!("Bearer {token}")), ("accept", HTML)]))
    };
    let seen = of_header("/instances", &fleet_token());
    assert_eq!(seen.status, 200);
    assert!(seen.body.contains(&fleet_token()), "its links carry it on");
    assert_eq!(of_header(&format!("/instances/{}", id(1)), &token_for(1)).status, 200);
    // An identity provider's own token may stand in the header.
    let both = event(
        "GET",
        &format!("/instances?token={}", fleet_token()),
        &[("authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.x")],
    );
    assert_eq!(site.send(&both).status, 200);
}

#[test]
fn without_keys_nobody_is_let_in_and_the_reason_stays_in_the_log() {
    for (has_keys, is_down) in [(false, false), (true, true)] {
        for page in pages() {
            let mut site = site();
            site.has_keys = has_keys;
            site.keys.is_down.set(is_down);
            let seen = site.get(&format!("{page}?token={}", fleet_token()));
            assert_eq!((seen.status, seen.header("retry-after")), (503, "60"));
            for word in ["secretsmanager", "AccessDenied", "DOZE_LINK_KEY"] {
                assert!(!seen.body.contains(word), "{}", seen.body);
            }
            assert_eq!(site.fleet.calls(), [""; 0]);
        }
    }
}

#[test]
fn a_link_is_good_until_it_expires_and_not_a_second_longer() {
    let until = |seconds: i64| {
        let token = signed(&Capability::to_read_fleet(now() + SignedDuration::from_secs(seconds)));
        site().get(&format!("/instances?token={token}")).status
    };
    assert_eq!((until(1), until(0), until(-1)), (200, 401, 401));
}

#[test]
fn a_token_for_the_fleet_shows_no_instance_outside_of_it() {
    let mut fleet = FakeFleet::default();
    fleet.add(1, |instance| instance.tags = [("Name", "hush-hush")].into_iter().collect());
    let site = Site::of(fleet);
    let seen = site.get(&format!("/instances/{}?token={}", id(1), fleet_token()));
    assert_eq!(seen.status, 404);
    assert!(SECRETS.iter().all(|secret| !seen.content().contains(secret)), "{}", seen.content());
    assert_eq!(site.fleet.calls(), ["instances 1"]);
}
