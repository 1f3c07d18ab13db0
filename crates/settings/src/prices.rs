//! What instances cost, as far as somebody said.

use idleness::Prices;

use crate::{Environment, InvalidSetting};

/// `DOZE_PRICES`: what instance types cost, as JSON, type to USD an hour. Default: none is known.
///
/// # Errors
/// It does not parse; the error names the variable.
pub fn prices(environment: &Environment) -> Result<Prices, InvalidSetting> {
    let variable = "DOZE_PRICES";
    let Some(json) = environment.text(variable) else { return Ok(Prices::default()) };
    Prices::parse(json).map_err(|error| InvalidSetting::new(variable, json, &error))
}
