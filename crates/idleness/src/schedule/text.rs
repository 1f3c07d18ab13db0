//! The text of a schedule: its words, and the errors that point at the character.

use jiff::{
    SignedDuration,
    civil::Weekday,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{Hours, day_bit};

/// A text that is no schedule, and where. What was found is kept escaped and cut, since it ends up in reports and logs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("character {position}: expected {expected}, found {found}")]
pub struct BadSchedule {
    /// Of the first character at fault, counted from 1.
    position: usize,
    expected: &'static str,
    /// Escaped, in quotation marks; or `the end`.
    found: String,
}

/// A text being read. Every method passes over spaces first.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl<'a> Reader<'a> {
    pub(super) const fn of(text: &'a str) -> Self {
        Self { text, rest: text }
    }

    pub(super) fn window(&mut self) -> Result<(Hours, Option<TimeZone>), BadSchedule> {
        let days = self.days()?;
        if !self.rest.starts_with(' ') {
            return Err(self.expected("a space and a time such as 09:00"));
        }
        let start = *self;
        let opens = self.time()?;
        if opens >= SignedDuration::from_hours(24) {
            return Err(start.expected("a start from 00:00 to 23:59"));
        }
        if !self.take('-') {
            return Err(self.expected("`-` and a time such as 18:00"));
        }
        let end = *self;
        let mut closes = self.time()?;
        if closes == opens {
            return Err(end.expected("an end other than the start (write 00:00-24:00 for a whole day)"));
        }
        if closes < opens {
            closes += SignedDuration::from_hours(24);
        }
        let zone = if self.take('@') { Some(self.zone()?) } else { None };
        Ok((Hours { days, opens, closes }, zone))
    }

    fn days(&mut self) -> Result<u8, BadSchedule> {
        let mut days = 0;
        loop {
            let first = self.day()?;
            let last = if self.take('-') { self.day()? } else { first };
            let days_before_last = first.cycle_forward().take_while(|day| *day != last);
            days |= day_bit(last) | days_before_last.map(day_bit).sum::<u8>();
            if !self.take(',') {
                return Ok(days);
            }
        }
    }

    fn day(&mut self) -> Result<Weekday, BadSchedule> {
        const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let start = *self;
        let word = self.word(|rest| rest.starts_with(char::is_alphabetic));
        let mut days = NAMES.into_iter().zip(Weekday::Monday.cycle_forward());
        let day = days.find(|(name, _)| word.eq_ignore_ascii_case(name));
        day.map(|(_, day)| day).ok_or_else(|| start.expected("a day such as mon"))
    }

    fn time(&mut self) -> Result<SignedDuration, BadSchedule> {
        let start = *self;
        let word = self.word(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == ':'));
        since_midnight(word).ok_or_else(|| start.expected("a time such as 09:00"))
    }

    fn zone(&mut self) -> Result<TimeZone, BadSchedule> {
        let start = *self;
        let name = self.word(|rest| !rest.starts_with([' ', ',', '@']) && !starts_with_joint(rest));
        // The database that is carried along, even where a feature of jiff would make it look for one on the machine.
        let zone = TimeZoneDatabase::bundled().get(name).ok();
        // jiff takes `Etc/Unknown` for a UTC that nobody chose.
        let known = zone.filter(|zone| !zone.is_unknown());
        known.ok_or_else(|| start.expected_instead_of(name, "a time zone such as Asia/Seoul"))
    }

    pub(super) fn take(&mut self, symbol: char) -> bool {
        let rest = self.rest.trim_start_matches(' ').strip_prefix(symbol);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest.trim_start_matches(' ').is_empty()
    }

    /// Takes characters as long as the rest that begins with them `goes_on`.
    fn word(&mut self, goes_on: impl Fn(&str) -> bool) -> &'a str {
        let rest = self.rest.trim_start_matches(' ');
        let end = rest.char_indices().map(|(at, _)| at).find(|at| !goes_on(&rest[*at..]));
        let (word, rest) = rest.split_at(end.unwrap_or(rest.len()));
        self.rest = rest;
        word
    }

    /// The error that here, instead of whatever is here, something else should be.
    pub(super) fn expected(mut self, expected: &'static str) -> BadSchedule {
        let start = self;
        let word = self.word(|rest| !rest.starts_with([' ', '-', ',', '+', '@']));
        start.expected_instead_of(word, expected)
    }

    fn expected_instead_of(self, word: &str, expected: &'static str) -> BadSchedule {
        const SHOWN_CHARACTERS: usize = 20;
        let rest = self.rest.trim_start_matches(' ');
        let position = self.text[..self.text.len() - rest.len()].chars().count() + 1;
        // A separator is a word of its own.
        let characters = word.chars().count().max(1);
        let mut shown: String = rest.chars().take(characters.min(SHOWN_CHARACTERS)).collect();
        if characters > SHOWN_CHARACTERS {
            shown.push('…');
        }
        let found = if shown.is_empty() { "the end".to_owned() } else { format!("{shown:?}") };
        BadSchedule { position, expected, found }
    }
}

/// A time from `00:00` to `24:00`, out of digits and colons.
fn since_midnight(word: &str) -> Option<SignedDuration> {
    let (hours, minutes) = word.split_once(':').filter(|(hours, minutes)| hours.len() <= 2 && minutes.len() == 2)?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let since_midnight = SignedDuration::from_hours(hours) + SignedDuration::from_mins(minutes);
    (minutes < 60 && since_midnight <= SignedDuration::from_hours(24)).then_some(since_midnight)
}

/// Whether the text starts with a `+` between two windows, rather than with that of a zone such as `Etc/GMT+9`.
fn starts_with_joint(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_digit()))
}
