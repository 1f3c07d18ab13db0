//! `GET /instances/{id}`: one instance, with all that speaks for and against it.

use crate::support::{
    Seen, Site,
    fleet::{FakeFleet, tag},
    fleet_token, id, minutes_ago, token_for,
};
use idleness::{Instance, InstanceState, Market, Mode, RootDevice, Tags, Transition};

const GATES: [&str; 17] = [
    "opted in",
    "running",
    "tags",
    "Auto Scaling",
    "cluster",
    "Spot",
    "root volume",
    "stop protection",
    "kept awake",
    "schedule",
    "uptime",
    "data",
    "activity",
    "sessions known",
    "sessions",
    "grace",
    "cap on stops",
];

fn see(site: &Site, number: usize) -> Seen {
    site.get(&format!("/instances/{}?token={}", id(number), token_for(number)))
}

/// What the page says of an instance that was edited so.
fn text_of(edit: impl FnOnce(&mut Instance)) -> String {
    let seen = see(&Site::of(FakeFleet::with(edit)), 1);
    assert_eq!(seen.status, 200);
    seen.text()
}

#[track_caller]
fn assert_says(text: &str, words: &str) {
    assert!(text.contains(words), "{words:?} is not in\n{text}");
}

#[test]
fn all_gates_are_shown_in_their_order_whatever_the_state() {
    for state in ["pending", "running", "stopping", "stopped", "shutting-down", "terminated", "hibernating"] {
        let state = InstanceState::from_name(state);
        let seen = see(&Site::of(FakeFleet::with(|instance| instance.state = state)), 1);
        let (_, table) = seen.body.split_once("<tbody>").expect("has a table");
        let gates: Vec<&str> =
            table.split("<th scope=\"row\">").skip(1).filter_map(|row| row.split('<').next()).collect();
        assert_eq!(gates, GATES, "{state:?}");
        assert_says(&seen.text(), &format!("{} · m7g.large · {}", id(1), state.as_str()));
    }
}

#[test]
fn the_gate_that_decides_is_told_from_those_that_would() {
    let text = text_of(|instance| {
        tag(instance, "doze:keep-until", "2026-11-22T00:00:00Z");
        tag(instance, "doze:schedule", "sat 09:00-24:00 @ UTC");
    });
    assert_says(&text, "Stays as it is: kept awake it is kept awake until 2026-11-22T00:00:00Z");
    assert_says(&text, "Next: stays on until Sun 2026-11-22 00:00 UTC");
    assert_says(&text, "kept awake keeps it it is kept awake until 2026-11-22T00:00:00Z");
    assert_says(&text, "schedule would keep it a window of its schedule is open until 2026-11-22T00:00:00Z");
    assert_says(&text, "uptime passed up for 600 minutes, at least 30");
    assert_says(&text, "The policy is dev-box.");
}

#[test]
fn an_idle_instance_shows_that_nothing_keeps_it() {
    let text = text_of(|_| ());
    assert_says(&text, "To be stopped: idle cpu: 0.40 within 5 %;");
    assert_says(&text, "Next: stops when Doze looks next, if still idle");
    assert_says(&text, "activity passed cpu: 0.40 within 5 %");
    assert!(!text.contains("keeps it") && !text.contains("would keep it"), "{text}");
}

#[test]
fn what_each_gate_found_is_said() {
    for (edit, words) in [
        (
            Box::new(|i: &mut Instance| i.market = Market::SpotOneTime) as Box<dyn FnOnce(&mut Instance)>,
            "Stays as it is: one-time Spot instance",
        ),
        (
            Box::new(|i| i.root_device = RootDevice::InstanceStore),
            "cannot be stopped: its root volume is an instance store",
        ),
        (Box::new(|i| tag(i, "aws:autoscaling:groupName", "web")), "it belongs to the Auto Scaling group \"web\""),
        (Box::new(|i| tag(i, "eks:cluster-name", "prod")), "cluster keeps it it has the tag \"eks:cluster-name\""),
        (
            Box::new(|i| i.launched_at = Some(minutes_ago(10))),
            "Stays as it is: started recently up for 10 minutes, and left alone for the first 30",
        ),
        (Box::new(|i| i.launched_at = None), "Stays as it is: started recently EC2 does not say since when it is up"),
        (Box::new(|i| i.tags = Tags::default()), "Stays as it is: not opted in"),
        (
            Box::new(|i| tag(i, "doze:schedule", "mon-fri 9-18")),
            "tags keeps it the tag \"doze:schedule\" is \"mon-fri 9-18\": character 9: expected a time",
        ),
        (
            Box::new(|i| tag(i, "doze:polcy", "gcp")),
            "the tag \"doze:polcy\" is \"gcp\": Doze knows no tag of this name",
        ),
    ] {
        assert_says(&text_of(edit), words);
    }
}

#[test]
fn stop_protection_and_sessions_are_read_for_the_page() {
    let mut fleet = FakeFleet::with(|_| ());
    fleet.protected.insert(id(1));
    assert_says(&see(&Site::of(fleet), 1).text(), "stop protection keeps it stop protection is on");

    let mut fleet = FakeFleet::with(|_| ());
    fleet.sessions.insert(id(1), 2);
    let mut site = Site::of(fleet);
    site.settings =
        home::Settings::read(&[("DOZE_POLICIES", r#"{"dev-box": {"sessions": true}}"#)].into_iter().collect())
            .expect("is valid");
    assert_says(&see(&site, 1).text(), "sessions keeps it 2 sessions are open");
    assert_eq!(site.fleet.calls(), ["instances 1", "evidence 1", "sessions 1", "protection 1", "address 1"]);
}

#[test]
fn missing_data_says_what_is_missing() {
    let mut fleet = FakeFleet::with(|_| ());
    fleet.work(1, None);
    let text = see(&Site::of(fleet), 1).text();
    assert_says(&text, "Stays as it is: too little is known");
    assert_says(&text, "data keeps it cpu: 0 of 12 datapoints, at least 11");
}

#[test]
fn a_start_that_fell_back_says_what_may_be_wrong_with_the_key() {
    let text = text_of(|instance| {
        instance.state = InstanceState::Stopped;
        tag(instance, "doze:stopped-at", "2026-11-21T12:00:00Z");
        instance.transition = Transition {
            code: Some("Client.InternalError".to_owned()),
            message: Some("Client.InternalError: Client error on launch".to_owned()),
            at: Some(minutes_ago(5)),
        };
    });
    assert_says(
        &text,
        "Stays as it is: fell back to stopped it fell back to stopped: Client.InternalError: Client error on launch; most often the KMS key",
    );
    assert_says(&text, "it is disabled or gone, or its policy grants nothing to whoever starts the instance");
    assert_says(&text, "Next: stays stopped until somebody starts it");
}

#[test]
fn the_address_is_looked_up_and_shown_while_it_runs() {
    for state in [InstanceState::Running, InstanceState::Pending, InstanceState::Stopping, InstanceState::Stopped] {
        let mut fleet = FakeFleet::with(|instance| instance.state = state);
        fleet.addresses.insert(id(1), "ec2-203-0-113-7.eu-west-1.compute.amazonaws.com".to_owned());
        let site = Site::of(fleet);
        let shown = see(&site, 1).text().contains("Connect to: ec2-203-0-113-7.eu-west-1.compute.amazonaws.com");
        let asked = site.fleet.calls().contains(&"address 1".to_owned());
        assert_eq!((shown, asked), (state == InstanceState::Running, state == InstanceState::Running), "{state:?}");
    }
    assert!(!text_of(|_| ()).contains("Connect to"), "an instance without an address has none");
}

#[test]
fn a_stopped_instance_is_seen_among_those_that_it_depends_on_and_not_measured() {
    let stopped = |instance: &mut Instance| {
        instance.state = InstanceState::Stopped;
        tag(instance, "Name", "app");
    };
    let calls = |edit: &dyn Fn(&mut Instance)| {
        let mut fleet = FakeFleet::with(|instance| {
            stopped(instance);
            edit(instance);
        });
        fleet.add(2, |instance| tag(instance, "Name", "db"));
        let site = Site::of(fleet);
        (see(&site, 1).text(), site.fleet.calls())
    };
    let (_, without) = calls(&|_| ());
    assert_eq!(without, ["instances 1", "opted-in"]);
    let (text, with) = calls(&|instance| {
        tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
        tag(instance, "doze:after", "db + cache");
    });
    assert_eq!(with, ["instances 1", "opted-in"]);
    assert_says(
        &text,
        "Stays as it is: waits for others its tag doze:after names \"cache\", which is no instance with doze=on",
    );
    let (text, _) = calls(&|instance| {
        tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
        tag(instance, "doze:after", "db");
    });
    assert_says(&text, "To be started: its start is owed its start has been owed since 2026-11-21T19:50:00Z");
    assert_says(&text, "running starts it its state is stopped; its start has been owed since 2026-11-21T19:50:00Z");
}

#[test]
fn an_instance_that_ec2_does_not_know_is_no_page() {
    let site = Site::of(FakeFleet::of(1));
    let seen = see(&site, 7);
    assert_eq!(seen.status, 404);
    assert_says(&seen.text(), &format!("EC2 knows no instance {} in this account and Region.", id(7)));
}

#[test]
fn dry_run_is_said_where_it_is_on() {
    let mut site = Site::of(FakeFleet::of(1));
    site.settings.mode = Mode::DryRun;
    assert_says(
        &see(&site, 1).text(),
        "Doze is in dry-run here: it says what it would do, and its buttons change nothing.",
    );
}

#[test]
fn the_json_answer_has_this_shape() {
    let mut fleet = FakeFleet::with(|instance| instance.launched_at = Some(minutes_ago(10)));
    fleet.addresses.insert(id(1), "10.0.0.7".to_owned());
    let site = Site::of(fleet);
    let of = |token| site.get_json(&format!("/instances/{}?token={token}", id(1)));
    insta::assert_json_snapshot!(of(token_for(1)), {".gates" => "[17 gates]"}, @r#"
    {
      "address": "10.0.0.7",
      "evidence": [
        {
          "limit": 1800.0,
          "observed": 600.0,
          "signal": "uptime",
          "unit": "seconds"
        }
      ],
      "gates": "[17 gates]",
      "id": "i-00000000000000001",
      "name": null,
      "next": {
        "action": "decide",
        "at": "2026-11-21T20:20:20Z",
        "text": "stays on until 2026-11-21T20:20:20Z"
      },
      "permits": [
        "read",
        "start",
        "keep-awake"
      ],
      "reason": "recently-started",
      "state": "running",
      "type": "m7g.large",
      "verdict": "keep"
    }
    "#);
    let gates = of(token_for(1))["gates"].clone();
    let shown: Vec<&str> = gates.as_array().unwrap().iter().map(|gate| gate["gate"].as_str().unwrap()).collect();
    assert_eq!(shown, GATES);
    let uptime = serde_json::json!({"gate": "uptime", "holds": true, "text": "up for 10 minutes, at least 30"});
    assert_eq!(gates[10], uptime);
    assert_eq!(of(fleet_token())["permits"], serde_json::json!(["read"]));
}

#[test]
fn an_instance_that_another_one_needs_says_so() {
    let asleep = |instance: &mut Instance| {
        instance.state = InstanceState::Stopped;
        tag(instance, "doze:stopped-at", "2026-11-21T18:00:00Z");
    };
    let mut fleet = FakeFleet::with(|instance| {
        asleep(instance);
        tag(instance, "Name", "db");
    });
    fleet.add(2, |instance| {
        asleep(instance);
        tag(instance, "doze:schedule", "sat 19:30-23:00 @ UTC");
        tag(instance, "doze:after", "db");
    });
    assert_says(&see(&Site::of(fleet), 1).text(), "To be started: another one needs it");
}
