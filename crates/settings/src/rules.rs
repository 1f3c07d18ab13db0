//! The settings that say when an instance counts as idle: every function that decides reads the same.

use idleness::{Policies, Rules};
use jiff::SignedDuration;

use crate::{Environment, InvalidSetting};

/// A week: an announcement that nobody remembers is none.
const LONGEST_GRACE_MINUTES: u32 = 7 * 24 * 60;

/// The rules that `DOZE_POLICY` (default `dev-box`), `DOZE_POLICIES` (policies beside the presets, as JSON) and
/// `DOZE_GRACE_MINUTES` (default 0, at most a week) make.
///
/// # Errors
/// One of them does not parse; the error names it.
pub fn rules(environment: &Environment) -> Result<Rules, InvalidSetting> {
    let grace = environment.whole_number("DOZE_GRACE_MINUTES", "minutes", 0, 0..=LONGEST_GRACE_MINUTES)?;
    Ok(Rules { policies: policies(environment)?, grace: SignedDuration::from_mins(i64::from(grace)) })
}

fn policies(environment: &Environment) -> Result<Policies, InvalidSetting> {
    const CUSTOM: &str = "DOZE_POLICIES";
    const DEFAULT: &str = "DOZE_POLICY";
    let policies = match environment.text(CUSTOM) {
        Some(json) => Policies::parse(json).map_err(|error| InvalidSetting::new(CUSTOM, json, &error))?,
        None => Policies::default(),
    };
    match environment.text(DEFAULT) {
        Some(name) => policies.with_default(name).map_err(|error| InvalidSetting::new(DEFAULT, name, &error)),
        None => Ok(policies),
    }
}
