//! `GET /`: the public page.

use std::collections::BTreeSet;

use crate::support::{
    HTML, JSON, Site, event,
    fleet::{FakeFleet, tag},
    fleet_token, id, in_an_hour, signed, token_for,
};
use capability::{Capability, Permit, Subject};
use idleness::{Instance, InstanceState, InstanceType, Mode, Prices};
use serde_json::json;

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
fn a_token_for_the_fleet_leads_there_by_one_look_at_it() {
    let site = site();
    let target = format!("/?token={}", fleet_token());
    let way = format!("instances?token={}", fleet_token());
    let page = site.get(&target);
    assert!(page.attributes("href").contains(&way));
    assert!(page.text().contains("3 instances with that tag: 3 running, 0 stopped."), "{}", page.text());
    assert_eq!(site.fleet.calls(), ["opted-in"], "nothing is measured");
    let json = site.get_json(&target);
    assert_eq!(json["links"]["instances"], "/instances");
    let savings = json!({"asleep": 0, "usd_per_hour": 0.0});
    assert_eq!(json["fleet"], json!({"total": 3, "running": 3, "stopped": 0, "savings": savings}));
}

/// What Doze stopped, and nobody started since.
fn asleep(instance: &mut Instance) {
    instance.state = InstanceState::Stopped;
    tag(instance, "doze:stopped-at", "2026-11-21T19:00:00Z");
}

/// One that runs, and so many that sleep.
fn sleepers(count: usize) -> Site {
    let mut fleet = FakeFleet::of(1);
    (2..count + 2).for_each(|number| fleet.add(number, asleep));
    Site::of(fleet)
}

#[test]
fn what_sleep_saves_is_said_in_money_where_prices_are_known() {
    let target = format!("/?token={}", fleet_token());
    for (count, prices, words) in [
        (2, "{}", "2 are asleep because Doze stopped them; of no type among them is a price known: m7g.large."),
        (2, r#"{"m7g.large": 0.08}"#, "2 are asleep because Doze stopped them, which saves $0.16 an hour."),
        (1, r#"{"m7g.large": 0.0}"#, "1 is asleep because Doze stopped it."),
    ] {
        let mut site = sleepers(count);
        site.settings.prices = Prices::parse(prices).expect("are prices");
        let text = site.get(&target).text();
        let counts = format!("{} instances with that tag: 1 running, {count} stopped.", count + 1);
        assert!(text.contains(&counts) && text.contains(words), "{text}");
    }
    let mut fleet = FakeFleet::with(asleep);
    fleet.add(2, |instance| {
        asleep(instance);
        instance.instance_type = InstanceType::from_name("g5.xlarge");
    });
    let mut site = Site::of(fleet);
    site.settings.prices = Prices::parse(r#"{"g5.xlarge": 1.0}"#).expect("are prices");
    let words = "2 are asleep because Doze stopped them, which saves $1.00 an hour, and more for the types without a price: m7g.large.";
    assert!(site.get(&target).text().contains(words));
    assert!(site.get_json(&target)["fleet"]["savings"]["unpriced"] == json!(["m7g.large"]));
}

#[test]
fn a_fleet_that_cannot_be_seen_is_no_empty_one() {
    let mut fleet = FakeFleet::of(3);
    fleet.broken = Some("opted-in");
    assert_eq!(Site::of(fleet).get(&format!("/?token={}", fleet_token())).status, 503);
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
