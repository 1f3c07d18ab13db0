//! Builders shared by this crate's tests: a quiet, opted-in instance, its evidence, and edits that make it something else.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its own part")]

pub mod cases;
pub mod fleets;
pub mod histories;
pub mod measurements;
pub mod proof;
pub mod starts;
pub mod words;

use idleness::{
    Datapoint, Evidence, Instance, InstanceState, InstanceType, Market, Measure, Metric, Policies, Policy, RootDevice,
    Rules, Series, SeriesStatus, StopProtection, Tags, Transition,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

/// What `dev-box` measures of an instance without accelerators.
pub const METRICS: [Metric; 5] =
    [Metric::CPU, Metric::NETWORK_IN, Metric::NETWORK_OUT, Metric::EBS_READS, Metric::EBS_WRITES];

/// A Saturday evening, UTC.
pub fn now() -> Timestamp {
    at("2026-11-21T20:03:17Z")
}

pub fn at(text: &str) -> Timestamp {
    text.parse().expect("a test's time is valid")
}

pub fn minutes_ago(minutes: i64) -> Timestamp {
    now() - SignedDuration::from_mins(minutes)
}

/// An opted-in `m7g.large` that has been up for a month.
pub fn instance(number: u32) -> Instance {
    Instance {
        id: format!("i-{number:017x}").parse().expect("a test's id is valid"),
        state: InstanceState::Running,
        launched_at: Some(minutes_ago(30 * 24 * 60)),
        instance_type: InstanceType::from_name("m7g.large"),
        vcpus: Some(2),
        root_device: RootDevice::Ebs,
        market: Market::OnDemand,
        stop_protection: StopProtection::Off,
        transition: Transition::default(),
        tags: Tags::from_iter([("doze", "on")]),
    }
}

/// The first instance, with more tags than the opt-in.
pub fn tagged(tags: &[(&str, &str)]) -> Instance {
    Instance { tags: [("doze", "on")].iter().chain(tags).copied().collect(), ..instance(1) }
}

/// The first instance, of another type.
pub fn of_type(name: &str) -> Instance {
    Instance { instance_type: InstanceType::from_name(name), ..instance(1) }
}

/// What makes `dev-box` a policy of three signals and round figures, by which most cases are judged. Those of `dev-box` itself
/// are the benchmark's, and may change.
const PLAIN_SIGNALS: &str =
    r#"{"vcpus": null, "network": {"limit": 2048}, "ebs": {"limit": 5}, "gpu-memory-used": null}"#;

pub fn rules() -> Rules {
    let json = format!(r#"{{"dev-box": {{"signals": {PLAIN_SIGNALS}}}}}"#);
    Rules { policies: Policies::parse(&json).expect("is a policy"), ..Rules::default() }
}

/// The policy of plain figures.
pub fn plain() -> Policy {
    rules().policies.default_policy().clone()
}

/// Rules under which one policy counts for all.
pub fn under(policy: Policy) -> Rules {
    Rules { policies: Policies::only(policy), ..rules() }
}

/// The policy of these fields, as JSON. What they do not say is that of the plain policy, unless they name another.
pub fn custom(fields: &str) -> Policy {
    let mut fields: Value = serde_json::from_str(fields).unwrap_or_else(|error| panic!("{fields}: {error}"));
    if fields.get("based_on").is_none() {
        let plain: Map<String, Value> = serde_json::from_str(PLAIN_SIGNALS).expect("is JSON");
        let own = fields["signals"].as_object().cloned().unwrap_or_default();
        let mut signals = plain.clone();
        for (name, own) in own {
            let limit = plain.get(&name).and_then(|plain| plain.get("limit")).cloned();
            let mut merged = own;
            if let (Some(fields), Some(limit)) = (merged.as_object_mut(), limit) {
                fields.entry("limit").or_insert(limit);
            }
            signals.insert(name, merged);
        }
        fields["signals"] = signals.into();
    }
    let json = format!(r#"{{"custom": {fields}}}"#);
    let policies = Policies::parse(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    policies.named("custom").cloned().expect("it was named")
}

/// What the policy asks of CloudWatch about the metric.
pub fn measure_of(policy: &Policy, metric: &Metric) -> Measure {
    let mut measures = policy.signals.iter().flat_map(|signal| signal.measures().collect::<Vec<_>>());
    measures.find(|measure| measure.metric == *metric).unwrap_or_else(|| panic!("{} has no {metric:?}", policy.name))
}

/// One value after the other, the last of them in the last complete period.
pub fn series_each(period: SignedDuration, values: impl IntoIterator<Item = f64>) -> Series {
    let values: Vec<f64> = values.into_iter().collect();
    let until = now().as_second() / period.as_secs() * period.as_secs();
    let seconds = (1..).map(|ago| until - ago * period.as_secs());
    let point = |(second, value): (i64, &f64)| Datapoint {
        at: Timestamp::from_second(second).expect("in range"),
        value: *value,
    };
    let mut points: Vec<Datapoint> = seconds.zip(values.iter().rev()).map(point).collect();
    points.reverse();
    Series { status: SeriesStatus::Complete, points }
}

/// Twelve datapoints of one value, one every five minutes from 19:00: as many as `dev-box` expects.
pub fn steady(value: f64) -> Series {
    series_each(SignedDuration::from_mins(5), [value; 12])
}

/// As many datapoints of one value as a signal of this period has in the policy's lookback.
pub fn steady_over(policy: &Policy, period: SignedDuration, value: f64) -> Series {
    let periods = usize::try_from(policy.lookback.as_secs() / period.as_secs()).expect("a positive lookback");
    series_each(period, std::iter::repeat_n(value, periods))
}

/// Evidence for `dev-box` of an instance that does nothing.
pub fn quiet() -> Evidence {
    quiet_under(&plain(), &instance(1))
}

/// `quiet`, but for one metric.
pub fn quiet_but(metric: &Metric, series: Series) -> Evidence {
    quiet_under_but(&plain(), &instance(1), &[(metric.clone(), vec![series])])
}

/// Evidence that nothing happened, for every metric that the policy measures of the instance.
pub fn quiet_under(policy: &Policy, instance: &Instance) -> Evidence {
    quiet_under_but(policy, instance, &[])
}

/// `quiet_under`, but for some metrics.
pub fn quiet_under_but(policy: &Policy, instance: &Instance, edits: &[(Metric, Vec<Series>)]) -> Evidence {
    let measures = policy.signals_for(instance).flat_map(|signal| signal.measures().collect::<Vec<_>>());
    let all_series = measures.flat_map(|measure| {
        let edited = edits.iter().find(|(metric, _)| *metric == measure.metric).map(|(_, series)| series.clone());
        let series = edited.unwrap_or_else(|| vec![steady_over(policy, measure.period, 0.0)]);
        series.into_iter().map(move |series| (measure.clone(), series))
    });
    all_series.collect()
}

/// What an explanation's steps are about, in their order.
pub const STEPS: [&str; 17] = [
    "opted in",
    "running",
    "tags",
    "Auto Scaling",
    "cluster",
    "Spot",
    "root volume",
    "stop protection",
    "kept awake",
    "schedule",
    "uptime",
    "data",
    "activity",
    "sessions known",
    "sessions",
    "grace",
    "cap on stops",
];
