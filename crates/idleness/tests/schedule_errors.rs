//! Texts that are no schedules, and the character that each error points at.

use idleness::Schedule;

#[track_caller]
fn check_error(text: &str, expected: &str) {
    let error = text.parse::<Schedule>().expect_err("is no schedule");
    assert_eq!(error.to_string(), expected);
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
