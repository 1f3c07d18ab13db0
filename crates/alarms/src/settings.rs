//! The settings of this function.

use idleness::Rules;
use settings::{Environment, InvalidSetting, rules};

use crate::wanted::Naming;

/// What the function was told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `DOZE_POLICY` and `DOZE_POLICIES`: what an alarm looks for. Alarms can be taken away without.
    pub rules: Result<Rules, InvalidSetting>,
    /// `DOZE_ALARM_PREFIX` and `DOZE_ALARM_ACTION`: what the alarms are called, and what they invoke.
    pub naming: Naming,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// What the alarms are called, or invoke, is missing; the error names the variable.
    pub fn read(environment: &Environment) -> Result<Self, InvalidSetting> {
        let needed = |variable, expected: &'static str| match environment.text(variable) {
            Some(text) => Ok(text.to_owned()),
            None => Err(InvalidSetting::new(variable, "", &expected)),
        };
        let prefix = needed("DOZE_ALARM_PREFIX", "expected how the alarms' names begin")?;
        let action = needed("DOZE_ALARM_ACTION", "expected the ARN of the function that the alarms invoke")?;
        Ok(Self { rules: rules(environment), naming: Naming { prefix, action } })
    }
}
