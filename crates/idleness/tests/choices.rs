//! Which policy counts: by name, by tag, by default.

use crate::support::{rules, tagged};
use idleness::{Policies, Policy, Rules};

fn parse(json: &str) -> Policies {
    Policies::parse(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn without_policies_of_ones_own_there_are_the_presets() {
    assert_eq!(parse("{}"), Policies::default());
    for preset in Policy::presets() {
        assert_eq!(Policies::default().named(&preset.name), Some(&preset));
    }
    assert_eq!(Policies::default().default_policy(), &Policy::dev_box());
    assert_eq!(Policies::default().named("lazy"), None);
}

#[test]
fn the_default_is_chosen_by_name() {
    let policies = parse(r#"{"mine": {"lookback_minutes": 90}}"#);
    for name in ["mine", "gcp", "dev-box"] {
        let chosen = policies.clone().with_default(name).expect("it is known");
        assert_eq!(chosen.default_policy(), policies.named(name).expect("it is known"));
        assert_eq!(chosen.named("mine"), policies.named("mine"), "the others are still there");
    }
}

#[test]
fn an_unknown_default_names_those_that_are_known() {
    let error = |policies: Policies, name: &str| policies.with_default(name).expect_err("is unknown").to_string();
    let presets = "`compute-optimizer`, `cost-explorer`, `dev-box`, `gcp`";
    for name in ["", "Dev-Box", " gcp", "mine"] {
        assert_eq!(error(Policies::default(), name), format!("expected one of {presets}, `trusted-advisor`"));
    }
    let with_own = format!("expected one of {presets}, `render`, `trusted-advisor`");
    assert_eq!(error(parse(r#"{"render": {}}"#), "lazy"), with_own);
    assert_eq!(error(Policies::only(Policy::gcp()), "dev-box"), "expected one of `gcp`");
}

#[test]
fn policies_with_blanks_inside_their_name_can_be_chosen_by_a_tag() {
    let policies = parse(r#"{"night shift": {"lookback_minutes": 90}}"#);
    let rules = Rules { policies, ..rules() };
    let instance = tagged(&[("doze:policy", "night shift")]);
    assert_eq!(rules.policy_of(&instance).name, "night shift");
}
