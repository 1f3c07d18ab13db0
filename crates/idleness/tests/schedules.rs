//! Schedules as a table of cases: a text, and when it opens and closes; then what must hold for every schedule and time.

use idleness::Schedule;
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|error| panic!("{text:?} is no schedule: {error}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a test's time is valid")
}

const INSTANT: SignedDuration = SignedDuration::from_nanos(1);

/// From a moment when it is closed on, the schedule is open at these times, each `opening closing`, and not in between.
#[track_caller]
fn check(text: &str, from: &str, expected: &[&str]) {
    let schedule = schedule(text);
    let mut now = at(from);
    assert!(!schedule.is_open(now), "open at {from}");
    for times in expected {
        let (opening, closing) = times.split_once(' ').expect("a test gives both times");
        let (opening, closing) = (at(opening), at(closing));
        assert_eq!(schedule.next_opening(now), Some(opening), "next opening after {now}");
        assert_eq!(schedule.next_closing(now), Some(closing), "next closing after {now}");
        assert_eq!(schedule.next_closing(opening), Some(closing), "next closing after {opening}");
        assert!(!schedule.is_open(opening - INSTANT), "open before {opening}");
        assert!(schedule.is_open(opening), "closed at {opening}");
        assert!(schedule.is_open(closing - INSTANT), "closed before {closing}");
        assert!(!schedule.is_open(closing), "open at {closing}");
        now = closing;
    }
}

#[track_caller]
fn check_same(text: &str, other: &str) {
    assert_eq!(schedule(text), schedule(other));
}

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let error = text.parse::<Schedule>().expect_err("is no schedule");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_window_is_open_from_its_start_until_just_before_its_end() {
    // 2026-11-20 is a Friday.
    check(
        "mon-fri 09:00-18:00 @ Asia/Seoul",
        "2026-11-20T08:00+09:00",
        &[
            "2026-11-20T09:00+09:00 2026-11-20T18:00+09:00",
            "2026-11-23T09:00+09:00 2026-11-23T18:00+09:00",
            "2026-11-24T09:00+09:00 2026-11-24T18:00+09:00",
        ],
    );
}

#[test]
fn the_next_edges_are_after_now_even_on_an_edge() {
    let schedule = schedule("mon-fri 09:00-18:00 @ UTC");
    let (friday, monday) = (at("2026-11-20T09:00Z"), at("2026-11-23T09:00Z"));
    assert_eq!(schedule.next_opening(friday - INSTANT), Some(friday));
    assert_eq!(schedule.next_opening(friday), Some(monday));
    assert_eq!(schedule.next_closing(at("2026-11-20T18:00Z") - INSTANT), Some(at("2026-11-20T18:00Z")));
    assert_eq!(schedule.next_closing(at("2026-11-20T18:00Z")), Some(at("2026-11-23T18:00Z")));
}

#[test]
fn a_window_a_week_is_found_from_anywhere_in_the_week() {
    let weekly = schedule("wed 12:30-13:00 @ UTC");
    for hours in 0..7 * 24 {
        let now = at("2026-11-18T12:30Z") + SignedDuration::from_hours(hours);
        assert_eq!(weekly.next_opening(now), Some(at("2026-11-25T12:30Z")), "from {now}");
    }
}

#[test]
fn several_windows_are_open_each_in_its_zone() {
    check(
        "mon-fri 09:00-18:00 @ Asia/Seoul + sat 10:00-14:00 @ UTC",
        "2026-11-20T20:00+09:00",
        &["2026-11-21T10:00Z 2026-11-21T14:00Z", "2026-11-23T09:00+09:00 2026-11-23T18:00+09:00"],
    );
}

#[test]
fn days_may_be_listed_and_wrap() {
    check_same("tue,thu-fri 09:00-18:00 @ UTC", "thu-fri,tue 09:00-18:00 @ UTC");
    check_same("fri-mon 09:00-18:00 @ UTC", "fri,sat,sun,mon 09:00-18:00 @ UTC");
    check_same("mon-mon 09:00-18:00 @ UTC", "mon 09:00-18:00 @ UTC");
    check_same("tue-mon 09:00-18:00 @ UTC", "mon-sun 09:00-18:00 @ UTC");
    check_same("sun-sat 09:00-18:00 @ UTC", "mon-fri,thu-sun 09:00-18:00 @ UTC");
    check(
        "fri-mon 09:00-18:00 @ UTC",
        "2026-11-19T12:00Z",
        &[
            "2026-11-20T09:00Z 2026-11-20T18:00Z",
            "2026-11-21T09:00Z 2026-11-21T18:00Z",
            "2026-11-22T09:00Z 2026-11-22T18:00Z",
            "2026-11-23T09:00Z 2026-11-23T18:00Z",
            "2026-11-27T09:00Z 2026-11-27T18:00Z",
        ],
    );
}

#[test]
fn case_spaces_and_leading_zeros_mean_nothing() {
    let plain = "mon-fri,sun 09:00-18:00 @ Asia/Seoul + sat 08:00-14:00 @ UTC";
    check_same("mon-fri,sun 9:00-18:00@Asia/Seoul+sat 8:00-14:00@UTC", plain);
    check_same("  Mon - FRI ,  sun   09:00  -  18:00  @  asia/seoul  +  sAt 08:00-14:00 @ utc  ", plain);
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_it_starts_on() {
    // 2026-11-21 is a Saturday.
    check(
        "fri 22:00-06:00 @ UTC",
        "2026-11-20T05:00Z",
        &["2026-11-20T22:00Z 2026-11-21T06:00Z", "2026-11-27T22:00Z 2026-11-28T06:00Z"],
    );
    check(
        "sun 12:00-11:59 @ UTC",
        "2026-11-22T11:59Z",
        &["2026-11-22T12:00Z 2026-11-23T11:59Z", "2026-11-29T12:00Z 2026-11-30T11:59Z"],
    );
    assert!(schedule("fri 22:00-06:00 @ UTC").is_open(at("2026-11-21T03:00Z")));
    assert!(!schedule("sat 22:00-06:00 @ UTC").is_open(at("2026-11-21T03:00Z")));
}

#[test]
fn a_window_may_last_until_midnight_by_either_name() {
    for text in ["fri 20:00-24:00 @ UTC", "fri 20:00-00:00 @ UTC"] {
        check(text, "2026-11-20T05:00Z", &["2026-11-20T20:00Z 2026-11-21T00:00Z"]);
    }
    check("fri 00:00-24:00 @ UTC", "2026-11-19T23:59Z", &["2026-11-20T00:00Z 2026-11-21T00:00Z"]);
    check("fri 0:00-0:01 @ UTC", "2026-11-19T23:59Z", &["2026-11-20T00:00Z 2026-11-20T00:01Z"]);
    check("fri 23:59-24:00 @ UTC", "2026-11-20T05:00Z", &["2026-11-20T23:59Z 2026-11-21T00:00Z"]);
}

#[test]
fn a_window_without_a_zone_has_that_of_the_next_one_that_names_it() {
    check_same(
        "mon 01:00-02:00 + tue 03:00-04:00 + wed 05:00-06:00 @ Asia/Seoul + thu 07:00-08:00 @ UTC",
        "mon 01:00-02:00 @ Asia/Seoul + tue 03:00-04:00 @ Asia/Seoul + wed 05:00-06:00 @ Asia/Seoul + thu 07:00-08:00 @ UTC",
    );
}

#[test]
fn a_window_after_the_last_zone_has_that_one() {
    check_same(
        "mon 01:00-02:00 @ Asia/Seoul + tue 03:00-04:00 @ UTC + wed 05:00-06:00 + thu 07:00-08:00",
        "mon 01:00-02:00 @ Asia/Seoul + tue 03:00-04:00 @ UTC + wed 05:00-06:00 @ UTC + thu 07:00-08:00 @ UTC",
    );
}

#[test]
fn a_plus_before_a_digit_belongs_to_the_zone() {
    // The zones called Etc/GMT count the other way round.
    let window = "2026-11-20T09:00-09:00 2026-11-20T18:00-09:00";
    check("fri 09:00-18:00 @ Etc/GMT+9", "2026-11-20T00:00-09:00", &[window]);
    check_same("fri 09:00-18:00@Etc/GMT+9+sat 10:00-14:00@UTC", "fri 09:00-18:00 @ Etc/GMT+9 + sat 10:00-14:00 @ UTC");
    check_same("fri 09:00-18:00@Etc/GMT-9+sat 10:00-14:00@UTC", "fri 09:00-18:00 @ Etc/GMT-9 + sat 10:00-14:00 @ UTC");
}

#[test]
fn touching_and_overlapping_windows_are_one() {
    let midnight = ["2026-11-20T20:00Z 2026-11-21T04:00Z"];
    check("fri 20:00-24:00 + sat 00:00-04:00 @ UTC", "2026-11-20T05:00Z", &midnight);
    check("sat 00:00-04:00 + fri 20:00-01:00 @ UTC", "2026-11-20T05:00Z", &midnight);
    // One inside the other: the inner end is none.
    check("fri 22:00-23:00 + fri 20:00-04:00 @ UTC", "2026-11-20T05:00Z", &midnight);
    check("fri 20:00-22:00 @ UTC + sat 07:00-13:00 @ Asia/Seoul", "2026-11-20T05:00Z", &midnight);
    check("mon-fri 00:00-24:00 @ UTC", "2026-11-22T05:00Z", &["2026-11-23T00:00Z 2026-11-28T00:00Z"]);
}

#[test]
fn a_minute_between_windows_is_closed() {
    let windows = ["2026-11-20T20:00Z 2026-11-20T23:59Z", "2026-11-21T00:00Z 2026-11-21T04:00Z"];
    check("fri 20:00-23:59 + sat 00:00-04:00 @ UTC", "2026-11-20T05:00Z", &windows);
}

#[test]
fn a_schedule_that_is_always_open_has_no_edges() {
    let always = [
        "mon-sun 00:00-24:00 @ UTC",
        "mon-sun 00:00-24:00 @ Europe/Berlin",
        "mon-sun 00:00-12:00 + mon-sun 12:00-00:00 @ Australia/Lord_Howe",
        "mon-fri 00:00-24:00 @ Asia/Seoul + fri-mon 00:00-24:00 @ America/New_York",
        "mon-sun 04:00-03:59 + mon 00:00-24:00 + tue-sun 03:00-05:00 @ UTC",
    ];
    // The last is half an hour before midnight, with a change of the clocks within two weeks.
    let times = ["2026-10-24T22:30Z", "2027-01-01T00:00Z", "2027-03-15T23:30+01:00"];
    for (text, now) in always.into_iter().flat_map(|text| times.map(|now| (text, now))) {
        let (schedule, now) = (schedule(text), at(now));
        assert!(schedule.is_open(now), "{text} at {now}");
        assert_eq!((schedule.next_opening(now), schedule.next_closing(now)), (None, None), "{text} after {now}");
    }
}

#[test]
fn a_gap_that_only_summer_shows_is_found_in_winter() {
    // In winter, 01:00 to 02:00 UTC is the hour that Berlin's window leaves out.
    let text = "mon-sun 03:00-02:00 @ Europe/Berlin + mon-sun 01:00-02:00 @ UTC";
    let (schedule, winter) = (schedule(text), at("2026-11-15T12:00Z"));
    assert!(schedule.is_open(winter));
    assert_eq!(schedule.next_closing(winter), Some(at("2027-03-29T00:00Z")));
    assert_eq!(schedule.next_opening(winter), Some(at("2027-03-29T01:00Z")));
    check(text, "2027-03-29T00:30Z", &["2027-03-29T01:00Z 2027-03-30T00:00Z"]);
}

#[test]
fn local_hours_follow_daylight_saving() {
    check(
        "sat-mon 09:00-18:00 @ Europe/Berlin",
        "2027-03-27T00:00+01:00",
        &[
            "2027-03-27T09:00+01:00 2027-03-27T18:00+01:00",
            "2027-03-28T09:00+02:00 2027-03-28T18:00+02:00",
            "2027-03-29T09:00+02:00 2027-03-29T18:00+02:00",
        ],
    );
    check(
        "sat-mon 09:00-18:00 @ America/New_York",
        "2026-10-31T00:00-04:00",
        &["2026-10-31T09:00-04:00 2026-10-31T18:00-04:00", "2026-11-01T09:00-05:00 2026-11-01T18:00-05:00"],
    );
}

// Berlin has no 02:00 to 03:00 on Sunday 2027-03-28, New York none on Sunday 2027-03-14.

#[test]
fn an_opening_in_a_gap_is_read_by_the_clock_after_it() {
    let berlin = "2027-03-28T01:30+01:00 2027-03-28T06:00+02:00";
    check("sun 02:30-06:00 @ Europe/Berlin", "2027-03-28T00:00+01:00", &[berlin]);
    let new_york = "2027-03-14T01:30-05:00 2027-03-14T06:00-04:00";
    check("sun 02:30-06:00 @ America/New_York", "2027-03-14T00:00-05:00", &[new_york]);
    let first_of_the_gap = "2027-03-28T01:00+01:00 2027-03-28T06:00+02:00";
    check("sun 02:00-06:00 @ Europe/Berlin", "2027-03-28T00:00+01:00", &[first_of_the_gap]);
    let after_the_gap = "2027-03-28T03:00+02:00 2027-03-28T06:00+02:00";
    check("sun 03:00-06:00 @ Europe/Berlin", "2027-03-28T00:00+01:00", &[after_the_gap]);
}

#[test]
fn a_closing_in_a_gap_is_read_by_the_clock_before_it() {
    let berlin = "2027-03-27T22:00+01:00 2027-03-28T03:30+02:00";
    check("sat 22:00-02:30 @ Europe/Berlin", "2027-03-27T21:00+01:00", &[berlin]);
    let new_york = "2027-03-14T00:30-05:00 2027-03-14T03:30-04:00";
    check("sun 00:30-02:30 @ America/New_York", "2027-03-14T00:00-05:00", &[new_york]);
    // The start of the gap and its end are the same instant.
    let first_of_the_gap = "2027-03-28T01:00+01:00 2027-03-28T03:00+02:00";
    check("sun 01:00-02:00 @ Europe/Berlin", "2027-03-28T00:00+01:00", &[first_of_the_gap]);
}

#[test]
fn a_window_wholly_inside_a_gap_is_open_around_it() {
    let berlin = "2027-03-28T01:15+01:00 2027-03-28T03:45+02:00";
    check("sun 02:15-02:45 @ Europe/Berlin", "2027-03-28T00:00+01:00", &[berlin]);
    let new_york = "2027-03-14T01:15-05:00 2027-03-14T03:45-04:00";
    check("sun 02:15-02:45 @ America/New_York", "2027-03-14T00:00-05:00", &[new_york]);
}

#[test]
fn a_window_around_a_gap_misses_the_hour_that_no_clock_shows() {
    let berlin = "2027-03-28T01:00+01:00 2027-03-28T04:00+02:00";
    check("sun 01:00-04:00 @ Europe/Berlin", "2027-03-28T00:00+01:00", &[berlin]);
    assert_eq!(
        at("2027-03-28T04:00+02:00").duration_since(at("2027-03-28T01:00+01:00")),
        SignedDuration::from_hours(2)
    );
}

// Berlin has 02:00 to 03:00 twice on Sunday 2026-10-25, New York 01:00 to 02:00 on Sunday 2026-11-01.

#[test]
fn an_opening_in_an_overlap_is_the_first() {
    let berlin = "2026-10-25T02:30+02:00 2026-10-25T06:00+01:00";
    check("sun 02:30-06:00 @ Europe/Berlin", "2026-10-25T00:00+02:00", &[berlin]);
    let new_york = "2026-11-01T01:30-04:00 2026-11-01T06:00-05:00";
    check("sun 01:30-06:00 @ America/New_York", "2026-11-01T00:00-04:00", &[new_york]);
}

#[test]
fn a_closing_in_an_overlap_is_the_second() {
    let berlin = "2026-10-24T22:00+02:00 2026-10-25T02:30+01:00";
    check("sat 22:00-02:30 @ Europe/Berlin", "2026-10-24T21:00+02:00", &[berlin]);
    let new_york = "2026-11-01T00:30-04:00 2026-11-01T01:30-05:00";
    check("sun 00:30-01:30 @ America/New_York", "2026-11-01T00:00-04:00", &[new_york]);
    // An end at the start of the overlap is shown twice too, one at its end is not.
    let starts_the_overlap = "2026-10-25T01:00+02:00 2026-10-25T02:00+01:00";
    check("sun 01:00-02:00 @ Europe/Berlin", "2026-10-25T00:00+02:00", &[starts_the_overlap]);
    let ends_the_overlap = "2026-10-25T01:00+02:00 2026-10-25T03:00+01:00";
    check("sun 01:00-03:00 @ Europe/Berlin", "2026-10-25T00:00+02:00", &[ends_the_overlap]);
}

#[test]
fn a_window_inside_an_overlap_is_open_from_the_first_to_the_second() {
    let berlin = "2026-10-25T02:15+02:00 2026-10-25T02:45+01:00";
    check("sun 02:15-02:45 @ Europe/Berlin", "2026-10-25T00:00+02:00", &[berlin]);
}

#[test]
fn the_leap_day_is_a_day_of_the_week_like_another() {
    // 2028-02-29 is a Tuesday.
    check("tue 09:00-18:00 @ UTC", "2028-02-28T12:00Z", &["2028-02-29T09:00Z 2028-02-29T18:00Z"]);
    check(
        "mon-wed 22:00-06:00 @ UTC",
        "2028-02-28T12:00Z",
        &[
            "2028-02-28T22:00Z 2028-02-29T06:00Z",
            "2028-02-29T22:00Z 2028-03-01T06:00Z",
            "2028-03-01T22:00Z 2028-03-02T06:00Z",
        ],
    );
}

#[test]
fn a_zone_may_be_half_an_hour_off() {
    let window = "2026-11-20T03:30Z 2026-11-20T12:30Z";
    check("fri 09:00-18:00 @ Asia/Kolkata", "2026-11-20T00:00Z", &[window]);
}

#[test]
fn daylight_saving_may_be_half_an_hour() {
    // On Lord Howe Island 02:00 becomes 02:30 on Sunday 2026-10-04, and 01:30 to 02:00 comes twice on Sunday 2027-04-04.
    let gap = "2026-10-04T01:45+10:30 2026-10-04T06:00+11:00";
    check("sun 02:15-06:00 @ Australia/Lord_Howe", "2026-10-04T00:00+10:30", &[gap]);
    let overlap = "2027-04-04T01:45+11:00 2027-04-04T01:50+10:30";
    check("sun 01:45-01:50 @ Australia/Lord_Howe", "2027-04-04T00:00+11:00", &[overlap]);
}

// Samoa went from Thursday 2011-12-29 to Saturday 2011-12-31.

#[test]
fn a_day_that_a_zone_skips_is_a_gap_like_another() {
    let friday = "2011-12-29T09:00-10:00 2011-12-31T18:00+14:00";
    check("fri 09:00-18:00 @ Pacific/Apia", "2011-12-28T00:00-10:00", &[friday]);
    let into_friday = "2011-12-29T22:00-10:00 2011-12-31T06:00+14:00";
    check("thu 22:00-06:00 @ Pacific/Apia", "2011-12-29T00:00-10:00", &[into_friday]);
    let out_of_friday = "2011-12-29T22:00-10:00 2011-12-31T06:00+14:00";
    check("fri 22:00-06:00 @ Pacific/Apia", "2011-12-28T00:00-10:00", &[out_of_friday]);
}

#[test]
fn the_days_around_one_that_a_zone_skips_are_as_ever() {
    let windows = ["2011-12-29T09:00-10:00 2011-12-29T18:00-10:00", "2011-12-31T09:00+14:00 2011-12-31T18:00+14:00"];
    check("thu,sat 09:00-18:00 @ Pacific/Apia", "2011-12-29T00:00-10:00", &windows);
}

#[test]
fn midnight_itself_may_be_skipped() {
    // In Cairo 2027-04-30, a Friday, begins at 01:00.
    let thursday = "2027-04-29T00:00+02:00 2027-04-30T01:00+03:00";
    check("thu 00:00-24:00 @ Africa/Cairo", "2027-04-28T12:00+02:00", &[thursday]);
    let friday = "2027-04-29T23:00+02:00 2027-05-01T00:00+03:00";
    check("fri 00:00-24:00 @ Africa/Cairo", "2027-04-28T12:00+02:00", &[friday]);
}

#[test]
fn the_ends_of_time_are_no_edges() {
    let hour = SignedDuration::from_hours(1);
    for text in ["mon-sun 00:00-24:00 @ UTC", "mon-sun 00:00-24:00 @ Asia/Seoul", "mon-sun 00:00-24:00 @ Etc/GMT+12"] {
        let schedule = schedule(text);
        for now in [Timestamp::MIN, Timestamp::MIN + hour, Timestamp::MAX - hour, Timestamp::MAX] {
            assert!(schedule.is_open(now), "{text} at {now}");
            assert_eq!((schedule.next_opening(now), schedule.next_closing(now)), (None, None), "{text} after {now}");
        }
    }
}

#[test]
fn edges_just_within_time_are_found() {
    // Time ends on Thursday 9999-12-30 at 22:00, and begins on Tuesday -9999-01-02 at 01:59:59.
    let schedule = schedule("tue-thu 21:00-20:00 @ UTC");
    let edges = |now| (schedule.is_open(now), schedule.next_opening(now), schedule.next_closing(now));
    let day = SignedDuration::from_hours(24);
    let opening = at("9999-12-30T21:00Z");
    assert_eq!(edges(Timestamp::MAX), (true, None, None));
    assert_eq!(edges(opening), (true, None, None));
    assert_eq!(edges(opening - INSTANT), (false, Some(opening), None));
    assert_eq!(edges(opening - day), (true, Some(opening), Some(at("9999-12-30T20:00Z"))));
    let (opening, closing) = (at("-009999-01-02T21:00Z"), at("-009999-01-03T20:00Z"));
    assert_eq!(edges(Timestamp::MIN), (false, Some(opening), Some(closing)));
}

#[test]
fn a_window_beyond_the_ends_of_time_is_never_open() {
    let schedule = schedule("thu 23:00-24:00 + tue 00:00-01:00 @ UTC");
    assert!(!schedule.is_open(Timestamp::MAX) && !schedule.is_open(Timestamp::MIN));
    assert_eq!(schedule.next_opening(at("9999-12-30T00:00Z")), None);
}

#[test]
fn days_that_are_none_are_refused() {
    check_error("", "character 1: expected a day such as mon, found the end");
    check_error("   ", "character 4: expected a day such as mon, found the end");
    check_error("always", r#"character 1: expected a day such as mon, found "always""#);
    check_error("  monday 09:00-18:00 @ UTC", r#"character 3: expected a day such as mon, found "monday""#);
    check_error("mon-fry 09:00-18:00 @ UTC", r#"character 5: expected a day such as mon, found "fry""#);
    check_error("mon, 09:00-18:00 @ UTC", r#"character 6: expected a day such as mon, found "09:00""#);
    check_error("mon,,tue 09:00-18:00 @ UTC", r#"character 5: expected a day such as mon, found ",""#);
    check_error("09:00-18:00 @ UTC", r#"character 1: expected a day such as mon, found "09:00""#);
    check_error("mon 09:00-18:00 @ UTC +", "character 24: expected a day such as mon, found the end");
    check_error("mon 09:00-18:00 @ UTC + + ", r#"character 25: expected a day such as mon, found "+""#);
    check_error("+ mon 09:00-18:00 @ UTC", r#"character 1: expected a day such as mon, found "+""#);
    check_error("mon 09:00-18:00 @ UTC + 9", r#"character 25: expected a day such as mon, found "9""#);
}

#[test]
fn times_that_are_none_are_refused() {
    check_error("mon-fri 9x00-18:00 @ UTC", r#"character 9: expected a time such as 09:00, found "9x00""#);
    check_error("mon-fri 09:00-6pm @ UTC", r#"character 15: expected a time such as 09:00, found "6pm""#);
    for time in ["9", "9:0", "09:000", "009:00", "24:01", "25:00", "09:60", ":30", "09:", "9:00:00", "::00", "99:99"] {
        let expected = format!("character 5: expected a time such as 09:00, found {time:?}");
        check_error(&format!("mon {time}-18:00 @ UTC"), &expected);
        let expected = format!("character 11: expected a time such as 09:00, found {time:?}");
        check_error(&format!("mon 08:00-{time} @ UTC"), &expected);
    }
    check_error("mon 24:00-06:00 @ UTC", r#"character 5: expected a start from 00:00 to 23:59, found "24:00""#);
    check_error("mon fri 09:00-18:00 @ UTC", r#"character 5: expected a time such as 09:00, found "fri""#);
    check_error("mon ", "character 5: expected a time such as 09:00, found the end");
    check_error("mon 09:00- ", "character 12: expected a time such as 09:00, found the end");
}

#[test]
fn what_is_missing_is_named() {
    check_error("mon", "character 4: expected a space and a time such as 09:00, found the end");
    check_error("mon09:00-18:00", r#"character 4: expected a space and a time such as 09:00, found "09:00""#);
    check_error("mon 09:00", "character 10: expected `-` and a time such as 18:00, found the end");
    check_error("mon 09:00 18:00 @ UTC", r#"character 11: expected `-` and a time such as 18:00, found "18:00""#);
    check_error("mon 09:00h-18:00 @ UTC", r#"character 10: expected `-` and a time such as 18:00, found "h""#);
    check_error("mon 09:00-18:00 UTC", r#"character 17: expected `@`, `+` or the end, found "UTC""#);
    check_error("mon 09:00-18:00, tue 09:00-18:00", r#"character 16: expected `@`, `+` or the end, found ",""#);
    check_error("mon 09:00-18:00 @ UTC, tue 09:00-18:00", r#"character 22: expected `+` or the end, found ",""#);
    check_error("mon 09:00-18:00 @ UTC tue 09:00-18:00", r#"character 23: expected `+` or the end, found "tue""#);
    check_error("mon 09:00-18:00 @ UTC @ UTC", r#"character 23: expected `+` or the end, found "@""#);
    check_error("mon 09:00-18:00 @ UTC@UTC", r#"character 22: expected `+` or the end, found "@""#);
}

#[test]
fn a_schedule_without_any_zone_is_refused() {
    let expected = "expected `@` and a time zone such as Asia/Seoul, found the end";
    check_error("mon 09:00-18:00", &format!("character 16: {expected}"));
    check_error("mon 09:00-18:00 + tue 09:00-18:00 ", &format!("character 35: {expected}"));
}

#[test]
fn zones_that_are_none_are_refused() {
    let refused = |zone: &str| format!("character 19: expected a time zone such as Asia/Seoul, found {zone:?}");
    for zone in ["Seoul", "Asia", "KST", "UTC+9", "+09:00", "Etc/GMT+99", "Etc/Unknown", "../etc/passwd", "Asia/Séoul"]
    {
        check_error(&format!("mon 09:00-18:00 @ {zone} + sat 10:00-14:00"), &refused(zone));
    }
    check_error("mon 09:00-18:00 @ + tue 10:00-14:00 @ UTC", &refused("+"));
    check_error("mon 09:00-18:00 @ @ UTC", &refused("@"));
    check_error("mon 09:00-18:00 @", "character 18: expected a time zone such as Asia/Seoul, found the end");
}

#[test]
fn a_window_that_ends_as_it_starts_is_refused() {
    let expected = "expected an end other than the start (write 00:00-24:00 for a whole day)";
    check_error("mon 09:00-09:00 @ UTC", &format!(r#"character 11: {expected}, found "09:00""#));
    check_error("mon 00:00 - 0:00 @ UTC", &format!(r#"character 13: {expected}, found "0:00""#));
}

#[test]
fn text_in_any_script_is_pointed_at() {
    check_error("월-금 09:00-18:00 @ UTC", r#"character 1: expected a day such as mon, found "월""#);
    check_error("mon,lördag 09:00-18:00 @ UTC", r#"character 5: expected a day such as mon, found "lördag""#);
    check_error("monë 09:00-18:00 @ UTC", r#"character 1: expected a day such as mon, found "monë""#);
    check_error("mon 09:00-18:00 @ 東 ", r#"character 19: expected a time zone such as Asia/Seoul, found "東""#);
    check_error("mon 09:00–18:00 @ UTC", r#"character 10: expected `-` and a time such as 18:00, found "–18:00""#);
    check_error("mon 09:00-18:00 @ UTC + 🕘 09:00", r#"character 25: expected a day such as mon, found "🕘""#);
    check_error("mon–fri 09:00-18:00", r#"character 4: expected a space and a time such as 09:00, found "–fri""#);
}

#[test]
fn what_was_found_is_escaped() {
    check_error("mon\t09:00", r#"character 4: expected a space and a time such as 09:00, found "\t09:00""#);
    check_error("\u{1b}[31m", r#"character 1: expected a day such as mon, found "\u{1b}[31m""#);
    check_error("mon\u{a0}9:00", r#"character 4: expected a space and a time such as 09:00, found "\u{a0}9:00""#);
    check_error("mon 0\"9\n", r#"character 5: expected a time such as 09:00, found "0\"9\n""#);
    check_error("\u{202e}mon", r#"character 1: expected a day such as mon, found "\u{202e}mon""#);
}

#[test]
fn what_was_found_is_cut() {
    let long = "x".repeat(100_000);
    check_error(&long, r#"character 1: expected a day such as mon, found "xxxxxxxxxxxxxxxxxxxx…""#);
    check_error(&"x".repeat(20), r#"character 1: expected a day such as mon, found "xxxxxxxxxxxxxxxxxxxx""#);
    let in_a_zone = format!("mon 09:00-18:00 @ {long}");
    check_error(&in_a_zone, r#"character 19: expected a time zone such as Asia/Seoul, found "xxxxxxxxxxxxxxxxxxxx…""#);
    let digits = format!("mon {}:00-18:00 @ UTC", "9".repeat(100_000));
    check_error(&digits, r#"character 5: expected a time such as 09:00, found "99999999999999999999…""#);
    check_error(
        &format!("{}mon x", " ".repeat(100_000)),
        r#"character 100005: expected a time such as 09:00, found "x""#,
    );
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

#[test]
fn a_day_that_is_named_twice_is_open_all_the_same() {
    let schedule: Schedule = "mon-wed,tue 09:00-10:00 @ UTC".parse().expect("is a schedule");
    let tuesday: jiff::Timestamp = "2026-11-24T09:30:00Z".parse().expect("is a time");
    assert!(schedule.is_open(tuesday));
}
