//! What must hold for every schedule and time.

use idleness::Schedule;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use proptest::{collection::vec, option, prelude::*, sample::select};

const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is no schedule: {error}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a test's time is valid")
}

/// One window as the test knows it: days as first and last from Monday = 0, times in minutes.
#[derive(Clone, Debug)]
struct Window {
    days: Vec<(i64, i64)>,
    start: i64,
    end: i64,
    zone: &'static str,
}

impl Window {
    fn opens_on(&self, day: i64) -> bool {
        self.days.iter().any(|(first, last)| (day - first).rem_euclid(7) <= (last - first).rem_euclid(7))
    }

    /// Whether it is open when the clock shows `minute` on `day`.
    fn is_open(&self, day: i64, minute: i64) -> bool {
        if self.start < self.end {
            self.opens_on(day) && (self.start..self.end).contains(&minute)
        } else {
            (self.opens_on(day) && self.start <= minute) || (self.opens_on(day - 1) && minute < self.end)
        }
    }

    fn is_open_locally(&self, local: DateTime) -> bool {
        let day = local.date().weekday().to_monday_zero_offset();
        self.is_open(day.into(), i64::from(local.hour()) * 60 + i64::from(local.minute()))
    }

    fn text(&self) -> String {
        const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
        let day = |day: i64| DAYS[usize::try_from(day).expect("a day of the week")];
        let days: Vec<_> = self.days.iter().map(|(first, last)| format!("{}-{}", day(*first), day(*last))).collect();
        let time = |minutes: i64| format!("{}:{:02}", minutes / 60, minutes % 60);
        format!("{} {}-{} @ {}", days.join(","), time(self.start), time(self.end), self.zone)
    }
}

fn parsed(windows: &[Window]) -> Schedule {
    schedule(&windows.iter().map(Window::text).collect::<Vec<_>>().join(" + "))
}

const ZONES: &[&str] = &[
    "UTC",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
];

fn any_window(zones: &'static [&'static str]) -> impl Strategy<Value = Window> {
    // Whole hours more often than not, so that windows touch and meet the changes of the clocks.
    let minutes = || prop_oneof![2 => (0..24_i64).prop_map(|hour| hour * 60), 1 => 0..1440_i64];
    let end = prop_oneof![4 => minutes(), 1 => Just(1440)];
    (vec((0..7_i64, 0..7_i64), 1..3), minutes(), end, select(zones))
        .prop_filter("a window does not end as it starts", |(_, start, end, _)| start != end)
        .prop_map(|(days, start, end, zone)| Window { days, start, end, zone })
}

fn any_windows(zones: &'static [&'static str]) -> impl Strategy<Value = Vec<Window>> {
    vec(any_window(zones), 1..4)
}

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a test's zone is known")
}

/// A minute between 2011 and 2037, mostly within three days of a change of some zone's clocks.
fn any_time() -> impl Strategy<Value = Timestamp> {
    let minutes = at("2011-01-01T00:00Z").as_second() / 60..at("2037-01-01T00:00Z").as_second() / 60;
    let minutes_off = option::weighted(0.8, -72 * 60..72 * 60_i64);
    (minutes, minutes_off, select(ZONES)).prop_map(|(minute, minutes_off, name)| {
        let time = Timestamp::from_second(minute * 60).expect("is within time");
        let change = zone(name).following(time).next().map(|change| change.timestamp());
        change.zip(minutes_off).map_or(time, |(change, minutes)| change + SignedDuration::from_mins(minutes))
    })
}

/// Pieces of schedules, and of what people take for them.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "mon",
        "fri",
        "sat-tue",
        "mon-fri,sun",
        "09:00",
        "18:00",
        "24:00",
        "09:00-18:00",
        "22:00-6:00",
        " ",
        " ",
        "-",
        ",",
        "+",
        "@",
        "@ UTC",
        "@ Etc/GMT+9",
        "Europe/Berlin",
        "é",
        "🕘",
        "\u{0}",
        "mon-fri 09:00-18:00 @ UTC",
    ]);
    prop_oneof![any::<String>(), ".{0,40}", vec(pieces, 0..12).prop_map(|pieces| pieces.concat())]
}

/// The first minute after `now` at which windows in UTC go from `!open` to `open`, by looking at each.
fn next_change_in_utc(windows: &[Window], now: Timestamp, open: bool) -> Option<Timestamp> {
    let is_open = |minute: i64| {
        // The epoch was a Thursday.
        let day = (minute.div_euclid(1440) + 3).rem_euclid(7);
        windows.iter().any(|window| window.is_open(day, minute.rem_euclid(1440)))
    };
    let now = now.as_second().div_euclid(60);
    let change = (now + 1..=now + 8 * 1440).find(|minute| is_open(*minute) == open && is_open(minute - 1) != open);
    change.map(|minute| Timestamp::from_second(minute * 60).expect("is within time"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn no_text_makes_it_panic_or_say_much(text in any_text(), now in Timestamp::MIN.as_second()..Timestamp::MAX.as_second()) {
        match text.parse::<Schedule>() {
            Ok(schedule) => {
                let now = Timestamp::from_second(now).expect("is within time");
                for now in [Timestamp::MIN, now, Timestamp::MAX] {
                    let opening = schedule.next_opening(now).filter(|opening| !schedule.is_open(*opening));
                    let closing = schedule.next_closing(now).filter(|closing| schedule.is_open(*closing));
                    prop_assert_eq!((opening, closing), (None, None), "after {}", now);
                }
            }
            Err(error) => {
                let error = error.to_string();
                prop_assert!(error.chars().count() < 350 && !error.contains(char::is_control), "{error:?}");
            }
        }
    }

    #[test]
    fn in_utc_it_does_what_looking_at_every_minute_says(
        windows in any_windows(&["UTC"]),
        now in any_time(),
        seconds in 0..60_i64,
    ) {
        let schedule = parsed(&windows);
        let now = now + SignedDuration::from_secs(seconds);
        let local = zone("UTC").to_datetime(now);
        prop_assert_eq!(schedule.is_open(now), windows.iter().any(|window| window.is_open_locally(local)));
        prop_assert_eq!(schedule.next_opening(now), next_change_in_utc(&windows, now, true));
        prop_assert_eq!(schedule.next_closing(now), next_change_in_utc(&windows, now, false));
    }

    #[test]
    fn it_is_open_whenever_a_clock_shows_a_time_of_a_window(windows in any_windows(ZONES), now in any_time()) {
        let is_open = windows.iter().any(|window| window.is_open_locally(zone(window.zone).to_datetime(now)));
        prop_assert!(!is_open || parsed(&windows).is_open(now));
    }

    #[test]
    fn away_from_changes_of_the_clocks_it_is_open_at_no_other_time(windows in any_windows(ZONES), now in any_time()) {
        let three_days = SignedDuration::from_hours(72);
        let changes = |window: &Window| {
            zone(window.zone).following(now - three_days).next().is_some_and(|change| change.timestamp() < now + three_days)
        };
        prop_assume!(!windows.iter().any(changes));
        let is_open = windows.iter().any(|window| window.is_open_locally(zone(window.zone).to_datetime(now)));
        prop_assert_eq!(parsed(&windows).is_open(now), is_open);
    }

    #[test]
    fn it_stays_as_it_is_until_the_next_edge(
        windows in any_windows(ZONES),
        now in any_time(),
        moments in vec(0.0..1.0_f64, 8),
    ) {
        let schedule = parsed(&windows);
        let open = schedule.is_open(now);
        let (opening, closing) = (schedule.next_opening(now), schedule.next_closing(now));
        let (edge, other) = if open { (closing, opening) } else { (opening, closing) };
        let until = edge.unwrap_or(now + SignedDuration::from_hours(400 * 24));
        prop_assert!(now < until);
        let span = until.duration_since(now);
        for moment in moments.into_iter().map(|share| now + span.mul_f64(share)).chain([until - INSTANT]) {
            prop_assert_eq!(schedule.is_open(moment), open, "at {}", moment);
        }
        if let Some(edge) = edge {
            prop_assert_eq!(schedule.is_open(edge), !open, "at the edge");
        }
        // The edge after the next: the same, seen from the next.
        match (edge, open) {
            (Some(edge), true) if other.is_some() => prop_assert_eq!(schedule.next_opening(edge), other),
            (Some(edge), false) => prop_assert_eq!(schedule.next_closing(edge), other),
            _ => {}
        }
    }
}
