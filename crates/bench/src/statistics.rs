//! From figures of several rounds to one that can be compared. Pure.

use serde::Serialize;

/// How a figure spread over the rounds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// The smallest.
    pub min: f64,
    /// A quarter lie below.
    pub p25: f64,
    /// Half of them lie below.
    pub median: f64,
    /// Three quarters lie below.
    pub p75: f64,
    /// 99 of 100 lie below.
    pub p99: f64,
    /// The largest.
    pub max: f64,
    /// How many there were.
    pub rounds: usize,
}

impl Spread {
    /// The spread of these figures; `None` of none.
    #[must_use]
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let at = |percent| percentile(&sorted, percent);
        Some(Self { min, p25: at(25), median: at(50), p75: at(75), p99: at(99), max, rounds: sorted.len() })
    }
}

/// The figure below which so many percent lie, between two neighbours in proportion. The figures are sorted, and there is one.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let (whole, part) = ((sorted.len() - 1) * percent / 100, (sorted.len() - 1) * percent % 100);
    let above = sorted[(whole + 1).min(sorted.len() - 1)];
    sorted[whole] + (above - sorted[whole]) * f64::from(u32::try_from(part).expect("is below 100")) / 100.0
}

/// The ratio of two figures of each round. What disturbs a round disturbs both, and cancels out. A round that only one of them
/// has is left out.
pub(crate) fn paired_ratios<'a>(of: &'a [f64], to: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    of.iter().zip(to).filter(|(_, to)| **to > 0.0).map(|(of, to)| of / to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_ends_and_the_middle() {
        let spread = Spread::of([5.0, 1.0, 3.0, 2.0, 4.0]).unwrap();
        assert_eq!((spread.min, spread.p25, spread.median, spread.p75, spread.max), (1.0, 2.0, 3.0, 4.0, 5.0));
        assert_eq!(spread.rounds, 5);
    }

    #[test]
    fn between_two_figures_lies_their_mean() {
        assert_eq!(Spread::of([1.0, 2.0]).map(|spread| spread.median), Some(1.5));
    }

    #[test]
    fn one_figure_is_its_own_spread_and_none_has_none() {
        let spread = Spread::of([7.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.p99, spread.max), (7.0, 7.0, 7.0, 7.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn of_hundred_and_one_figures_the_last_but_one_is_the_99th_percentile() {
        assert_eq!(Spread::of((0..=100).map(f64::from)).map(|spread| spread.p99), Some(99.0));
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        // The second round was disturbed: twice as long for both.
        let ratios: Vec<f64> = paired_ratios(&[3.0, 6.0], &[1.0, 2.0]).collect();
        assert_eq!(ratios, [3.0, 3.0]);
        assert_eq!(paired_ratios(&[3.0], &[0.0]).count(), 0);
    }
}
