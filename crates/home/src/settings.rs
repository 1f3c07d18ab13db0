//! What the pages are told about the installation.

use idleness::{Mode, Prices, Rules};
use settings::{Environment, InvalidSetting, max_keep_hours, prices, rules};

/// The settings of this function.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `DOZE_MODE`: whether Doze acts here, or only says what it would do.
    pub mode: Mode,
    /// `DOZE_POLICY`, `DOZE_POLICIES` and `DOZE_GRACE_MINUTES`: the rules that the scheduler decides by.
    pub rules: Rules,
    /// `DOZE_MAX_KEEP_HOURS` (default 24, at most 168): for how long one click keeps an instance awake at most.
    pub max_keep_hours: u32,
    /// `DOZE_PRICES`: what instance types cost, as JSON, type to USD an hour. Default: none is known.
    pub prices: Prices,
    /// `DOZE_LINK_KEY`: the ARN of the secret that signs links. Without it only the public page is shown.
    pub link_key: Option<String>,
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
            max_keep_hours: max_keep_hours(environment)?,
            prices: prices(environment)?,
            link_key: environment.text("DOZE_LINK_KEY").map(str::to_owned),
        })
    }
}
