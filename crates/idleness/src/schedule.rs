//! The tag `doze:schedule`: when it is open, and when that changes next. How its text is read is `text`'s, and what follows
//! from it for an instance is `gates`'.

mod text;

use std::str::FromStr;

use jiff::{
    SignedDuration, Timestamp, ToSpan,
    civil::{Date, DateTime, Time, Weekday},
    tz::TimeZone,
};
use text::Reader;

pub use text::BadSchedule;

/// When an instance should be awake: windows of the week, `mon-fri 09:00-18:00 @ Asia/Seoul + sat 10:00-14:00 @ UTC`.
///
/// # Grammar
/// ```text
/// schedule = window { "+" window }
/// window   = days " " time "-" time [ "@" zone ]
/// days     = day [ "-" day ] { "," day [ "-" day ] }
/// ```
/// Days are `mon` to `sun` in either case, and `fri-mon` runs over the weekend. Times are `00:00` to `23:59`, and `24:00`
/// as an end. Zones are IANA names. Further spaces mean nothing. A window without a zone has that of the next window
/// which names one, or else of the last before it.
///
/// # Windows
/// A window is open from its opening up to, and without, its closing. One whose end is not after its start goes over
/// midnight, and belongs to the day it starts on. Windows that touch or overlap, in whatever zones, are one.
///
/// # Daylight saving
/// It never cuts a window short: an opening takes the earliest reading of its local time, a closing the latest.
/// - In an overlap a window opens at the first, and closes at the second time that the clock shows.
/// - In a gap the opening is read by the clock after the change, the closing by the clock before it. When
///   `Europe/Berlin` skips 02:00 to 03:00, `02:15-02:45` is open from 01:15 to 03:45, which is an hour and a half.
/// - So whenever the local clock shows a time of the window, the window is open. Only the hour that no clock shows is
///   missing from a window around a gap.
/// - A day that a zone skips counts as a gap of 24 hours: Samoa had no Friday 2011-12-30, and `fri 09:00-18:00` was open
///   from Thursday 09:00 to Saturday 18:00.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    windows: Vec<Window>,
}

impl Schedule {
    /// Whether a window is open.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.intervals(now, REACH_DAYS).iter().any(|interval| interval.contains(now))
    }

    /// The next instant after `now` at which it opens, having been closed just before. `None` if there is none within
    /// 13 months, or before the end of time.
    #[must_use]
    pub fn next_opening(&self, now: Timestamp) -> Option<Timestamp> {
        self.next_edge(now, |interval| interval.opening)
    }

    /// The next instant after `now` at which it closes, having been open just before. `None` if there is none within
    /// 13 months, or before the end of time.
    #[must_use]
    pub fn next_closing(&self, now: Timestamp) -> Option<Timestamp> {
        self.next_edge(now, |interval| interval.closing)
    }

    fn next_edge(&self, now: Timestamp, edge: impl Fn(&Interval) -> Timestamp) -> Option<Timestamp> {
        HORIZONS_DAYS.into_iter().find_map(|days| {
            // A window that nobody looked at, beyond the horizon, may swallow an edge near it. `NEVER` is no edge.
            let known = SignedDuration::from_hours(24) * (days - REACH_DAYS);
            let known_until = now.saturating_add(known).unwrap_or(NEVER);
            let mut edges = merged(self.intervals(now, days)).into_iter().map(|interval| edge(&interval));
            edges.find(|edge| now < *edge && *edge < known_until)
        })
    }

    /// The times around `now` when windows are open, for each of them alone and in no order.
    fn intervals(&self, now: Timestamp, days_ahead: i32) -> Vec<Interval> {
        self.windows.iter().flat_map(|window| window.intervals(now, days_ahead)).collect()
    }
}

impl FromStr for Schedule {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut reader = Reader::of(text);
        let mut windows = Vec::new();
        loop {
            windows.push(reader.window()?);
            if !reader.take('+') {
                break;
            }
        }
        if !reader.is_at_end() {
            let zone_is_named = windows.last().is_some_and(|(_, zone)| zone.is_some());
            return Err(reader.expected(if zone_is_named { "`+` or the end" } else { "`@`, `+` or the end" }));
        }
        let windows =
            in_their_zones(windows).ok_or_else(|| reader.expected("`@` and a time zone such as Asia/Seoul"))?;
        Ok(Self { windows })
    }
}

/// How far from its date a window can reach. It may end on the day after; and a zone that skips a day moves an end
/// forward, or an opening back, by that day.
const REACH_DAYS: i32 = 2;

/// How far ahead an edge is looked for: two weeks, in which nearly every schedule has one, and then all the seasons. Two
/// windows in different zones may leave no gap as long as it is winter in one of them.
const HORIZONS_DAYS: [i32; 2] = [14 + REACH_DAYS, 400 + REACH_DAYS];

/// A closing beyond the range of time. Real ones are at whole seconds, as this is not.
const NEVER: Timestamp = Timestamp::MAX;

/// Some hours of some days of the week, by a local clock.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Hours {
    /// The days it opens on, a bit for each.
    days: u8,
    /// Since midnight, below 24 hours.
    opens: SignedDuration,
    /// Since the same midnight, later, below 48 hours.
    closes: SignedDuration,
}

/// The hours, with the zone that says when they are.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Window {
    hours: Hours,
    zone: TimeZone,
}

/// When a window is open: from `opening` up to, and without, `closing`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    opening: Timestamp,
    closing: Timestamp,
}

impl Window {
    fn intervals(&self, now: Timestamp, days_ahead: i32) -> impl Iterator<Item = Interval> {
        let today = self.zone.to_datetime(now).date();
        (-REACH_DAYS..=days_ahead)
            .filter_map(move |days| today.checked_add(days.days()).ok())
            .filter(|date| self.hours.days & day_bit(date.weekday()) != 0)
            .map(|date| self.on(date))
            // What lies beyond either end of time altogether is empty.
            .filter(|interval| interval.opening < interval.closing)
    }

    fn on(&self, date: Date) -> Interval {
        let local = |since_midnight| date.to_datetime(Time::midnight()).saturating_add(since_midnight);
        let (opening, closing) = (local(self.hours.opens), local(self.hours.closes));
        Interval {
            opening: within_time(opening, self.zone.to_ambiguous_timestamp(opening).earlier()),
            closing: within_time(closing, self.zone.to_ambiguous_timestamp(closing).later()),
        }
    }
}

fn day_bit(day: Weekday) -> u8 {
    1 << day.to_monday_zero_offset()
}

/// The instant that a local time reads as. It has none only within a day or two of the ends of time.
fn within_time(local: DateTime, instant: Result<Timestamp, jiff::Error>) -> Timestamp {
    instant.unwrap_or(if local.year() < 0 { Timestamp::MIN } else { NEVER })
}

impl Interval {
    fn contains(&self, now: Timestamp) -> bool {
        self.opening <= now && (now < self.closing || self.closing == NEVER)
    }
}

/// The same time without adjoining or overlapping intervals, in order.
fn merged(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort_unstable();
    let mut merged: Vec<Interval> = Vec::new();
    for interval in intervals {
        match merged.last_mut() {
            Some(last) if interval.opening <= last.closing => last.closing = last.closing.max(interval.closing),
            _ => merged.push(interval),
        }
    }
    merged
}

/// Gives every window its zone, unless there is none. The order of windows means nothing, and is not kept.
fn in_their_zones(windows: Vec<(Hours, Option<TimeZone>)>) -> Option<Vec<Window>> {
    // Backwards, so that each has the zone named next after it. Those after the last named zone have that one.
    let mut zone = windows.iter().rev().find_map(|(_, zone)| zone.clone())?;
    let with_zone = |(hours, named): (Hours, Option<TimeZone>)| {
        zone = named.unwrap_or_else(|| zone.clone());
        Window { hours, zone: zone.clone() }
    };
    Some(windows.into_iter().rev().map(with_zone).collect())
}
