//! The settings of the scheduler, each with its default.

use idleness::{Caps, Mode, Percent, Prices, Rules};
use jiff::SignedDuration;
use settings::{Environment, InvalidSetting, KEEP_HOURS, max_keep_hours, prices, rules};

const DEFAULT_MAX_STOPS: u32 = 25;
const DEFAULT_MAX_STOPS_PERCENT: u8 = 50;
/// A week: whoever finds the message on Monday can still use it.
const DEFAULT_LINK_HOURS: u32 = 7 * 24;
const LONGEST_LINK_HOURS: u32 = 30 * 24;
/// Every stop is listed in the report with all its evidence, and the report must stay below 1 MB.
const LARGEST_MAX_STOPS: u32 = 1000;

/// What the scheduler was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `DOZE_MODE`: whether the plan is carried out. Default: it is not.
    pub mode: Mode,
    /// `DOZE_POLICY`: when an instance counts as idle, unless its tag says otherwise. Default: `dev-box`. `DOZE_POLICIES`:
    /// policies beside the presets, as JSON. `DOZE_GRACE_MINUTES` (default 0, at most a week): how long before its stop an
    /// idle instance is announced.
    pub rules: Rules,
    /// `DOZE_MAX_STOPS` (default 25, at most 1,000) and `DOZE_MAX_STOPS_PERCENT` (default 50): how many may be stopped
    /// in a rolling hour.
    pub caps: Caps,
    /// `DOZE_PRICES`: what instance types cost, as JSON, type to USD an hour. Default: none is known.
    pub prices: Prices,
    /// `DOZE_TOPIC`: the ARN of the SNS topic that hears of each run. Default: none.
    pub topic: Option<String>,
    /// `DOZE_URL`, `DOZE_LINK_KEY`, `DOZE_LINK_HOURS` and `DOZE_MAX_KEEP_HOURS`: the links in its messages. Default: none.
    pub links: Option<Links>,
}

/// Links to the pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// `DOZE_URL`: the address of the HTTP API, without the last slash.
    pub url: String,
    /// `DOZE_LINK_KEY`: the ARN of the secret that signs them.
    pub key: String,
    /// `DOZE_LINK_HOURS` (default 168, at most 720): for how long a link is good.
    pub good_for: SignedDuration,
    /// For how many hours their pages keep an instance awake, unless somebody says otherwise: 4, or `DOZE_MAX_KEEP_HOURS` if that
    /// is less.
    pub keep_hours: u32,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting does not parse; the error names its variable.
    pub fn read(environment: &Environment) -> Result<Self, InvalidSetting> {
        Ok(Self {
            mode: environment.parsed("DOZE_MODE")?.unwrap_or_default(),
            rules: rules(environment)?,
            caps: Caps { stops: max_stops(environment)?, share: max_stops_percent(environment)? },
            prices: prices(environment)?,
            topic: environment.text("DOZE_TOPIC").map(str::to_owned),
            links: links(environment)?,
        })
    }
}

/// Links need an address and a key; with one of them alone, somebody meant to have links and has none.
fn links(environment: &Environment) -> Result<Option<Links>, InvalidSetting> {
    let good_for = environment.whole_number("DOZE_LINK_HOURS", "hours", DEFAULT_LINK_HOURS, 1..=LONGEST_LINK_HOURS)?;
    let good_for = SignedDuration::from_hours(i64::from(good_for));
    match (environment.text("DOZE_URL"), environment.text("DOZE_LINK_KEY")) {
        (None, None) => Ok(None),
        (Some(url), Some(key)) => {
            let keep_hours = KEEP_HOURS.min(max_keep_hours(environment)?);
            Ok(Some(Links { url: url.trim_end_matches('/').to_owned(), key: key.to_owned(), good_for, keep_hours }))
        }
        (Some(url), None) => Err(InvalidSetting::new("DOZE_URL", url, &"expected DOZE_LINK_KEY beside it")),
        (None, Some(key)) => Err(InvalidSetting::new("DOZE_LINK_KEY", key, &"expected DOZE_URL beside it")),
    }
}

fn max_stops(environment: &Environment) -> Result<usize, InvalidSetting> {
    let stops = environment.whole_number("DOZE_MAX_STOPS", "", DEFAULT_MAX_STOPS, 0..=LARGEST_MAX_STOPS)?;
    Ok(usize::try_from(stops).unwrap_or(usize::MAX))
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
        assert_eq!(settings.rules, Rules::default());
        assert_eq!(settings.rules.policies.default_policy().name, "dev-box");
        assert_eq!(settings.caps, Caps { stops: 25, share: Percent::new(50).expect("a share") });
        assert_eq!(read(&[("DOZE_MODE", ""), ("DOZE_MAX_STOPS", " "), ("DOZE_GRACE_MINUTES", "")]), Ok(settings));
    }

    #[test]
    fn each_setting_is_read() {
        let settings = read(&[
            ("DOZE_MODE", "enforce"),
            ("DOZE_POLICY", "night"),
            ("DOZE_MAX_STOPS", "3"),
            ("DOZE_MAX_STOPS_PERCENT", "100"),
            ("DOZE_GRACE_MINUTES", "30"),
            ("DOZE_POLICIES", r#"{"night": {"lookback_minutes": 240}}"#),
            ("PATH", "/usr/bin"),
        ])
        .expect("is valid");
        assert_eq!((settings.mode, settings.caps), (Mode::Enforce, Caps { stops: 3, share: Percent::ALL }));
        assert_eq!(settings.rules.policies.default_policy().lookback, SignedDuration::from_hours(4));
        assert_eq!(settings.rules.grace, SignedDuration::from_mins(30));
    }

    #[test]
    fn each_error_names_its_variable_and_what_is_expected() {
        for (variable, value, expected) in [
            ("DOZE_MODE", "on", r#"DOZE_MODE is "on": expected `dry-run` or `enforce`"#),
            (
                "DOZE_POLICY",
                "GCP",
                "DOZE_POLICY is \"GCP\": expected one of `compute-optimizer`, `cost-explorer`, `dev-box`, `gcp`, \
                 `trusted-advisor`",
            ),
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
                "10081",
                r#"DOZE_GRACE_MINUTES is "10081": expected a whole number of minutes from 0 to 10080"#,
            ),
            (
                "DOZE_POLICIES",
                r#"{"dev-box": {"lookback": 60}}"#,
                "DOZE_POLICIES is \"{\\\"dev-box\\\": {\\\"lookback\\\": 60}}\": at dev-box.lookback: unknown field `lookback`, \
                 expected one of `based_on`, `lookback_minutes`, `minimum_uptime_minutes`, `coverage_percent`, `sessions`, \
                 `signals` at line 1 column 23",
            ),
            (
                "DOZE_PRICES",
                r#"{"m7i.large": "0.1"}"#,
                "DOZE_PRICES is \"{\\\"m7i.large\\\": \\\"0.1\\\"}\": expected a JSON object, type to USD an hour, such as \
                 {\"m7i.large\":0.1008}: invalid type: string \"0.1\", expected f64 at line 1 column 19",
            ),
            (
                "DOZE_PRICES",
                r#"{"t3.nano": -1}"#,
                "DOZE_PRICES is \"{\\\"t3.nano\\\": -1}\": at t3.nano: expected a price of 0 or more",
            ),
        ] {
            assert_eq!(read(&[(variable, value)]), Err(expected.to_owned()));
        }
    }
}
