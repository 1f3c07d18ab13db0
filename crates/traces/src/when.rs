//! In which minutes something goes on.

use std::ops::Range;

use crate::random::Random;

/// A minute's number: whole minutes since the Unix epoch, UTC.
pub type MinuteNumber = i64;

/// Minutes of an hour.
pub const HOURS: i64 = 60;
/// Minutes of a day.
pub const DAYS: i64 = 24 * HOURS;

/// In which minutes something goes on. All lengths are whole minutes; "now" is the moment at which a policy is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// All the time.
    Always,
    /// From so long ago until now.
    Last(i64),
    /// Until so long ago.
    Until(i64),
    /// A run of the length `lasting` in each period of the length `every`. The seed chooses the phase.
    Every {
        /// From the start of a run to that of the next one.
        every: i64,
        /// The length of a run.
        lasting: i64,
    },
    /// The same, where the newest run started `started` minutes ago.
    Cycle {
        /// From the start of a run to that of the next one.
        every: i64,
        /// The length of a run.
        lasting: i64,
        /// How long ago the newest run started.
        started: i64,
    },
    /// A run on each of these days, starting at a minute of the day (UTC) and up to `delay` minutes later.
    Daily {
        /// On which days.
        days: Days,
        /// The minute of the day.
        at: i64,
        /// By how much the seed may delay the start, each day anew.
        delay: i64,
        /// The length of a run.
        lasting: i64,
    },
    /// Work and pauses in turn, of any length, but of these means.
    Bursts {
        /// The mean length of working.
        working: f64,
        /// The mean length of pausing.
        pausing: f64,
    },
    /// What both of them have in common.
    Both(Box<Self>, Box<Self>),
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Days {
    /// All of them.
    All,
    /// Monday to Friday.
    Working,
    /// Sundays.
    Sundays,
}

impl Days {
    const fn has(self, day: i64) -> bool {
        // The Unix epoch was a Thursday; Monday is 0.
        let weekday = (day + 3).rem_euclid(7);
        match self {
            Self::All => true,
            Self::Working => weekday < 5,
            Self::Sundays => weekday == 6,
        }
    }
}

impl When {
    /// Only while something else holds, too.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::Both(Box::new(self), Box::new(other))
    }

    /// Working hours of a person: from 8 or 9 o'clock for 8 hours on Monday to Friday, half of the time at the
    /// keyboard.
    #[must_use]
    pub fn office_hours() -> Self {
        let hours = Self::Daily { days: Days::Working, at: 8 * HOURS, delay: 60, lasting: 8 * HOURS };
        hours.and(Self::Bursts { working: 25.0, pausing: 20.0 })
    }

    /// For each minute of the span whether it goes on. What is drawn is drawn from the newest minute to the oldest, so
    /// that a longer span has the same newest minutes.
    pub(crate) fn minutes(&self, span: &Range<MinuteNumber>, random: &mut Random) -> Vec<bool> {
        let now = span.end;
        match self {
            Self::Always => each(span, |_| true),
            Self::Last(length) => each(span, |minute| minute >= now - length),
            Self::Until(ago) => each(span, |minute| minute < now - ago),
            Self::Every { every, lasting } => {
                let phase = random.below(*every);
                each(span, |minute| (minute + phase).rem_euclid(*every) < *lasting)
            }
            Self::Cycle { every, lasting, started } => {
                each(span, |minute| (minute - (now - started)).rem_euclid(*every) < *lasting)
            }
            Self::Daily { days, at, delay, lasting } => {
                let starts = daily_starts(span, *days, *at, *delay, random);
                runs(span, starts.map(|start| start..start + lasting))
            }
            Self::Bursts { working, pausing } => bursts(span, *working, *pausing, random),
            Self::Both(one, other) => {
                // Each draws its own numbers: how many one needs depends on the length of the span.
                let other = other.minutes(span, &mut random.forked());
                one.minutes(span, random).into_iter().zip(other).map(|(one, other)| one && other).collect()
            }
        }
    }
}

fn each(span: &Range<MinuteNumber>, goes_on: impl Fn(MinuteNumber) -> bool) -> Vec<bool> {
    span.clone().map(goes_on).collect()
}

fn daily_starts(
    span: &Range<MinuteNumber>,
    days: Days,
    at: i64,
    delay: i64,
    random: &mut Random,
) -> impl Iterator<Item = MinuteNumber> {
    // A run of the day before may reach into the first one.
    let numbers = span.start.div_euclid(DAYS) - 1..=span.end.div_euclid(DAYS);
    numbers.rev().filter(move |day| days.has(*day)).map(move |day| day * DAYS + at + random.below(delay + 1))
}

fn runs(span: &Range<MinuteNumber>, runs: impl Iterator<Item = Range<MinuteNumber>>) -> Vec<bool> {
    let mut minutes = each(span, |_| false);
    for run in runs {
        for minute in run.start.max(span.start)..run.end.min(span.end) {
            if let Ok(index) = usize::try_from(minute - span.start) {
                minutes[index] = true;
            }
        }
    }
    minutes
}

fn bursts(span: &Range<MinuteNumber>, working: f64, pausing: f64, random: &mut Random) -> Vec<bool> {
    let mut works = random.happens(working / (working + pausing));
    let mut left = random.length(if works { working } else { pausing });
    let mut minutes = each(span, |_| false);
    for minute in minutes.iter_mut().rev() {
        if left == 0 {
            works = !works;
            left = random.length(if works { working } else { pausing });
        }
        left -= 1;
        *minute = works;
    }
    minutes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(when: &When, span: Range<MinuteNumber>) -> String {
        let minutes = when.minutes(&span, &mut Random::of(1, "test", "when"));
        minutes.into_iter().map(|goes_on| if goes_on { '#' } else { '.' }).collect()
    }

    #[test]
    fn times_are_counted_back_from_now() {
        assert_eq!(marks(&When::Last(3), 100..108), ".....###");
        assert_eq!(marks(&When::Until(3), 100..108), "#####...");
        assert_eq!(marks(&When::Last(5).and(When::Until(3)), 100..108), "...##...");
        assert_eq!(marks(&When::Cycle { every: 4, lasting: 1, started: 2 }, 100..108), "..#...#.");
    }

    #[test]
    fn a_daily_run_starts_at_its_minute_of_the_day_and_may_reach_into_the_next() {
        let nightly = When::Daily { days: Days::All, at: DAYS - 2, delay: 0, lasting: 4 };
        assert_eq!(marks(&nightly, 10 * DAYS - 3..10 * DAYS + 4), ".####..");
        // 1970-01-04 was a Sunday.
        let weekly = When::Daily { days: Days::Sundays, at: 1, delay: 0, lasting: 2 };
        assert_eq!(marks(&weekly, 3 * DAYS..3 * DAYS + 5), ".##..");
        assert_eq!(marks(&weekly, 4 * DAYS..4 * DAYS + 5), ".....");
    }

    #[test]
    fn a_recurring_run_has_its_length_in_each_period() {
        let text = marks(&When::Every { every: 10, lasting: 3 }, 0..1000);
        assert_eq!(text.matches('#').count(), 300);
    }

    #[test]
    fn a_longer_span_has_the_same_newest_minutes() {
        let bursts = When::Bursts { working: 10.0, pausing: 30.0 };
        let nightly = When::Daily { days: Days::All, at: 100, delay: 500, lasting: 90 };
        for when in [bursts.clone(), nightly.clone(), When::Every { every: 50, lasting: 7 }, bursts.and(nightly)] {
            let (long, short) = (marks(&when, 0..3 * DAYS), marks(&when, 2 * DAYS..3 * DAYS));
            assert!(long.ends_with(&short), "{when:?}");
        }
    }

    #[test]
    fn bursts_have_their_share_of_the_time() {
        let text = marks(&When::Bursts { working: 10.0, pausing: 30.0 }, 0..100_000);
        let working = text.matches('#').count();
        assert!((23_000..27_000).contains(&working), "{working} of 100000 minutes");
    }
}
