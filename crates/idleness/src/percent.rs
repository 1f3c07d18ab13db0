//! Shares of a whole.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share from 0 to 100, whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Percent(u8);

impl Percent {
    /// 0 %.
    pub const NONE: Self = Self(0);
    /// 100 %.
    pub const ALL: Self = Self(100);

    /// A share, if `value` is from 0 to 100.
    ///
    /// # Errors
    /// `value` is above 100.
    pub const fn new(value: u8) -> Result<Self, InvalidPercent> {
        if value <= 100 { Ok(Self(value)) } else { Err(InvalidPercent) }
    }

    /// This share of `whole`, rounded down.
    #[must_use]
    pub fn of_rounded_down(self, whole: usize) -> usize {
        whole.saturating_mul(usize::from(self.0)) / 100
    }

    /// This share of `whole`, rounded up.
    #[must_use]
    pub fn of_rounded_up(self, whole: usize) -> usize {
        whole.saturating_mul(usize::from(self.0)).div_ceil(100)
    }
}

impl TryFrom<u8> for Percent {
    type Error = InvalidPercent;

    fn try_from(value: u8) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> Self {
        percent.0
    }
}

/// A number that is no share.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a whole number from 0 to 100")]
pub struct InvalidPercent;

impl FromStr for Percent {
    type Err = InvalidPercent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text.parse().map_err(|_| InvalidPercent)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_round_the_way_their_names_say() {
        let half = Percent::new(50).expect("a share");
        assert_eq!((half.of_rounded_down(5), half.of_rounded_up(5)), (2, 3));
        assert_eq!((Percent::ALL.of_rounded_down(7), Percent::ALL.of_rounded_up(7)), (7, 7));
        assert_eq!((Percent::NONE.of_rounded_down(7), Percent::NONE.of_rounded_up(7)), (0, 0));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        assert_eq!("101".parse::<Percent>(), Err(InvalidPercent));
        assert_eq!("-1".parse::<Percent>(), Err(InvalidPercent));
        assert_eq!("100".parse::<Percent>(), Ok(Percent::ALL));
        assert_eq!(serde_json::from_str::<Percent>("100").ok(), Some(Percent::ALL));
        assert!(serde_json::from_str::<Percent>("101").is_err());
        assert_eq!(serde_json::to_string(&Percent::ALL).ok().as_deref(), Some("100"));
    }
}
