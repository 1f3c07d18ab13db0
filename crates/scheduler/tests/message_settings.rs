//! The settings about messages and their links.

use jiff::SignedDuration;
use scheduler::{Links, Settings};

const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:doze";
const KEY: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:doze-AbCdEf";

fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
    Settings::read(&variables.iter().copied().collect()).map_err(|error| error.to_string())
}

fn links(variables: &[(&str, &str)]) -> Option<Links> {
    read(variables).expect("is valid").links
}

#[test]
fn without_a_topic_nobody_is_told_and_without_an_address_there_are_no_links() {
    for variables in [&[][..], &[("DOZE_TOPIC", ""), ("DOZE_URL", " "), ("DOZE_LINK_KEY", "")]] {
        let settings = read(variables).expect("is valid");
        assert_eq!((settings.topic, settings.links), (None, None));
    }
}

#[test]
fn each_setting_is_read() {
    let both = [("DOZE_URL", "https://doze.example"), ("DOZE_LINK_KEY", KEY)];
    let links_for = |url: &str, hours: i64| {
        Some(Links {
            url: url.to_owned(),
            key: KEY.to_owned(),
            good_for: SignedDuration::from_hours(hours),
            keep_hours: 4,
        })
    };
    assert_eq!(links(&both), links_for("https://doze.example", 168));
    for (hours, expected) in [("1", 1), ("24", 24), ("720", 720)] {
        assert_eq!(
            links(&[&both[..], &[("DOZE_LINK_HOURS", hours)]].concat()),
            links_for("https://doze.example", expected)
        );
    }
    let settings = read(&[("DOZE_TOPIC", TOPIC)]).expect("is valid");
    assert_eq!((settings.topic.as_deref(), settings.links), (Some(TOPIC), None), "messages do without links");
}

#[test]
fn the_address_may_end_in_a_slash() {
    for url in ["https://doze.example/", "https://doze.example//", "https://doze.example"] {
        let links = links(&[("DOZE_URL", url), ("DOZE_LINK_KEY", KEY)]).expect("there are links");
        assert_eq!(links.url, "https://doze.example");
    }
    let staged = links(&[("DOZE_URL", "https://doze.example/prod/"), ("DOZE_LINK_KEY", KEY)]).expect("there are links");
    assert_eq!(staged.url, "https://doze.example/prod");
}

#[test]
fn each_error_names_its_variable_and_what_is_expected() {
    for (variable, value, expected) in [
        ("DOZE_URL", "https://x", r#"DOZE_URL is "https://x": expected DOZE_LINK_KEY beside it"#),
        ("DOZE_LINK_KEY", "arn", r#"DOZE_LINK_KEY is "arn": expected DOZE_URL beside it"#),
        ("DOZE_LINK_HOURS", "0", r#"DOZE_LINK_HOURS is "0": expected a whole number of hours from 1 to 720"#),
        ("DOZE_LINK_HOURS", "721", r#"DOZE_LINK_HOURS is "721": expected a whole number of hours from 1 to 720"#),
        ("DOZE_LINK_HOURS", "week", r#"DOZE_LINK_HOURS is "week": expected a whole number of hours from 1 to 720"#),
    ] {
        assert_eq!(read(&[(variable, value)]), Err(expected.to_owned()));
    }
}
