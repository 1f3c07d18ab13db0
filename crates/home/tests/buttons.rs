//! Which buttons a page has: those that the token permits, where pressing them makes sense.

use std::collections::BTreeSet;

use crate::support::{
    Seen, Site,
    fleet::{FakeFleet, tag},
    fleet_token, id, in_an_hour, signed, token_for,
};
use capability::{Capability, Permit, Subject};
use idleness::{InstanceState, Tags};

const ALL: [Permit; 3] = [Permit::Read, Permit::Start, Permit::KeepAwake];

fn token(subject: Subject, permits: &[Permit]) -> String {
    signed(&Capability { subject, permits: permits.iter().copied().collect::<BTreeSet<_>>(), expires_at: in_an_hour() })
}

fn see(site: &Site, token: &str) -> Seen {
    site.get(&format!("/instances/{}?token={token}", id(1)))
}

/// Where the buttons of a page go, without the instance's id.
fn buttons(site: &Site, token: &str) -> Vec<String> {
    let actions = see(site, token).attributes("action").into_iter();
    actions.map(|action| action.trim_start_matches(&format!("{}/", id(1))).to_owned()).collect()
}

fn site(state: InstanceState) -> Site {
    Site::of(FakeFleet::with(|instance| instance.state = state))
}

#[test]
fn there_is_a_button_where_it_does_something() {
    for (state, expected) in [
        ("pending", &["keep-awake"][..]),
        ("running", &["keep-awake"]),
        ("stopping", &["start", "keep-awake"]),
        ("stopped", &["start"]),
        ("shutting-down", &[]),
        ("terminated", &[]),
        ("hibernating", &[]),
    ] {
        assert_eq!(buttons(&site(InstanceState::from_name(state)), &token_for(1)), expected, "{state}");
    }
}

#[test]
fn a_start_that_is_owed_can_be_tried_at_once_unless_it_is_still_stopping() {
    for (state, expected) in [(InstanceState::Stopped, &["start"][..]), (InstanceState::Stopping, &["keep-awake"])] {
        let site = Site::of(FakeFleet::with(|instance| {
            instance.state = state;
            tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
        }));
        assert_eq!(buttons(&site, &token_for(1)), expected, "{state:?}");
    }
}

#[test]
fn the_token_has_to_permit_it() {
    let site = site(InstanceState::Stopping);
    let of_instance = || Subject::Instance(id(1));
    for (permits, expected) in [
        (&ALL[..1], &[][..]),
        (&ALL[..2], &["start"]),
        (&[Permit::Read, Permit::KeepAwake], &["keep-awake"]),
        (&ALL, &["start", "keep-awake"]),
    ] {
        assert_eq!(buttons(&site, &token(of_instance(), permits)), expected, "{permits:?}");
    }
    assert_eq!(buttons(&site, &fleet_token()), [""; 0]);
    assert_eq!(buttons(&site, &token(Subject::Fleet, &ALL)), ["start", "keep-awake"]);
}

#[test]
fn an_instance_that_is_not_opted_in_has_none() {
    for tags in [Tags::default(), Tags::from_iter([("doze", "off")])] {
        let site = Site::of(FakeFleet::with(|instance| {
            instance.state = InstanceState::Stopped;
            instance.tags = tags;
        }));
        assert_eq!(buttons(&site, &token_for(1)), [""; 0]);
    }
}

#[test]
fn a_button_posts_the_token_to_the_address_of_its_action() {
    let token = token_for(1);
    let seen = see(&site(InstanceState::Stopping), &token);
    assert_eq!(seen.attributes("method"), ["post", "post"]);
    let forms: Vec<&str> = seen.body.split("<form ").skip(1).filter_map(|form| form.split("</form>").next()).collect();
    for form in forms {
        assert!(form.contains(&format!("<input type=\"hidden\" name=\"token\" value=\"{token}\">")), "{form}");
    }
    let page = url::Url::parse(&format!("https://doze.example/prod/instances/{}?token={token}", id(1))).unwrap();
    let actions: Vec<String> =
        seen.attributes("action").iter().map(|action| page.join(action).unwrap().path().to_owned()).collect();
    assert_eq!(actions, ["start", "keep-awake"].map(|action| format!("/prod/instances/{}/{action}", id(1))));
}

#[test]
fn hours_are_bounded_as_the_setting_says() {
    for (most, proposed) in [(24, 4), (168, 4), (4, 4), (3, 3), (1, 1)] {
        let mut site = site(InstanceState::Running);
        site.settings.max_keep_hours = most;
        let seen = see(&site, &token_for(1));
        let bounds = ["min", "max"].map(|name| seen.attributes(name).concat());
        assert_eq!(bounds, ["1".to_owned(), most.to_string()]);
        assert!(seen.body.contains(&format!("name=\"hours\" value=\"{proposed}\"")), "{}", seen.body);
    }
}
