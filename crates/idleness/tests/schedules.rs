//! Schedules as a table of cases: a text, and when it opens and closes.

use idleness::Schedule;
use jiff::{SignedDuration, Timestamp};

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
fn a_day_that_is_named_twice_is_open_all_the_same() {
    let schedule: Schedule = "mon-wed,tue 09:00-10:00 @ UTC".parse().expect("is a schedule");
    let tuesday: jiff::Timestamp = "2026-11-24T09:30:00Z".parse().expect("is a time");
    assert!(schedule.is_open(tuesday));
}
