//! What the command line asks for.

use std::ops::Range;

use traces::Sampling;

/// How to call the program.
pub(crate) const USAGE: &str = "\
usage: traces [--seeds N] [--seed S] [--diluted] [--details | --figures | --catalogue]

  --seeds N    how many seeds each trace is run with (20)
  --seed S     the first of them (1)
  --diluted    take basic monitoring for one mean of five minutes, not for five samples of a minute
  --details    list every trace, with what each preset said and why
  --figures    list the busiest five minutes of each trace's last hour: smallest, median, largest over the seeds
  --catalogue  print the catalogue as a document, and judge nothing";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// The seeds.
    pub(crate) seeds: Range<u64>,
    /// What basic monitoring records.
    pub(crate) sampling: Sampling,
    /// What to print.
    pub(crate) output: Output,
}

/// What to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// The score of each preset, and its false stops.
    Summary,
    /// Every trace, and the summary.
    Details,
    /// What each trace shows.
    Figures,
    /// The catalogue.
    Catalogue,
    /// How to call the program.
    Help,
}

/// Why the command line makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadArguments {
    /// There is no such option.
    #[error("unknown argument {0:?}")]
    Unknown(String),
    /// An option lacks its number.
    #[error("{0} needs a number, found {1:?}")]
    NoNumber(&'static str, String),
    /// So many seeds make no sense.
    #[error("--seeds needs a number from 1 to 10000, found {0}")]
    SeedsOutOfRange(u64),
}

impl Arguments {
    /// Reads the command line, without the program's name.
    ///
    /// # Errors
    /// An argument is unknown, or lacks its number.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, BadArguments> {
        const MOST_SEEDS: u64 = 10_000;
        let (mut count, mut first) = (20, 1);
        let (mut sampling, mut output) = (Sampling::Documented, Output::Summary);
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--seeds" => count = number("--seeds", arguments.next())?,
                "--seed" => first = number("--seed", arguments.next())?,
                "--diluted" => sampling = Sampling::Diluted,
                "--details" => output = Output::Details,
                "--figures" => output = Output::Figures,
                "--catalogue" => output = Output::Catalogue,
                "--help" | "-h" => output = Output::Help,
                _ => return Err(BadArguments::Unknown(argument)),
            }
        }
        if !(1..=MOST_SEEDS).contains(&count) {
            return Err(BadArguments::SeedsOutOfRange(count));
        }
        Ok(Self { seeds: first..first.saturating_add(count), sampling, output })
    }
}

fn number(option: &'static str, value: Option<String>) -> Result<u64, BadArguments> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| BadArguments::NoNumber(option, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, BadArguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_arguments_twenty_seeds_are_summed_up() {
        let expected = Arguments { seeds: 1..21, sampling: Sampling::Documented, output: Output::Summary };
        assert_eq!(parse(""), Ok(expected));
    }

    #[test]
    fn all_options_are_read() {
        let expected = Arguments { seeds: 7..10, sampling: Sampling::Diluted, output: Output::Details };
        assert_eq!(parse("--seeds 3 --seed 7 --diluted --details"), Ok(expected));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let error = |line: &str| parse(line).expect_err("it makes no sense").to_string();
        assert_eq!(error("--sedes 3"), "unknown argument \"--sedes\"");
        assert_eq!(error("--seeds"), "--seeds needs a number, found \"\"");
        assert_eq!(error("--seed -1"), "--seed needs a number, found \"-1\"");
        assert_eq!(error("--seeds 0"), "--seeds needs a number from 1 to 10000, found 0");
    }
}
