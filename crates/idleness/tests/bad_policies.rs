//! Policies that make no sense: each is refused, with the place at fault and what was expected there.

use idleness::Policies;

#[track_caller]
fn check(json: &str, expected: &str) {
    let error = Policies::parse(json).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some(expected), "{json}");
}

/// A policy `p` of these fields.
#[track_caller]
fn check_policy(fields: &str, expected: &str) {
    check(&format!(r#"{{"p": {{{fields}}}}}"#), expected);
}

/// A policy `p` with these signals.
#[track_caller]
fn check_signals(signals: &str, expected: &str) {
    check_policy(&format!(r#""signals": {{{signals}}}"#), expected);
}

/// A policy `p` that changes these fields of `cpu`.
#[track_caller]
fn check_cpu(fields: &str, expected: &str) {
    check_signals(&format!(r#""cpu": {{{fields}}}"#), expected);
}

/// What serde says depends on its version beyond its first words; the place does not.
#[track_caller]
fn check_shape(json: &str, place: &str, words: &str) {
    let error = Policies::parse(json).expect_err(json).to_string();
    assert!(error.starts_with(&format!("at {place}: {words}")), "{json}: {error}");
}

#[test]
fn a_text_that_is_no_json() {
    for (json, place, words) in [
        ("", ".", "EOF while parsing a value"),
        ("dev-box", ".", "expected value"),
        ("{", "?", "EOF while parsing an object"),
        (r#"{"p": {"lookback_minutes": 5,}}"#, "p.?", "trailing comma"),
        (r#"{"p": {}} {}"#, ".", "trailing characters"),
        (r#"{"p": {}},"#, ".", "trailing characters"),
        (r#"{"p": {"signals": {"cpu": {"limit": NaN}}}}"#, "p.signals.cpu.limit", "expected value"),
    ] {
        check_shape(json, place, words);
    }
}

#[test]
fn json_of_another_shape() {
    for (json, place, words) in [
        ("[]", ".", "invalid type: sequence, expected an object"),
        ("null", ".", "invalid type: null, expected an object"),
        (r#"{"p": null}"#, "p", "invalid type: null"),
        (r#"{"p": "gcp"}"#, "p", "invalid type: string \"gcp\""),
        (r#"{"p": {"signals": null}}"#, "p.signals", "invalid type: null, expected an object"),
        (r#"{"p": {"signals": []}}"#, "p.signals", "invalid type: sequence, expected an object"),
        (r#"{"p": {"signals": {"cpu": 5}}}"#, "p.signals.cpu", "invalid type: integer `5`"),
    ] {
        check_shape(json, place, words);
    }
}

/// A policy with one bad field.
#[track_caller]
fn check_field(field: &str, place: &str, words: &str) {
    check_shape(&format!(r#"{{"p": {{{field}}}}}"#), &format!("p.{place}"), words);
}

/// A policy that changes one field of `cpu` into something bad.
#[track_caller]
fn check_cpu_field(field: &str, place: &str, words: &str) {
    let json = format!(r#"{{"p": {{"signals": {{"cpu": {{{field}}}}}}}}}"#);
    check_shape(&json, &format!("p.signals.cpu{place}"), words);
}

#[test]
fn a_field_that_doze_does_not_know() {
    check_field(r#""lookback": 60"#, "lookback", "unknown field `lookback`, expected one of `based_on`, ");
    check_cpu_field(r#""threshold": 5"#, ".threshold", "unknown field `threshold`, expected one of `metrics`, ");
    check_cpu_field(r#""limit": 5, "limit": 6"#, "", "duplicate field `limit`");
    let metrics = r#""metrics": [{"namespace": "a", "name": "b", "stat": "max"}]"#;
    check_cpu_field(metrics, ".metrics[0].stat", "unknown field `stat`, expected one of `namespace`, ");
}

#[test]
fn a_value_of_another_type() {
    check_field(r#""lookback_minutes": "60""#, "lookback_minutes", r#"invalid type: string "60""#);
    check_field(r#""lookback_minutes": 60.5"#, "lookback_minutes", "invalid type: floating point `60.5`");
    check_field(r#""coverage_percent": 99.5"#, "coverage_percent", "invalid type: floating point `99.5`");
    check_field(r#""sessions": "yes""#, "sessions", r#"invalid type: string "yes", expected a boolean"#);
    check_field(r#""based_on": 1"#, "based_on", "invalid type: integer `1`, expected a string");
    check_cpu_field(r#""limit": "5""#, ".limit", r#"invalid type: string "5""#);
    check_cpu_field(r#""optional": 1"#, ".optional", "invalid type: integer `1`, expected a boolean");
    check_cpu_field(r#""metrics": {}"#, ".metrics", "invalid type: map, expected a sequence");
    check_cpu_field(r#""metrics": ["CPUUtilization"]"#, ".metrics[0]", r#"invalid type: string "CPUUtilization""#);
    check_cpu_field(r#""metrics": [{"namespace": "a"}]"#, ".metrics[0]", "missing field `name`");
    check_cpu_field(r#""metrics": [{"name": "a"}]"#, ".metrics[0]", "missing field `namespace`");
    let metrics = r#""metrics": [{"namespace": "a", "name": "b"}, {"namespace": "a", "name": 1}]"#;
    check_cpu_field(metrics, ".metrics[1].name", "invalid type: integer `1`, expected a string");
}

#[test]
fn a_name_that_doze_does_not_know() {
    check_cpu_field(
        r#""statistic": "p99""#,
        ".statistic",
        "unknown variant `p99`, expected one of `max`, `average`, `sum`",
    );
    check_cpu_field(r#""statistic": "Maximum""#, ".statistic", "unknown variant `Maximum`");
    check_cpu_field(r#""unit": "bytes""#, ".unit", "unknown variant `bytes`, expected one of `percent`, `vcpus`, ");
    check_cpu_field(r#""hardware": "gpu""#, ".hardware", "unknown variant `gpu`, expected `any` or `accelerated`");
    let metrics = r#""metrics": [{"namespace": "a", "name": "b", "dimensions": "all"}]"#;
    let expected = "unknown variant `all`, expected `instance-id` or `discovered`";
    check_cpu_field(metrics, ".metrics[0].dimensions", expected);
}

#[test]
fn a_number_out_of_range() {
    check_field(r#""lookback_minutes": -60"#, "lookback_minutes", "invalid value: integer `-60`");
    check_field(r#""minimum_uptime_minutes": -1"#, "minimum_uptime_minutes", "invalid value: integer `-1`");
    let minutes = r#""minimum_uptime_minutes": 4294967296"#;
    check_field(minutes, "minimum_uptime_minutes", "invalid value: integer `4294967296`");
    check_field(r#""coverage_percent": 101"#, "coverage_percent", "expected a whole number from 0 to 100");
    check_field(r#""coverage_percent": 300"#, "coverage_percent", "invalid value: integer `300`");
    check_field(r#""coverage_percent": -1"#, "coverage_percent", "invalid value: integer `-1`");
    let share = r#""allowed_percent_above": 101"#;
    check_cpu_field(share, ".allowed_percent_above", "expected a whole number from 0 to 100");
    check_cpu_field(r#""period_minutes": -5"#, ".period_minutes", "invalid value: integer `-5`");
    check_cpu_field(r#""limit": 1e999"#, ".limit", "number out of range");
}

#[test]
fn a_lookback_too_short_or_too_long() {
    let problem = "at p.lookback_minutes: expected 5 minutes to 60 days, in minutes";
    for minutes in [0, 4, 60 * 1440 + 1, u32::MAX] {
        check_policy(&format!(r#""lookback_minutes": {minutes}"#), problem);
    }
}

#[test]
fn a_coverage_of_nothing() {
    check_policy(r#""coverage_percent": 0"#, "at p.coverage_percent: expected 1 to 100: missing data proves nothing");
}

#[test]
fn a_base_that_is_no_preset() {
    let problem = "at p.based_on: expected the name of a preset";
    for base in ["", "lazy", "Dev-Box", "p", "other"] {
        check(&format!(r#"{{"other": {{}}, "p": {{"based_on": "{base}"}}}}"#), problem);
    }
}

#[test]
fn a_name_with_spaces_around_it() {
    let problem = "expected a name of at most 255 characters on one line, without spaces around it";
    for name in ["", " ", " p", "p ", "p\\n", "\\tp"] {
        check(&format!(r#"{{"{name}": {{}}}}"#), &format!("at {name}: {problem}"));
    }
}

#[test]
fn a_limit_below_zero() {
    let problem = "at p.signals.cpu.limit: expected a number, zero or more";
    for limit in ["-1", "-0.001", "-1e300"] {
        check_cpu(&format!(r#""limit": {limit}"#), problem);
    }
    let own = r#""jobs": {"metrics": [{"namespace": "a", "name": "b"}], "limit": -1}"#;
    check_signals(own, "at p.signals.jobs.limit: expected a number, zero or more");
}

#[test]
fn a_unit_that_no_metric_has() {
    for unit in ["seconds", "sessions", "stops-per-hour"] {
        check_cpu(
            &format!(r#""unit": "{unit}""#),
            "at p.signals.cpu.unit: expected `percent`, `vcpus`, `bytes-per-second`, `bytes-per-day`, \
             `operations-per-second` or `count`",
        );
    }
}

#[test]
fn a_statistic_that_does_not_go_with_the_unit() {
    let expected = "expected `sum` for a rate, and `max` or `average` for anything else";
    for fields in [
        r#""statistic": "sum""#,
        r#""statistic": "sum", "unit": "vcpus""#,
        r#""unit": "bytes-per-second""#,
        r#""unit": "bytes-per-day""#,
        r#""statistic": "average", "unit": "operations-per-second""#,
    ] {
        check_cpu(fields, &format!("at p.signals.cpu.statistic: {expected}"));
    }
    check_signals(r#""ebs": {"statistic": "max"}"#, &format!("at p.signals.ebs.statistic: {expected}"));
    check_signals(r#""ebs": {"unit": "percent"}"#, &format!("at p.signals.ebs.statistic: {expected}"));
}

#[test]
fn metrics_without_a_name() {
    let expected = "at p.signals.cpu.metrics: expected one metric or more, each with a `namespace` and a `name`";
    check_cpu(r#""metrics": []"#, expected);
    let long = "n".repeat(256);
    for (namespace, name) in [("", "b"), ("a", ""), (" a", "b"), ("a", "b "), (long.as_str(), "b"), ("a", &long)] {
        check_cpu(&format!(r#""metrics": [{{"namespace": "{namespace}", "name": "{name}"}}]"#), expected);
        let second = format!(r#"{{"namespace": "a", "name": "b"}}, {{"namespace": "{namespace}", "name": "{name}"}}"#);
        check_cpu(&format!(r#""metrics": [{second}]"#), expected);
    }
    assert!(
        Policies::parse(&format!(
            r#"{{"p": {{"signals": {{"cpu": {{"metrics": [{{"namespace": "a", "name": "{}"}}]}}}}}}}}"#,
            &long[1..]
        ))
        .is_ok()
    );
}

#[test]
fn a_share_that_leaves_nothing_to_prove() {
    let expected = "at p.signals.cpu.allowed_percent_above: expected 0 to 99: with all of them above, nothing is idle";
    check_cpu(r#""allowed_percent_above": 100"#, expected);
}

#[test]
fn a_period_that_does_not_fit_into_the_lookback() {
    let expected = "at p.signals.cpu.period_minutes: expected 1 minute or more, and no more than the lookback";
    for minutes in [0, 61, u32::MAX] {
        check_cpu(&format!(r#""period_minutes": {minutes}"#), expected);
    }
}

#[test]
fn more_datapoints_than_a_signal_may_have() {
    check_policy(
        r#""lookback_minutes": 1441, "signals": {"cpu": {"period_minutes": 1}}"#,
        "at p.signals.cpu.period_minutes: 1441 datapoints, at most 1440: choose a longer period",
    );
}

#[test]
fn more_datapoints_than_a_policy_may_have() {
    check_policy(
        r#""lookback_minutes": 1440, "signals": {"cpu": {"period_minutes": 1}, "vcpus": {"period_minutes": 1}, "network": {"period_minutes": 1}}"#,
        "at p.signals: 6912 datapoints an instance, at most 6000: choose longer periods",
    );
}

#[test]
fn a_policy_without_a_signal() {
    check_signals(
        r#""cpu": null, "vcpus": null, "network": null, "ebs": null, "gpu": null, "gpu-memory-used": null"#,
        "at p.signals: a policy without signals proves nothing",
    );
}

#[test]
fn a_signal_to_take_out_that_is_not_there() {
    for name in ["disk", "jobs", "CPU"] {
        check_signals(
            &format!(r#""{name}": null"#),
            &format!("at p.signals.{name}: there is no such signal to take out"),
        );
    }
}

#[test]
fn a_signal_of_ones_own_without_metrics_or_limit() {
    for fields in ["", r#""limit": 1"#, r#""metrics": [{"namespace": "a", "name": "b"}]"#, r#""unit": "count""#] {
        let expected = "at p.signals.jobs: a signal of your own needs `metrics` and `limit`";
        check_signals(&format!(r#""jobs": {{{fields}}}"#), expected);
    }
}

#[test]
fn one_bad_policy_among_good_ones() {
    check(
        r#"{"a": {}, "b": {"signals": {"ebs": {"limit": -1}}}, "c": {}}"#,
        "at b.signals.ebs.limit: expected a number, zero or more",
    );
}

#[test]
fn a_policy_or_a_signal_that_is_described_twice() {
    for json in
        [r#"{"p": {"lookback_minutes": 600}, "p": {}}"#, r#"{"p": {"signals": {"cpu": {"limit": 1}, "cpu": {}}}}"#]
    {
        assert!(Policies::parse(json).is_err(), "{json}");
    }
}

#[test]
fn a_name_that_is_not_one_line_of_text() {
    let own = r#"{"metrics": [{"namespace": "a", "name": "b"}], "limit": 0}"#;
    for name in ["", " jobs", "jobs\\nKEEP", "jobs\\u001b[31m"] {
        let signal = format!(r#"{{"p": {{"signals": {{"{name}": {own}}}}}}}"#);
        assert!(Policies::parse(&signal).is_err(), "{signal}");
    }
    for name in ["night\\nshift", "night\\u0000"] {
        let policy = format!(r#"{{"{name}": {{}}}}"#);
        assert!(Policies::parse(&policy).is_err(), "{policy}");
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html>
#[test]
fn a_period_of_which_cloudwatch_has_no_datapoints_that_far_back() {
    let parse = |lookback: u32, period: u32| {
        let others = r#""vcpus": null, "network": null, "ebs": null, "gpu": null, "gpu-memory-used": null"#;
        let signals = format!(r#"{{{others}, "cpu": {{"period_minutes": {period}}}}}"#);
        Policies::parse(&format!(r#"{{"p": {{"lookback_minutes": {lookback}, "signals": {signals}}}}}"#))
    };
    let fortnight = 14 * 1440;
    let problem = "expected a multiple of 5: CloudWatch keeps single minutes for two weeks";
    for (lookback, period, is_kept) in [
        (fortnight, 16, true),
        (fortnight + 1, 15, true),
        (fortnight + 1, 20, true),
        (fortnight + 1, 16, false),
        (fortnight + 1, 19, false),
        (60 * 1440, 64, false),
        (60 * 1440, 65, true),
    ] {
        let error = parse(lookback, period).err().map(|error| error.to_string());
        let expected = (!is_kept).then(|| format!("at p.signals.cpu.period_minutes: {problem}"));
        assert_eq!(error, expected, "{lookback} minutes in periods of {period}");
    }
}

#[test]
fn a_lookback_for_which_cloudwatch_lists_no_dimensions() {
    check_policy(
        r#""lookback_minutes": 21600, "signals": {"memory": {}}"#,
        "at p.signals.memory.metrics: expected a lookback of two weeks at most: CloudWatch lists no older dimensions",
    );
}
