//! Times as the scenarios write them, by the clock of Berlin: `Fri 20 18:07` is in November 2026.

use jiff::{Timestamp, civil::date, fmt::strtime, tz::TimeZone};

/// The instant of a text.
pub fn at(text: &str) -> Timestamp {
    let [weekday, day, time] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text:?} is no time") };
    let (hour, minute) = time.split_once(':').expect("a time has minutes");
    let number = |text: &str| text.parse::<i8>().expect("is a number");
    let local = date(2026, 11, number(day)).at(number(hour), number(minute), 0, 0);
    assert_eq!(strtime::format("%a", local).expect("has a weekday"), weekday, "{text}");
    local.in_tz("Europe/Berlin").expect("the zone exists").timestamp()
}

/// The text of an instant.
pub fn text(at: Timestamp) -> String {
    let zone = TimeZone::get("Europe/Berlin").expect("the zone exists");
    at.to_zoned(zone).strftime("%a %d %H:%M").to_string()
}

/// From an instant up to, and without, another.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Span {
    pub fn of(from: &str, to: &str) -> Self {
        Self { from: at(from), to: at(to) }
    }

    pub fn contains(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    pub fn overlaps(&self, other: Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}
