//! What sleeps because of Doze, and what it would cost.

use crate::support::{instance, minutes_ago};
use idleness::{Instance, InstanceState, InstanceType, Prices, Savings, Transition};

/// Stopped by Doze, of this type.
fn asleep(number: u32, of_type: &str) -> Instance {
    let tags = [("doze", "on".to_owned()), ("doze:stopped-at", minutes_ago(60).to_string())];
    Instance {
        state: InstanceState::Stopped,
        launched_at: Some(minutes_ago(600)),
        instance_type: InstanceType::from_name(of_type),
        transition: Transition {
            code: Some("Client.UserInitiatedShutdown".to_owned()),
            at: Some(minutes_ago(60)),
            ..Transition::default()
        },
        tags: tags.iter().map(|(key, value)| (*key, value.as_str())).collect(),
        ..instance(number)
    }
}

fn prices() -> Prices {
    Prices::parse(r#"{"m7i.large": 0.1, "g5.xlarge": 1.0, "t3.nano": 0}"#).expect("is valid")
}

#[test]
fn each_type_counts_at_its_own_price_and_those_without_are_named() {
    let fleet = [asleep(1, "m7i.large"), asleep(2, "m7i.large"), asleep(3, "g5.xlarge"), asleep(4, "t3.nano")];
    let savings = Savings::of(&fleet, &prices());
    assert_eq!((savings.asleep, savings.unpriced.len()), (4, 0));
    assert!((savings.usd_per_hour - 1.2).abs() < 1e-12, "{}", savings.usd_per_hour);

    let fleet = [asleep(1, "m7i.large"), asleep(2, "x9.huge"), asleep(3, "x9.huge")];
    let savings = Savings::of(&fleet, &prices());
    assert_eq!((savings.asleep, savings.unpriced.into_iter().collect::<Vec<_>>()), (3, vec!["x9.huge".to_owned()]));
}

#[test]
fn only_what_doze_put_to_sleep_and_what_still_sleeps_is_its_merit() {
    let mut awake = asleep(1, "m7i.large");
    awake.state = InstanceState::Running;
    let mut stopping = asleep(2, "m7i.large");
    stopping.state = InstanceState::Stopping;
    let mut by_a_person = asleep(3, "m7i.large");
    by_a_person.transition.at = Some(minutes_ago(5));
    let mut never = asleep(4, "m7i.large");
    never.tags = [("doze", "on")].into_iter().collect();
    assert_eq!(Savings::of(&[awake, stopping, by_a_person, never], &prices()), Savings::default());
}

#[test]
fn prices_that_are_none_are_refused() {
    for (text, expected) in [
        ("", "EOF while parsing"),
        ("[]", "invalid type"),
        (r#"{"t3.nano": null}"#, "invalid type"),
        (r#"{"t3.nano": 1e999}"#, "number out of range"),
        (r#"{"t3.nano": -0.1}"#, "at t3.nano: expected a price of 0 or more"),
    ] {
        let error = Prices::parse(text).expect_err("it tells no prices").to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
