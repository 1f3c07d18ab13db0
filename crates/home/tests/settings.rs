//! The settings of `home`, each with its default.

use home::Settings;
use idleness::{Mode, Prices, Rules};
use jiff::SignedDuration;

fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
    Settings::read(&variables.iter().copied().collect()).map_err(|error| error.to_string())
}

#[test]
fn nothing_set_is_a_dry_run_by_the_default_rules_without_links() {
    let expected = Settings {
        mode: Mode::DryRun,
        rules: Rules::default(),
        max_keep_hours: 24,
        prices: Prices::default(),
        link_key: None,
    };
    assert_eq!(read(&[]), Ok(expected.clone()));
    assert_eq!(read(&[("DOZE_MODE", ""), ("DOZE_LINK_KEY", " "), ("DOZE_MAX_KEEP_HOURS", "")]), Ok(expected));
}

#[test]
fn each_setting_is_read() {
    let settings = read(&[
        ("DOZE_MODE", "enforce"),
        ("DOZE_POLICY", "gcp"),
        ("DOZE_GRACE_MINUTES", "30"),
        ("DOZE_MAX_KEEP_HOURS", "168"),
        ("DOZE_LINK_KEY", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:doze-AbCdEf"),
    ])
    .expect("is valid");
    assert_eq!((settings.mode, settings.max_keep_hours), (Mode::Enforce, 168));
    assert_eq!(settings.rules.policies.default_policy().name, "gcp");
    assert_eq!(settings.rules.grace, SignedDuration::from_mins(30));
    assert_eq!(settings.link_key.as_deref(), Some("arn:aws:secretsmanager:eu-west-1:123456789012:secret:doze-AbCdEf"));
}

#[test]
fn each_error_names_its_variable_and_what_is_expected() {
    for (variable, value, expected) in [
        ("DOZE_MODE", "Enforce", r#"DOZE_MODE is "Enforce": expected `dry-run` or `enforce`"#),
        ("DOZE_MAX_KEEP_HOURS", "0", r#"DOZE_MAX_KEEP_HOURS is "0": expected a whole number of hours from 1 to 168"#),
        (
            "DOZE_MAX_KEEP_HOURS",
            "169",
            r#"DOZE_MAX_KEEP_HOURS is "169": expected a whole number of hours from 1 to 168"#,
        ),
        ("DOZE_MAX_KEEP_HOURS", "4h", r#"DOZE_MAX_KEEP_HOURS is "4h": expected a whole number of hours from 1 to 168"#),
    ] {
        assert_eq!(read(&[(variable, value)]), Err(expected.to_owned()));
    }
}
