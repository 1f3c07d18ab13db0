//! What a browser gets for its button: the way back to the instance's page, from wherever the API is mounted.

use crate::support::{FORM, HTML, JSON, Seen, Site, event, fleet::FakeFleet, id, now, path, token_for};
use capability::Keys;
use futures_util::FutureExt;
use idleness::{InstanceState, Mode, Prices, Rules};
use serde_json::Value;
use url::Url;

fn press(site: &Site, action: &str, accept: &str) -> Seen {
    let headers = [("accept", accept), ("content-type", FORM)];
    site.post(&path(1, action), &headers, &format!("token={}&hours=4", token_for(1)))
}

#[test]
fn a_browser_is_led_back_to_the_page_of_the_instance() {
    for action in ["start", "keep-awake"] {
        for state in ["stopped", "stopping", "pending", "running"] {
            let site = Site::of(FakeFleet::in_state(InstanceState::from_name(state)));
            let seen = press(&site, action, HTML);
            assert_eq!((seen.status, seen.header("vary")), (303, "accept"));
            let location = seen.header("location");
            for mount in ["https://doze.example", "https://doze.example/prod", "https://example.com/tools/doze"] {
                let button = Url::parse(&format!("{mount}{}", path(1, action))).unwrap();
                let page = button.join(location).unwrap();
                assert_eq!(page.as_str(), format!("{mount}/instances/{}?token={}", id(1), token_for(1)));
            }
        }
    }
}

#[test]
fn the_page_it_is_led_to_follows_the_start() {
    let site = Site::of(FakeFleet::stopped());
    let button = Url::parse(&format!("https://doze.example{}", path(1, "start"))).unwrap();
    let page = button.join(press(&site, "start", HTML).header("location")).unwrap();
    let target = format!("{}?{}", page.path(), page.query().unwrap());

    let settings = home::Settings {
        mode: Mode::Enforce,
        rules: Rules::default(),
        max_keep_hours: 24,
        prices: Prices::default(),
        link_key: None,
    };
    let sources = home::Sources { fleet: &site.fleet, keys: Some(Keys::new(&site.keys)) };
    let respond = async |request: &web::Request| home::respond(request, &sources, &settings, now()).await;
    let event = event("GET", &target, &[("accept", HTML)], "");
    let answer =
        serde_json::to_value(web::answer(&event.to_string(), respond).now_or_never().expect("nothing waits")).unwrap();
    assert_eq!((answer["statusCode"].as_u64(), &answer["headers"]["refresh"]), (Some(200), &Value::from("5")));
    let body = answer["body"].as_str().unwrap();
    assert!(body.contains("It is starting.") && body.contains("it is kept awake until 2026-11-21T21:00:20Z"), "{body}");
}

#[test]
fn json_is_for_those_who_ask_for_it() {
    for (accept, is_json) in [
        ("", false),
        ("*/*", false),
        (HTML, false),
        ("application/json;q=0.5, text/html", false),
        (JSON, true),
        ("application/json, */*;q=0.1", true),
    ] {
        let seen = press(&Site::of(FakeFleet::stopped()), "start", accept);
        let expected = if is_json { (202, JSON, true) } else { (303, "text/plain; charset=utf-8", false) };
        assert_eq!(
            (seen.status, seen.header("content-type"), seen.header("location").is_empty()),
            expected,
            "{accept}"
        );
    }
}

#[test]
fn dry_run_is_said_on_a_page_with_the_way_back() {
    for (action, words) in [("start", "start it"), ("keep-awake", "keep it awake")] {
        let mut site = Site::of(FakeFleet::stopped());
        site.settings.mode = Mode::DryRun;
        let seen = press(&site, action, HTML);
        assert_eq!((seen.status, seen.header("content-type")), (200, "text/html; charset=utf-8"));
        let expected = format!("Nothing was changed: Doze is in dry-run here, and would otherwise {words}.");
        assert!(seen.body.contains(&expected), "{}", seen.body);
        assert!(seen.body.contains(&format!("href=\"../{}?token={}\"", id(1), token_for(1))), "{}", seen.body);
    }
}

#[test]
fn a_refusal_is_a_page_for_a_browser() {
    let site = Site::of(FakeFleet::in_state(InstanceState::Terminated));
    let seen = press(&site, "start", HTML);
    assert_eq!((seen.status, seen.header("content-type")), (409, "text/html; charset=utf-8"));
    let words = format!("The instance {} is terminated, and gone for good.", id(1));
    assert!(seen.body.contains("<h1>That is not possible</h1>") && seen.body.contains(&words), "{}", seen.body);
}
