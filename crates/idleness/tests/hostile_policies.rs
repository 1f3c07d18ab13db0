//! Whatever stands where policies should be: it is refused, or gives policies that make sense.

use crate::support;
use idleness::{Evidence, Percent, Policies, Policy, Statistic, Unit, Verdict, decide};
use jiff::SignedDuration;
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};

const KEYS: &[&str] = &[
    "dev-box",
    "gcp",
    "p",
    "based_on",
    "lookback_minutes",
    "minimum_uptime_minutes",
    "coverage_percent",
    "sessions",
    "signals",
    "cpu",
    "network",
    "ebs",
    "disk",
    "gpu",
    "heartbeat",
    "jobs",
    "metrics",
    "statistic",
    "period_minutes",
    "limit",
    "unit",
    "allowed_percent_above",
    "optional",
    "hardware",
    "namespace",
    "name",
    "dimensions",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(vec![-1_i64, 0, 1, 5, 60, 100, 101, 1440, 20_160, 90_720, 90_721, i64::from(u32::MAX), i64::MAX])
            .prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(vec!["gcp", "p", "max", "sum", "percent", "vcpus", "seconds", "bytes-per-day", "any", "discovered", ""])
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let key = prop_oneof![9 => select(KEYS).prop_map(str::to_owned), 1 => any::<String>()];
        prop_oneof![
            1 => vec(inner.clone(), 0..3).prop_map(Value::from),
            4 => vec((key, inner), 0..5).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

/// Fields of the right type, so that most of them get as far as being judged.
fn any_fields() -> impl Strategy<Value = Value> {
    let minutes =
        || select(vec![0, 1, 5, 7, 60, 119, 1440, 1441, 20_160, 90_720, 90_721, u32::MAX]).prop_map(Value::from);
    let share = || select(vec![0, 1, 50, 99, 100]).prop_map(Value::from);
    let metric = select(vec![json!({"namespace": "a", "name": "b"}), json!({"namespace": "", "name": "b"})]);
    let metrics = vec(metric, 0..3).prop_map(Value::from);
    let limit = select(vec![json!(0), json!(0.03), json!(5), json!(-1), json!(1e300)]);
    let statistic = select(vec![json!("max"), json!("average"), json!("sum")]);
    let unit =
        select(vec![json!("percent"), json!("vcpus"), json!("bytes-per-second"), json!("count"), json!("sessions")]);
    let field = prop_oneof![
        metrics.prop_map(|value| ("metrics", value)),
        statistic.prop_map(|value| ("statistic", value)),
        minutes().prop_map(|value| ("period_minutes", value)),
        limit.prop_map(|value| ("limit", value)),
        unit.prop_map(|value| ("unit", value)),
        share().prop_map(|value| ("allowed_percent_above", value)),
        any::<bool>().prop_map(|value| ("optional", value.into())),
        select(vec![json!("any"), json!("accelerated")]).prop_map(|value| ("hardware", value)),
    ];
    let signal = prop_oneof![
        1 => Just(Value::Null),
        5 => vec(field, 0..3).prop_map(|fields| fields.into_iter().collect()),
    ];
    let name = select(vec!["cpu", "network", "ebs", "gpu", "disk", "heartbeat", "memory", "jobs"]);
    let signals = vec((name, signal), 0..4).prop_map(|signals| signals.into_iter().collect::<Value>());
    let base = select(vec![
        json!("dev-box"),
        json!("gcp"),
        json!("trusted-advisor"),
        json!("compute-optimizer"),
        json!("lazy"),
    ]);
    let field = prop_oneof![
        1 => base.prop_map(|value| ("based_on", value)),
        2 => minutes().prop_map(|value| ("lookback_minutes", value)),
        1 => minutes().prop_map(|value| ("minimum_uptime_minutes", value)),
        1 => share().prop_map(|value| ("coverage_percent", value)),
        1 => any::<bool>().prop_map(|value| ("sessions", value.into())),
        3 => signals.prop_map(|value| ("signals", value)),
    ];
    vec(field, 0..5).prop_map(|fields| fields.into_iter().collect())
}

/// What every policy must keep, that it may be trusted with a stop.
fn check_sense(policy: &Policy) {
    assert!(!policy.signals.is_empty() && policy.coverage > Percent::NONE);
    assert!((SignedDuration::from_mins(5)..=SignedDuration::from_hours(60 * 24)).contains(&policy.lookback));
    let mut all_points = 0;
    for signal in &policy.signals {
        assert!(signal.limit.is_finite() && signal.limit >= 0.0);
        assert!(!signal.metrics.is_empty() && signal.allowed_above < Percent::ALL);
        assert!(signal.period >= SignedDuration::from_mins(1) && signal.period <= policy.lookback);
        let is_rate = [Unit::BytesPerSecond, Unit::BytesPerDay, Unit::OperationsPerSecond].contains(&signal.unit);
        assert!(signal.unit == Unit::Count || is_rate == (signal.statistic == Statistic::Sum));
        let points = policy.expected_points(signal);
        assert!((1..=1440).contains(&points) && (1..=points).contains(&policy.required_points(signal)));
        all_points += points * signal.metrics.len();
    }
    assert!(all_points <= 6000, "{all_points} datapoints");
    let rules = support::under(policy.clone());
    let decision = decide(&support::instance(1), &Evidence::default(), &rules, support::now());
    assert_eq!(decision.verdict, Verdict::Keep, "no data is no proof");
}

fn check(json: &str) -> bool {
    match Policies::parse(json) {
        Ok(policies) => {
            for name in ["dev-box", "gcp", "p", "cpu"] {
                policies.named(name).into_iter().for_each(check_sense);
            }
            check_sense(policies.default_policy());
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with("at "), "{error}");
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn any_text_is_refused_or_makes_sense(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_json_is_refused_or_makes_sense(json in any_json()) {
        check(&json.to_string());
    }

    #[test]
    fn any_policy_is_refused_or_makes_sense(name in select(vec!["p", "gcp", "dev-box"]), fields in any_fields()) {
        check(&json!({name: fields}).to_string());
    }

    #[test]
    fn a_policy_with_a_typing_error_is_refused_or_makes_sense(at in any::<Index>(), typed in any::<char>(), len in 0..3_usize) {
        let text = r#"{"p": {"based_on": "gcp", "coverage_percent": 95, "signals": {"cpu": {"limit": 0.5}, "disk": {}}}}"#;
        let at = at.index(text.len());
        let after = (at + len).min(text.len());
        check(&format!("{}{typed}{}", &text[..at], &text[after..]));
    }
}

/// The properties would hold of a crate that refuses everything.
#[test]
fn many_of_the_random_policies_make_sense() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let accepted = (0..300).filter(|_| {
        let fields = any_fields().new_tree(&mut runner).expect("fields").current();
        check(&json!({"p": fields}).to_string())
    });
    let accepted = accepted.count();
    assert!((50..250).contains(&accepted), "{accepted} of 300 were accepted");
}
