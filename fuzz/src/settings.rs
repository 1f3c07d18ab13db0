//! What functions are told by their environment: the `Settings::read` of each of them.
//!
//! The data are an object of variables, where a value that is no text is written down as JSON; or a line for each,
//! `DOZE_MODE=enforce`.

use std::{collections::BTreeMap, sync::LazyLock};

use ::settings::{Environment, InvalidSetting};
use idleness::{Percent, Policies, Policy, Rules, Signal, Statistic, Unit};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::mutation::Material;

/// What environments are made of.
pub static MATERIAL: LazyLock<Material> = LazyLock::new(|| {
    let policies = json!({
        "dev-box": {"lookback_minutes": 120, "signals": {"cpu": {"limit": 3}, "ebs": null}},
        "render": {
            "based_on": "gcp", "minimum_uptime_minutes": 60, "coverage_percent": 95, "sessions": true,
            "signals": {"memory": {"limit": 20}, "network": null, "jobs": {
                "metrics": [{"namespace": "Render", "name": "QueuedJobs", "dimensions": "discovered"}], "statistic": "max",
                "period_minutes": 5, "limit": 0, "unit": "count", "allowed_percent_above": 0, "optional": false,
                "hardware": "accelerated",
            }},
        },
    });
    let environment = json!({
        "DOZE_ALARM_ACTION": "arn:aws:lambda:eu-west-1:123456789012:function:doze", "DOZE_ALARM_PREFIX": "doze-idle-",
        "DOZE_GRACE_MINUTES": "30", "DOZE_HOLD_MINUTES": "60", "DOZE_LINK_HOURS": "168", "DOZE_LINK_KEY": "arn:key",
        "DOZE_MAX_KEEP_HOURS": "24", "DOZE_MAX_STOPS": "25", "DOZE_MAX_STOPS_PERCENT": "50", "DOZE_MODE": "enforce",
        "DOZE_POLICIES": policies, "DOZE_POLICY": "render", "DOZE_PRICES": {"m7i.large": 0.1008}, "DOZE_TOPIC": "arn:topic",
        "DOZE_URL": "https://example.com/",
    });
    Material { documents: vec![environment], words: WORDS }
});

const WORDS: &[&str] = &[
    "0",
    "1",
    "101",
    "1001",
    "10081",
    "4294967296",
    "DOZE_GRACE_MINUTES",
    "DOZE_MODE",
    "DOZE_POLICIES",
    "DOZE_POLICY",
    "DOZE_PRICES",
    "accelerated",
    "allowed_percent_above",
    "any",
    "average",
    "based_on",
    "bytes-per-day",
    "bytes-per-second",
    "compute-optimizer",
    "cost-explorer",
    "count",
    "coverage_percent",
    "cpu",
    "dev-box",
    "dimensions",
    "discovered",
    "dry-run",
    "ebs",
    "enforce",
    "gcp",
    "gpu",
    "hardware",
    "heartbeat",
    "instance-id",
    "limit",
    "lookback_minutes",
    "max",
    "memory",
    "metrics",
    "minimum_uptime_minutes",
    "name",
    "namespace",
    "network",
    "operations-per-second",
    "optional",
    "percent",
    "period_minutes",
    "seconds",
    "sessions",
    "signals",
    "statistic",
    "sum",
    "trusted-advisor",
    "unit",
    "vcpus",
];

/// Reads the settings of every function.
///
/// # Panics
/// A setting beyond its range was accepted, or an error names no variable, or is more than a line.
pub fn run(data: &[u8]) {
    let variables = variables(&String::from_utf8_lossy(data));
    let environment: &Environment = &variables.clone().into_iter().collect();
    let policies = names(variables.get("DOZE_POLICIES").map_or("", String::as_str));
    match scheduler::Settings::read(environment) {
        Ok(settings) => check_scheduler(&settings, &policies),
        Err(error) => check_error(&error),
    }
    match home::Settings::read(environment) {
        Ok(settings) => {
            check_rules(&settings.rules, &policies);
            assert!((1..=168).contains(&settings.max_keep_hours));
        }
        Err(error) => check_error(&error),
    }
    match wake::Settings::read(environment) {
        Ok(settings) => {
            assert!((1..=168).contains(&settings.max_keep_hours));
            assert!((0..=24 * 60).contains(&settings.hold.as_mins()));
        }
        Err(error) => check_error(&error),
    }
    match alarms::Settings::read(environment) {
        Ok(settings) => match &settings.rules {
            Ok(rules) => check_rules(rules, &policies),
            Err(error) => check_error(error),
        },
        Err(error) => check_error(&error),
    }
}

fn variables(text: &str) -> BTreeMap<String, String> {
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        let lines = text.lines().filter_map(|line| line.split_once('='));
        return lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    };
    let written = |value: Value| if let Value::String(text) = value { text } else { value.to_string() };
    fields.into_iter().map(|(name, value)| (name, written(value))).collect()
}

/// The names of policies, the user's and the presets'.
fn names(json: &str) -> Vec<String> {
    let custom = match serde_json::from_str(json) {
        Ok(Value::Object(policies)) => policies.into_iter().map(|(name, _)| name).collect(),
        _ => Vec::new(),
    };
    Policy::presets().into_iter().map(|policy| policy.name.into_owned()).chain(custom).collect()
}

fn check_error(error: &InvalidSetting) {
    let words = error.to_string();
    assert!(words.starts_with("DOZE_") && words.contains(" is \""), "{words:?}");
    assert!(!words.contains(char::is_control), "{words:?}");
}

fn check_scheduler(settings: &scheduler::Settings, policies: &[String]) {
    check_rules(&settings.rules, policies);
    assert!(settings.caps.stops <= 1000 && settings.caps.share <= Percent::ALL, "{:?}", settings.caps);
    if let Some(links) = &settings.links {
        assert!((1..=720).contains(&links.good_for.as_hours()), "{links:?}");
        assert!(!links.url.ends_with('/') && !links.key.is_empty(), "{links:?}");
    }
}

fn check_rules(rules: &Rules, names: &[String]) {
    let Rules { policies, grace } = rules;
    assert!((SignedDuration::ZERO..=SignedDuration::from_hours(7 * 24)).contains(grace), "{grace}");
    check_policy(policies.default_policy());
    for name in names {
        check_policy(known(policies, name));
    }
}

fn known<'a>(policies: &'a Policies, name: &str) -> &'a Policy {
    policies.named(name).unwrap_or_else(|| panic!("{name:?} was read, and is not there"))
}

/// The ranges that `docs/policies.md` gives.
fn check_policy(policy: &Policy) {
    let Policy { name, lookback, minimum_uptime, coverage, signals, .. } = policy;
    assert!(!name.is_empty() && name.len() <= 255 && !name.contains(char::is_control), "{name:?}");
    assert!((5..=60 * 24 * 60).contains(&lookback.as_mins()), "{policy:?}");
    assert!((0..=i64::from(u32::MAX)).contains(&minimum_uptime.as_mins()), "{policy:?}");
    assert!(*coverage > Percent::NONE && !signals.is_empty(), "{policy:?}");
    for signal in signals {
        check_signal(signal, *lookback);
    }
    let points = |signal: &Signal| policy.expected_points(signal) * signal.metrics.len();
    assert!(signals.iter().map(points).sum::<usize>() <= 6000, "{policy:?}");
    assert!(signals.iter().all(|signal| (1..=1440).contains(&policy.required_points(signal))), "{policy:?}");
}

fn check_signal(signal: &Signal, lookback: SignedDuration) {
    assert!(signal.limit.is_finite() && signal.limit >= 0.0, "{signal:?}");
    assert!((SignedDuration::from_mins(1)..=lookback).contains(&signal.period), "{signal:?}");
    assert!(signal.allowed_above < Percent::ALL && !signal.metrics.is_empty(), "{signal:?}");
    let is_rate = matches!(signal.unit, Unit::BytesPerSecond | Unit::BytesPerDay | Unit::OperationsPerSecond);
    assert!(signal.unit == Unit::Count || is_rate == (signal.statistic == Statistic::Sum), "{signal:?}");
    assert!(!matches!(signal.unit, Unit::Seconds | Unit::Sessions | Unit::StopsPerHour), "{signal:?}");
}
