//! The settings of the scheduler, each with its default.

use std::fmt::Display;

use idleness::{Caps, Mode, Percent, Policy};
use settings::{Environment, InvalidSetting};

const DEFAULT_MAX_STOPS: usize = 25;
const DEFAULT_MAX_STOPS_PERCENT: u8 = 50;
/// Every stop is listed in the report with all its evidence, and the report must stay below 1 MB.
const LARGEST_MAX_STOPS: usize = 1000;

/// What the scheduler was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `DOZE_MODE`: whether the plan is carried out. Default: it is not.
    pub mode: Mode,
    /// `DOZE_POLICY`: when an instance counts as idle. Default: `dev-box`.
    pub policy: Policy,
    /// `DOZE_MAX_STOPS` (default 25, at most 1,000) and `DOZE_MAX_STOPS_PERCENT` (default 50): how many may be stopped
    /// in a rolling hour.
    pub caps: Caps,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting does not parse, or asks for what this version cannot do; the error names its variable.
    pub fn read(environment: &Environment) -> Result<Self, InvalidSetting> {
        refuse_unless(environment, "DOZE_GRACE_MINUTES", "0", &"this version stops without grace; expected `0`")?;
        refuse_unless(environment, "DOZE_POLICIES", "{}", &"this version has no custom policies; expected `{}`")?;
        Ok(Self {
            mode: environment.parsed("DOZE_MODE")?.unwrap_or_default(),
            policy: policy(environment)?,
            caps: Caps { stops: max_stops(environment)?, share: max_stops_percent(environment)? },
        })
    }
}

/// A setting that is understood and not supported must not be passed over in silence.
fn refuse_unless(
    environment: &Environment,
    variable: &'static str,
    supported: &str,
    expected: &impl Display,
) -> Result<(), InvalidSetting> {
    match environment.text(variable) {
        Some(found) if found != supported => Err(InvalidSetting::new(variable, found, expected)),
        _ => Ok(()),
    }
}

fn policy(environment: &Environment) -> Result<Policy, InvalidSetting> {
    const VARIABLE: &str = "DOZE_POLICY";
    let Some(name) = environment.text(VARIABLE) else { return Ok(Policy::dev_box()) };
    Policy::named(name).map_err(|expected| InvalidSetting::new(VARIABLE, name, &expected))
}

fn max_stops(environment: &Environment) -> Result<usize, InvalidSetting> {
    const VARIABLE: &str = "DOZE_MAX_STOPS";
    let Some(text) = environment.text(VARIABLE) else { return Ok(DEFAULT_MAX_STOPS) };
    let expected = format!("expected a whole number from 0 to {LARGEST_MAX_STOPS}");
    let stops = text.parse().ok().filter(|stops| *stops <= LARGEST_MAX_STOPS);
    stops.ok_or_else(|| InvalidSetting::new(VARIABLE, text, &expected))
}

fn max_stops_percent(environment: &Environment) -> Result<Percent, InvalidSetting> {
    const DEFAULT: Percent = match Percent::new(DEFAULT_MAX_STOPS_PERCENT) {
        Ok(percent) => percent,
        Err(_) => Percent::ALL,
    };
    Ok(environment.parsed("DOZE_MAX_STOPS_PERCENT")?.unwrap_or(DEFAULT))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(&variables.iter().copied().collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_set_is_a_dry_run_of_the_default_policy_under_caps() {
        let settings = read(&[]).expect("the defaults are valid");
        assert_eq!(settings.mode, Mode::DryRun);
        assert_eq!(settings.policy, Policy::dev_box());
        assert_eq!(settings.caps, Caps { stops: 25, share: Percent::new(50).expect("a share") });
        assert_eq!(read(&[("DOZE_MODE", ""), ("DOZE_MAX_STOPS", " "), ("DOZE_GRACE_MINUTES", "")]), Ok(settings));
    }

    #[test]
    fn each_setting_is_read() {
        let settings = read(&[
            ("DOZE_MODE", "enforce"),
            ("DOZE_POLICY", "dev-box"),
            ("DOZE_MAX_STOPS", "3"),
            ("DOZE_MAX_STOPS_PERCENT", "100"),
            ("DOZE_GRACE_MINUTES", "0"),
            ("DOZE_POLICIES", "{}"),
            ("PATH", "/usr/bin"),
        ])
        .expect("is valid");
        assert_eq!((settings.mode, settings.caps), (Mode::Enforce, Caps { stops: 3, share: Percent::ALL }));
    }

    #[test]
    fn each_error_names_its_variable_and_what_is_expected() {
        for (variable, value, expected) in [
            ("DOZE_MODE", "on", r#"DOZE_MODE is "on": expected `dry-run` or `enforce`"#),
            ("DOZE_POLICY", "gcp", r#"DOZE_POLICY is "gcp": expected `dev-box`, the one policy of this version"#),
            ("DOZE_MAX_STOPS", "-1", r#"DOZE_MAX_STOPS is "-1": expected a whole number from 0 to 1000"#),
            ("DOZE_MAX_STOPS", "1001", r#"DOZE_MAX_STOPS is "1001": expected a whole number from 0 to 1000"#),
            (
                "DOZE_MAX_STOPS_PERCENT",
                "50%",
                r#"DOZE_MAX_STOPS_PERCENT is "50%": expected a whole number from 0 to 100"#,
            ),
            (
                "DOZE_MAX_STOPS_PERCENT",
                "101",
                r#"DOZE_MAX_STOPS_PERCENT is "101": expected a whole number from 0 to 100"#,
            ),
            (
                "DOZE_GRACE_MINUTES",
                "30",
                r#"DOZE_GRACE_MINUTES is "30": this version stops without grace; expected `0`"#,
            ),
            ("DOZE_POLICIES", "[]", r#"DOZE_POLICIES is "[]": this version has no custom policies; expected `{}`"#),
        ] {
            assert_eq!(read(&[(variable, value)]), Err(expected.to_owned()));
        }
    }
}
