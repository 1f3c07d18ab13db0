#![doc = include_str!("../README.md")]

mod keep;
mod prices;
mod rules;

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    ops::RangeInclusive,
    str::FromStr,
};

pub use keep::{KEEP_HOURS, max_keep_hours};
pub use prices::prices;
pub use rules::rules;

/// Environment variables by name.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

/// By names alone: Lambda puts its credentials there.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The environment of this process. A variable that is not Unicode counts as absent.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn of_process() -> Self {
        let unicode =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        unicode.collect()
    }

    /// The text of a variable, without white space around it; `None` if it is absent or blank. Templates pass on blank
    /// parameters as blank variables.
    #[must_use]
    pub fn text(&self, variable: &str) -> Option<&str> {
        self.verbatim(variable).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The text of a variable as it is; `None` if it is absent.
    #[must_use]
    pub fn verbatim(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str)
    }

    /// The parsed value of a variable, `None` if it is absent or blank.
    ///
    /// # Errors
    /// The text does not parse.
    pub fn parsed<T>(&self, variable: &'static str) -> Result<Option<T>, InvalidSetting>
    where
        T: FromStr<Err: Display>,
    {
        let parse =
            |text: &str| text.parse().map_err(|expected: T::Err| InvalidSetting::new(variable, text, &expected));
        self.text(variable).map(parse).transpose()
    }

    /// The whole number of a variable, in a unit such as `minutes`, or the default if it is absent or blank.
    ///
    /// # Errors
    /// The text is no whole number, or not within the range.
    pub fn whole_number(
        &self,
        variable: &'static str,
        unit: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, InvalidSetting> {
        let Some(text) = self.text(variable) else { return Ok(default) };
        let of = if unit.is_empty() { String::new() } else { format!(" of {unit}") };
        let expected = format!("expected a whole number{of} from {} to {}", range.start(), range.end());
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.ok_or_else(|| InvalidSetting::new(variable, text, &expected))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(variables: T) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// A setting that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable} is {found:?}: {expected}")]
pub struct InvalidSetting {
    variable: &'static str,
    found: String,
    expected: String,
}

impl InvalidSetting {
    /// The error for `variable`, which holds `found`.
    pub fn new(variable: &'static str, found: &str, expected: &impl Display) -> Self {
        const SHOWN_CHARACTERS: usize = 100;
        let found = found.chars().take(SHOWN_CHARACTERS).collect();
        // A parser's words may quote what it found, lines and all; an error is one line.
        Self { variable, found, expected: expected.to_string().replace(char::is_control, " ") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_is_absent_and_space_is_trimmed() {
        let environment = Environment::from_iter([("A", ""), ("B", "  "), ("C", " 7 ")]);
        assert_eq!(environment.text("A"), None);
        assert_eq!(environment.parsed::<u32>("B"), Ok(None));
        assert_eq!(environment.parsed::<u32>("C"), Ok(Some(7)));
        assert_eq!(environment.parsed::<u32>("D"), Ok(None));
    }

    #[test]
    fn values_are_not_shown() {
        let environment = Environment::from_iter([("AWS_SECRET_ACCESS_KEY", "hunter2"), ("AWS_REGION", "eu-west-1")]);
        assert_eq!(format!("{environment:?}"), r#"{"AWS_REGION", "AWS_SECRET_ACCESS_KEY"}"#);
    }

    #[test]
    fn an_error_names_the_variable_and_shows_what_was_found() {
        let environment = Environment::from_iter([("A", "x\ny")]);
        let error = environment.parsed::<u32>("A").expect_err("is no number");
        assert_eq!(error.to_string(), r#"A is "x\ny": invalid digit found in string"#);
    }

    #[test]
    fn an_error_is_one_line_whatever_its_parser_quotes() {
        let error = InvalidSetting::new("A", "x", &"unknown unit `\n\u{1b}[2J`");
        assert_eq!(error.to_string(), r#"A is "x": unknown unit `  [2J`"#);
    }
}
