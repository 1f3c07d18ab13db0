//! For how long a click keeps an instance awake: what a link offers, its page shows and the function grants.

use crate::{Environment, InvalidSetting};

/// How long it is where nobody says.
pub const KEEP_HOURS: u32 = 4;
const DEFAULT_MAX_KEEP_HOURS: u32 = 24;
const LONGEST_KEEP_HOURS: u32 = 168;

/// `DOZE_MAX_KEEP_HOURS` (default 24, at most 168): for how long one click keeps an instance awake at most.
///
/// # Errors
/// It does not parse; the error names the variable.
pub fn max_keep_hours(environment: &Environment) -> Result<u32, InvalidSetting> {
    environment.whole_number("DOZE_MAX_KEEP_HOURS", "hours", DEFAULT_MAX_KEEP_HOURS, 1..=LONGEST_KEEP_HOURS)
}
