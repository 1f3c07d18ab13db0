//! The settings of `wake`, each with its default.

use idleness::Mode;
use jiff::SignedDuration;
use wake::Settings;

fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
    Settings::read(&variables.iter().copied().collect()).map_err(|error| error.to_string())
}

#[test]
fn nothing_set_is_a_dry_run_with_a_hold_of_an_hour() {
    let hold = SignedDuration::from_hours(1);
    let expected = Settings { mode: Mode::DryRun, hold, max_keep_hours: 24, link_key: None, function: None };
    assert_eq!(read(&[]), Ok(expected.clone()));
    assert_eq!(read(&[("DOZE_MODE", ""), ("DOZE_HOLD_MINUTES", " "), ("DOZE_LINK_KEY", "")]), Ok(expected));
}

#[test]
fn each_setting_is_read() {
    let settings = read(&[
        ("DOZE_MODE", "enforce"),
        ("DOZE_HOLD_MINUTES", "0"),
        ("DOZE_MAX_KEEP_HOURS", "168"),
        ("DOZE_LINK_KEY", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:doze-AbCdEf"),
    ]);
    let link_key = Some("arn:aws:secretsmanager:eu-west-1:123456789012:secret:doze-AbCdEf".to_owned());
    assert_eq!(
        settings,
        Ok(Settings { mode: Mode::Enforce, hold: SignedDuration::ZERO, max_keep_hours: 168, link_key, function: None })
    );
}

#[test]
fn each_error_names_its_variable_and_what_is_expected() {
    for (variable, value, expected) in [
        ("DOZE_MODE", "on", r#"DOZE_MODE is "on": expected `dry-run` or `enforce`"#),
        (
            "DOZE_HOLD_MINUTES",
            "1441",
            r#"DOZE_HOLD_MINUTES is "1441": expected a whole number of minutes from 0 to 1440"#,
        ),
        ("DOZE_HOLD_MINUTES", "1h", r#"DOZE_HOLD_MINUTES is "1h": expected a whole number of minutes from 0 to 1440"#),
        ("DOZE_MAX_KEEP_HOURS", "0", r#"DOZE_MAX_KEEP_HOURS is "0": expected a whole number of hours from 1 to 168"#),
        (
            "DOZE_MAX_KEEP_HOURS",
            "169",
            r#"DOZE_MAX_KEEP_HOURS is "169": expected a whole number of hours from 1 to 168"#,
        ),
    ] {
        assert_eq!(read(&[(variable, value)]), Err(expected.to_owned()));
    }
}
