//! `GET /`: the public page.

mod support;

use std::collections::BTreeSet;

use capability::{Capability, Permit, Subject};
use idleness::Mode;
use support::{HTML, JSON, Site, event, fleet::FakeFleet, fleet_token, id, in_an_hour, signed, token_for};

fn site() -> Site {
    Site::of(FakeFleet::of(3))
}

#[test]
fn html_is_the_default_and_json_is_for_those_who_ask() {
    let site = site();
    let content_type = |headers: &[(&str, &str)]| {
        let seen = site.send(&event("GET", "/", headers));
        assert_eq!((seen.status, seen.header("vary")), (200, "accept"));
        seen.header("content-type").to_owned()
    };
    assert_eq!(content_type(&[]), "text/html; charset=utf-8");
    for accept in
        ["", "*/*", HTML, "image/png", ";;;", "text/html, application/json", "application/json;q=0.5, text/html"]
    {
        assert_eq!(content_type(&[("accept", accept)]), "text/html; charset=utf-8", "{accept:?}");
    }
    for accept in [JSON, "application/json, */*;q=0.1", "text/html;q=0.2, application/json;q=0.9"] {
        assert_eq!(content_type(&[("accept", accept)]), "application/json", "{accept:?}");
    }
}

#[test]
fn the_json_answer_says_name_version_mode_and_links() {
    insta::assert_json_snapshot!(site().get_json("/"), {".version" => "[version]"}, @r#"
    {
      "links": {
        "hello": "/hello",
        "self": "/"
      },
      "mode": "enforce",
      "name": "Doze",
      "version": "[version]"
    }
    "#);
}

#[test]
fn the_page_says_the_mode_in_words() {
    for (mode, words) in [
        (Mode::DryRun, "Here Doze stops nothing and starts nothing."),
        (Mode::Enforce, "Here Doze stops instances that"),
    ] {
        let mut site = site();
        site.settings.mode = mode;
        let text = site.get("/").text();
        assert!(text.contains(&format!("Mode: {} . {words}", mode.as_str())), "{text}");
    }
}

#[test]
fn without_a_token_no_call_of_any_kind_is_made() {
    let site = site();
    for target in ["/", "/?token=", "/?page=7"] {
        for method in ["GET", "HEAD"] {
            for accept in [HTML, JSON] {
                assert_eq!(site.send(&event(method, target, &[("accept", accept)])).status, 200, "{method} {target}");
            }
        }
    }
    assert_eq!((site.fleet.calls(), site.keys.reads.get()), (vec![], 0));
}

#[test]
fn without_keys_it_is_still_shown() {
    let mut site = site();
    site.has_keys = false;
    assert_eq!(site.get("/").status, 200);
    assert_eq!(site.get(&format!("/?token={}", fleet_token())).status, 503);
}

#[test]
fn a_token_for_the_fleet_leads_there_without_a_look_at_it() {
    let site = site();
    let target = format!("/?token={}", fleet_token());
    let way = format!("instances?token={}", fleet_token());
    assert!(site.get(&target).attributes("href").contains(&way));
    assert_eq!(site.get_json(&target)["links"]["instances"], "/instances");
    assert_eq!(site.get(&format!("/{way}")).status, 200);
    assert_eq!(site.fleet.calls(), ["opted-in", "evidence 1 2 3", "protection 1 2 3"], "for the last page alone");
}

#[test]
fn any_other_good_token_leads_nowhere() {
    let blind = Capability {
        subject: Subject::Fleet,
        permits: BTreeSet::from([Permit::Start, Permit::KeepAwake]),
        expires_at: in_an_hour(),
    };
    for token in [token_for(1), signed(&blind)] {
        let target = format!("/?token={token}");
        let page = site().get(&target);
        assert_eq!(page.status, 200);
        assert!(!page.body.contains("instances?"), "{}", page.body);
        assert!(!page.body.contains(&token) && !page.body.contains(id(1).as_str()), "{}", page.body);
        assert_eq!(site().get_json(&target)["links"].get("instances"), None);
    }
}

#[test]
fn a_token_that_is_worth_nothing_is_refused_here_too() {
    for token in ["x", "x.y.z", &format!("{}x", fleet_token())] {
        let seen = site().get(&format!("/?token={token}"));
        assert_eq!(seen.status, 401, "{token}");
    }
}
