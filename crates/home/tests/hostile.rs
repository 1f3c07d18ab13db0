//! Names and tags that somebody chose to do harm: they are shown as what they are, and no page grows with them.

use std::collections::BTreeSet;

use crate::support::{
    Seen, Site,
    fleet::{FakeFleet, tag},
    fleet_token, id, in_an_hour, minutes_ago, signed, token_for,
};
use capability::{Capability, Permit, Subject};
use idleness::{InstanceState, InstanceType, Mode, Transition};

/// EC2 takes 256 characters of nearly everything.
const LENGTH: usize = 256;

fn hostile() -> Vec<String> {
    let filled = |text: &str| text.chars().cycle().take(LENGTH).collect::<String>();
    let mut names: Vec<String> =
        ["<", "&", "\"", "'", "\\", "ä", "세", "😀", "\u{202e}", "\u{200b}", "a", "\u{301}", "+ "].map(filled).into();
    for name in [
        "</title><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' autofocus onfocus='alert(1)",
        "</bdi></a><form action=https://evil.example>",
        "two\nlines\r\nor\tthree",
        "\u{202e}exe.txt\u{2066}",
        "\u{0}\u{1}\u{7f}\u{1b}[31m",
        "{{ token }} {% include \"x\" %}",
        "%3Cscript%3E &lt;script&gt; &#60;script&#62;",
        "javascript:alert(1)",
    ] {
        names.push(name.to_owned());
        names.push(filled(name));
    }
    names
}

/// The page has the tags of its template and no other, and every attribute of it is one of its own.
#[track_caller]
fn assert_is_harmless(seen: &Seen) {
    assert_eq!(seen.status, 200);
    let mut rest = seen.body.as_str();
    while let Some((_, after)) = rest.split_once('<') {
        let (tag, after) = after.split_once('>').expect("a tag ends");
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap_or_default();
        let known = [
            "!doctype", "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "main", "code",
            "nav", "a", "table", "thead", "tbody", "tr", "th", "td", "small", "span", "strong", "time", "bdi", "div",
            "br", "form", "input", "label", "button", "footer",
        ];
        assert!(known.contains(&name), "<{tag}>");
        let names = tag.split('"').step_by(2).flat_map(str::split_whitespace).filter_map(|word| word.strip_suffix('='));
        for attribute in names {
            assert!(!attribute.starts_with("on") && attribute != "src", "<{tag}>");
        }
        assert!(!tag.contains("evil") && !tag.contains("script"), "<{tag}>");
        rest = after;
    }
    assert!(seen.body.len() < 20_000, "{} bytes", seen.body.len());
}

#[test]
fn names_are_shown_as_they_are_on_both_pages() {
    for name in hostile() {
        let mut fleet = FakeFleet::default();
        for number in 1..=15 {
            fleet.add(number, |instance| tag(instance, "Name", &name));
        }
        let site = Site::of(fleet);
        let list = site.get(&format!("/instances?token={}", fleet_token()));
        assert_is_harmless(&list);
        assert_is_harmless(&site.get(&format!("/instances/{}?token={}", id(1), token_for(1))));
        let json = site.get_json(&format!("/instances?token={}", fleet_token()));
        assert_eq!(json["instances"][0]["name"].as_str().unwrap_or_default(), name.trim());
    }
}

#[test]
fn a_name_is_cut_where_it_would_fill_the_row() {
    let shown = |name: &str| {
        let site = Site::of(FakeFleet::with(|instance| tag(instance, "Name", name)));
        let seen = site.get(&format!("/instances?token={}", fleet_token()));
        let (_, rest) = seen.body.split_once("<bdi>").expect("has a row");
        rest.split_once("</bdi>").expect("ends").0.to_owned()
    };
    assert_eq!(shown(&"a".repeat(90)), "a".repeat(90));
    assert_eq!(shown(&"a".repeat(91)), format!("{}…", "a".repeat(90)));
    assert_eq!(shown(&"세".repeat(256)), format!("{}…", "세".repeat(30)));
    assert_eq!(shown(&"<".repeat(256)), format!("{}…", "&#60;".repeat(18)));
    assert_eq!(shown(&format!("{}세", "a".repeat(89))), format!("{}…", "a".repeat(89)));
}

#[test]
fn tags_are_quoted_as_they_are_on_both_pages() {
    for value in hostile() {
        for key in ["doze:keep-until", "doze:schedule", "doze:policy", "doze:after", "doze:stopped-at"] {
            for state in [InstanceState::Running, InstanceState::Stopped] {
                let site = Site::of(FakeFleet::with(|instance| {
                    instance.state = state;
                    tag(instance, key, &value);
                    tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
                }));
                assert_is_harmless(&site.get(&format!("/instances?token={}", fleet_token())));
                assert_is_harmless(&site.get(&format!("/instances/{}?token={}", id(1), token_for(1))));
            }
        }
    }
}

#[test]
fn what_ec2_says_and_what_a_key_is_called_are_quoted_too() {
    for text in hostile() {
        let site = Site::of(FakeFleet::with(|instance| {
            instance.state = InstanceState::Stopped;
            instance.instance_type = InstanceType::from_name("t3.<b>");
            instance.transition = Transition {
                code: Some("Client.InternalError".to_owned()),
                message: Some(text.clone()),
                at: Some(minutes_ago(5)),
            };
        }));
        assert_is_harmless(&site.get(&format!("/instances/{}?token={}", id(1), token_for(1))));
        for key in ["doze:", "eks:cluster-name", "kubernetes.io/cluster/", "aws:autoscaling:groupName"] {
            let long: String = format!("{key}{text}").chars().take(128).collect();
            let site = Site::of(FakeFleet::with(|instance| {
                tag(instance, &long, &text);
                tag(instance, "aws:autoscaling:groupName", &text);
            }));
            assert_is_harmless(&site.get(&format!("/instances/{}?token={}", id(1), token_for(1))));
        }
    }
}

#[test]
fn a_page_does_not_grow_with_those_that_an_instance_waits_for() {
    for name in ["<".repeat(250), "세".repeat(250), "\u{202e}".repeat(250)] {
        let mut fleet = FakeFleet::default();
        for number in 1..=500 {
            fleet.add(number, |instance| {
                instance.state = InstanceState::Stopped;
                tag(instance, "Name", if number == 1 { "app" } else { &name });
            });
        }
        fleet.add(1, |instance| {
            instance.state = InstanceState::Stopped;
            tag(instance, "doze:after", &name);
            tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
        });
        let seen = Site::of(fleet).get(&format!("/instances/{}?token={}", id(1), token_for(1)));
        assert_is_harmless(&seen);
        assert!(seen.text().contains("waits for others it starts after"), "{}", seen.text());
    }
}

/// Everything long at once: the longest token that lets in, names, details, notes, and a page between two others.
#[test]
fn the_fullest_page_stays_below_twenty_kilobytes() {
    let permits = BTreeSet::from([Permit::Read, Permit::Start, Permit::KeepAwake]);
    let token = signed(&Capability { subject: Subject::Fleet, permits, expires_at: in_an_hour() });
    for text in hostile() {
        for key in ["doze:after", "doze:schedule", "doze:keep-until"] {
            let mut fleet = FakeFleet::default();
            for number in 1..=45 {
                fleet.add(number, |instance| {
                    instance.instance_type = InstanceType::from_name("u7inh-32tb.480xlarge");
                    instance.state = if number % 2 == 0 { InstanceState::Stopped } else { InstanceState::Running };
                    tag(instance, "Name", &text);
                    tag(instance, key, &text);
                    tag(instance, "doze:start-owed-since", "2026-11-21T19:50:00Z");
                });
            }
            let mut site = Site::of(fleet);
            site.settings.mode = Mode::DryRun;
            let seen = site.get(&format!("/instances?page=2&token={token}"));
            assert_is_harmless(&seen);
        }
    }
}
