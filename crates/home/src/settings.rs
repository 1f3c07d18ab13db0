//! What the home page is told about the installation.

use idleness::Mode;
use settings::{Environment, InvalidSetting};

/// The settings of this function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether Doze stops instances here, or only says which it would.
    pub mode: Mode,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// A setting does not parse; the error names its variable.
    pub fn read(environment: &Environment) -> Result<Self, InvalidSetting> {
        Ok(Self { mode: environment.parsed("DOZE_MODE")?.unwrap_or_default() })
    }
}
