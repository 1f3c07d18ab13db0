//! The settings of `wake`, each with its default.

use idleness::Mode;
use jiff::SignedDuration;
use settings::{Environment, InvalidSetting, max_keep_hours};

const DEFAULT_HOLD_MINUTES: u32 = 60;
const LONGEST_HOLD_MINUTES: u32 = 24 * 60;

/// What the function was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `DOZE_MODE`: whether anything is changed. Default: it is not.
    pub mode: Mode,
    /// `DOZE_HOLD_MINUTES` (default 60, at most a day): for how long a started instance is held awake.
    pub hold: SignedDuration,
    /// `DOZE_MAX_KEEP_HOURS` (default 24, at most 168): for how long one click keeps an instance awake at most.
    pub max_keep_hours: u32,
    /// `DOZE_LINK_KEY`: the ARN of the secret that signs links.
    pub link_key: Option<String>,
    /// `AWS_LAMBDA_FUNCTION_NAME`, Lambda's own: under what name CloudWatch counts. Default: nothing is counted.
    pub function: Option<String>,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting does not parse; the error names its variable.
    pub fn read(environment: &Environment) -> Result<Self, InvalidSetting> {
        let hold = ("DOZE_HOLD_MINUTES", "minutes", DEFAULT_HOLD_MINUTES, 0..=LONGEST_HOLD_MINUTES);
        let hold_minutes = environment.whole_number(hold.0, hold.1, hold.2, hold.3)?;
        Ok(Self {
            mode: environment.parsed("DOZE_MODE")?.unwrap_or_default(),
            hold: SignedDuration::from_mins(i64::from(hold_minutes)),
            max_keep_hours: max_keep_hours(environment)?,
            link_key: environment.text("DOZE_LINK_KEY").map(str::to_owned),
            function: environment.text("AWS_LAMBDA_FUNCTION_NAME").map(str::to_owned),
        })
    }
}
