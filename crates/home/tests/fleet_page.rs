//! `GET /instances`: the opted-in instances, page by page.

use crate::support::{
    Seen, Site,
    fleet::{FakeFleet, tag},
    fleet_token, id,
};
use idleness::{Instance, InstanceState, Mode, Tags};
use serde_json::Value;

fn page(site: &Site, number: usize) -> Seen {
    site.get(&format!("/instances?page={number}&token={}", fleet_token()))
}

/// The names of the rows, in their order.
fn names(seen: &Seen) -> Vec<String> {
    let rows = seen.body.split("<bdi>").skip(1);
    rows.filter_map(|row| Some(row.split_once("</bdi>")?.0.to_owned())).collect()
}

#[test]
fn each_row_says_what_it_is_how_it_is_why_and_what_comes_next() {
    let mut fleet = FakeFleet::of(3);
    fleet.work(2, Some(63.0));
    fleet.add(3, |instance| {
        tag(instance, "Name", "kept");
        tag(instance, "doze:keep-until", "2026-11-22T06:00:00Z");
    });
    let text = page(&Site::of(fleet), 1).text();
    for row in [
        format!(
            "box-01 {} · m7g.large running To be stopped : idle cpu: 0.40 within 5 %; vcpus: 0.01 within 0.03 vCPUs; network: 0 \
             within 120 B/s stops when Doze looks next, if still idle",
            id(1)
        ),
        format!(
            "box-02 {} · m7g.large running Stays as it is : in use cpu: 63 above 5 %; vcpus: 1.26 above 0.03 vCPUs Doze looks again",
            id(2)
        ),
        format!(
            "kept {} · m7g.large running Stays as it is : kept awake it is kept awake until 2026-11-22T06:00:00Z stays on until \
             Sun 2026-11-22 06:00 UTC",
            id(3)
        ),
    ] {
        assert!(text.contains(&row), "{row}\nis not in\n{text}");
    }
    assert!(text.contains("3 with the tag doze=on : 3 running, 0 stopped. Seen Sat 2026-11-21 20:00 UTC."), "{text}");
}

#[test]
fn what_comes_next_has_its_time_for_machines_too() {
    let fleet = FakeFleet::with(|instance| tag(instance, "doze:keep-until", "2026-11-22T06:00:00+01:00"));
    assert_eq!(page(&Site::of(fleet), 1).attributes("datetime"), ["2026-11-22T05:00:00Z"]);
}

#[test]
fn rows_are_in_the_order_of_their_names_and_those_without_one_come_last() {
    let mut fleet = FakeFleet::default();
    for (number, name) in
        [(1, None), (2, Some("beta")), (3, Some("Alpha")), (4, Some(" ")), (5, Some("alpha")), (6, Some("Zeta"))]
    {
        fleet.add(number, |instance| {
            if let Some(name) = name {
                tag(instance, "Name", name);
            }
        });
    }
    let expected = ["Alpha", "alpha", "beta", "Zeta", id(1).as_str(), id(4).as_str()].map(str::to_owned);
    assert_eq!(names(&page(&Site::of(fleet), 1)), expected);
}

#[test]
fn a_page_has_fifteen_rows_and_measures_no_others() {
    for (count, expected) in [(0, vec![0]), (1, vec![1]), (15, vec![15]), (16, vec![15, 1]), (45, vec![15, 15, 15])] {
        let site = Site::of(FakeFleet::of(count));
        for (number, rows) in expected.iter().enumerate() {
            let seen = page(&site, number + 1);
            let first = number * 15;
            let names_of_page: Vec<String> = (first + 1..=first + rows).map(|n| format!("box-{n:02}")).collect();
            assert_eq!((seen.status, names(&seen)), (200, names_of_page), "page {} of {count}", number + 1);
            let total = seen.text().contains(&format!("{count} with the tag doze=on : {count} running"));
            assert!(total, "{}", seen.text());
        }
        assert_eq!(page(&site, expected.len() + 1).status, 404);
    }
    let site = Site::of(FakeFleet::of(17));
    page(&site, 2);
    assert_eq!(site.fleet.calls(), ["opted-in", "evidence 10 11", "protection 10 11"]);
}

#[test]
fn pages_lead_to_one_another_with_the_token() {
    let site = Site::of(FakeFleet::of(45));
    let ways = |number: usize| -> Vec<String> {
        let all = page(&site, number).attributes("href").into_iter();
        all.filter(|way| way.starts_with("instances?")).collect()
    };
    let to = |number: usize| format!("instances?page={number}&token={}", fleet_token());
    assert_eq!((ways(1), ways(2), ways(3)), (vec![to(2)], vec![to(1), to(3)], vec![to(2)]));
    assert_eq!(site.get(&format!("/{}", to(3))).status, 200);
    assert!(page(&site, 2).text().contains("Page 2 of 3"));
    assert!(!page(&Site::of(FakeFleet::of(15)), 1).text().contains("Page"), "one page needs no number");
}

#[test]
fn a_page_that_is_none_is_refused() {
    let site = Site::of(FakeFleet::of(3));
    let status = |page: &str| site.get(&format!("/instances?page={page}&token={}", fleet_token())).status;
    for page in ["0", "x", "", "-1", "1.5", "1e3", "%31%00", "99999999999999999999999999", "one", "１"] {
        assert_eq!(status(page), 400, "{page:?}");
    }
    for page in ["2", "18446744073709551615"] {
        assert_eq!(status(page), 404, "{page}");
    }
    let text = page(&site, 2).text();
    assert!(text.contains("There is 1 page."), "{text}");
    assert!(page(&Site::of(FakeFleet::of(16)), 3).text().contains("There are 2 pages."));
}

#[test]
fn each_row_leads_to_the_page_of_its_instance() {
    let site = Site::of(FakeFleet::of(2));
    let ways = page(&site, 1).attributes("href");
    let expected = [1, 2].map(|number| format!("instances/{}?token={}", id(number), fleet_token()));
    assert_eq!(ways, expected);
    for way in ways {
        assert_eq!(site.get(&format!("/{way}")).status, 200);
    }
}

#[test]
fn dry_run_is_said_where_it_is_on() {
    let mut site = Site::of(FakeFleet::of(1));
    assert!(!page(&site, 1).text().contains("dry-run"));
    site.settings.mode = Mode::DryRun;
    assert!(page(&site, 1).text().contains("Doze is in dry-run here: it says what it would do, and does nothing."));
}

#[test]
fn an_empty_fleet_says_how_to_opt_in() {
    let fleet = FakeFleet::with(|instance| instance.tags = Tags::from_iter([("doze", "off"), ("Name", "secret")]));
    let text = page(&Site::of(fleet), 1).text();
    assert!(text.contains("0 with the tag doze=on") && text.contains("No instance has opted in."), "{text}");
    assert!(!text.contains("secret"), "an instance that is not opted in is nobody's business: {text}");
}

#[test]
fn counts_are_those_of_the_whole_fleet() {
    let mut fleet = FakeFleet::of(20);
    for (number, state) in [(3, InstanceState::Stopped), (18, InstanceState::Stopped), (19, InstanceState::Pending)] {
        fleet.add(number, |instance| instance.state = state);
    }
    let text = page(&Site::of(fleet), 1).text();
    assert!(text.contains("20 with the tag doze=on : 17 running, 2 stopped."), "{text}");
}

#[test]
fn a_start_that_waits_for_others_says_so() {
    let mut fleet = FakeFleet::default();
    for (number, name) in [(1, "app"), (2, "db")] {
        fleet.add(number, |instance| {
            instance.state = InstanceState::Stopped;
            tag(instance, "Name", name);
        });
    }
    fleet.add(1, |instance| {
        instance.state = InstanceState::Stopped;
        tag(instance, "Name", "app");
        tag(instance, "doze:after", "db");
        tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
    });
    let text = page(&Site::of(fleet), 1).text();
    let because = format!(
        "waits for others it starts after \"db\" ({}), which is stopped, but not by Doze starts once that has \
                           changed",
        id(2)
    );
    assert!(text.contains(&because), "{text}");
}

#[test]
fn the_json_answer_has_this_shape() {
    let mut fleet = FakeFleet::of(1);
    fleet.add(2, |instance| {
        tag(instance, "doze:keep-until", "tomorrow");
    });
    let body: Value = Site::of(fleet).get_json(&format!("/instances?token={}", fleet_token()));
    insta::assert_json_snapshot!(body, {".instances[0].evidence" => "[four findings]"}, @r#"
    {
      "at": "2026-11-21T20:00:20Z",
      "instances": [
        {
          "evidence": "[four findings]",
          "id": "i-00000000000000001",
          "name": "box-01",
          "next": {
            "action": "stop",
            "at": null,
            "text": "stops when Doze looks next, if still idle and under the cap"
          },
          "reason": "idle",
          "state": "running",
          "type": "m7g.large",
          "verdict": "stop"
        },
        {
          "detail": "the tag \"doze:keep-until\" is \"tomorrow\": expected an instant such as 2026-11-21T20:00:00Z",
          "evidence": [],
          "id": "i-00000000000000002",
          "name": null,
          "next": null,
          "reason": "bad-tag",
          "state": "running",
          "type": "m7g.large",
          "verdict": "keep"
        }
      ],
      "mode": "enforce",
      "page": 1,
      "pages": 1,
      "total": 2
    }
    "#);
}

#[test]
fn a_row_does_not_promise_a_stop_that_is_protected() {
    let mut fleet = FakeFleet::of(1);
    fleet.protected.insert(id(1));
    let text = Site::of(fleet).get(&format!("/instances?token={}", fleet_token())).text();
    assert!(text.contains("protected from being stopped") && !text.contains("To be stopped"), "{text}");
}

/// What a case changes of the instance.
type Edit<'a> = &'a dyn Fn(&mut Instance);

#[test]
fn what_comes_next_is_said_to_people_and_to_programs() {
    let asleep = |instance: &mut Instance| {
        instance.state = InstanceState::Stopped;
        tag(instance, "doze:stopped-at", "2026-11-21T18:00:00Z");
    };
    let cases: [(Edit<'_>, &str, &str); 6] = [
        (&|i| tag(i, "doze:stop-at", "2026-11-21T21:00:00Z"), "stops, if still idle and under the cap,", "21:00"),
        (&|_| (), "stops when Doze looks next, if still idle and under the cap", ""),
        (&|i| tag(i, "doze:keep-until", "2026-11-21T22:00:00Z"), "stays on until", "22:00"),
        (
            &|i| {
                asleep(i);
                tag(i, "doze:schedule", "sat 19:30-23:00 @ UTC");
            },
            "starts when Doze looks next",
            "",
        ),
        (
            &|i| {
                asleep(i);
                tag(i, "doze:schedule", "sat 23:30-23:45 @ UTC");
            },
            "starts",
            "23:30",
        ),
        (
            &|i| {
                asleep(i);
                tag(i, "doze:schedule", "sat 19:30-23:00 @ UTC");
                tag(i, "doze:after", "nobody");
            },
            "starts once that has changed",
            "",
        ),
    ];
    for (edit, words, time) in cases {
        let site = Site::of(FakeFleet::with(edit));
        let target = format!("/instances?token={}", fleet_token());
        let (on_page, for_programs) = match time {
            "" => (words.to_owned(), words.to_owned()),
            time => (format!("{words} Sat 2026-11-21 {time} UTC"), format!("{words} 2026-11-21T{time}:00Z")),
        };
        let text = site.get(&target).text();
        assert!(text.contains(&format!(" {on_page} ")), "{on_page}: {text}");
        assert_eq!(site.get_json(&target)["instances"][0]["next"]["text"], for_programs);
    }
}
