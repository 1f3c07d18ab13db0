//! What is decided of an instance by what was measured: `idleness::decide`.
//!
//! No data at all are an instance that is stopped: opted in, up for a day, all of its series complete and at rest. Each byte
//! makes something of that otherwise.

mod rule;

use idleness::{
    Datapoint, Dimensions, Evidence, Hardware, Instance, InstanceState, InstanceType, Market, Measure, Metric, Percent,
    Policies, Policy, Presence, Record, RootDevice, Rules, Series, SeriesStatus, Signal, Statistic, StopProtection,
    Tags, Transition, Unit, Verdict, decide, explain, needs_evidence, needs_sessions, next,
};
use jiff::{SignedDuration, Timestamp};

use crate::bytes::Bytes;

/// An instance, and all that is known of it.
struct Case {
    instance: Instance,
    measured: Vec<(Measure, Series)>,
    sessions: Option<u32>,
    rules: Rules,
    now: Timestamp,
}

/// Decides about an instance, and holds a stop to a plainer rule.
///
/// # Panics
/// It is to be stopped without proof, or cannot be decided about twice alike.
pub fn run(data: &[u8]) {
    let case = Case::of(&mut Bytes(data));
    let Case { instance, rules, now, .. } = &case;
    let evidence = &case.evidence();
    let decision = decide(instance, evidence, rules, *now);
    assert!(decision.verdict != Verdict::Start || instance.state == InstanceState::Stopped);
    assert_eq!(decision.verdict, decision.reason.verdict());
    assert!(decision.evidence.iter().all(|finding| finding.observed.is_none_or(f64::is_finite)), "{decision:#?}");

    let words = explain(instance, evidence, rules, &decision, *now).to_string();
    assert!(!words.contains(|character: char| character.is_control() && character != '\n'), "{words:?}");
    assert!(decision.verdict != Verdict::Stop || next(instance, &decision, rules, *now).is_some());
    if !needs_evidence(instance, rules, *now) {
        assert_eq!(decide(instance, &Evidence::none(), rules, *now), decision, "by measurements that are not needed");
    }
    assert!(!needs_sessions(instance, evidence, rules, *now) || decision.verdict == Verdict::Keep);

    // No clock shows the ends of time: there it is enough that nothing panics. Windows are cut off there, and the log counts
    // whole seconds from 1970 on.
    if !(1..250_000_000_000).contains(&now.as_second()) {
        return;
    }
    assert!(decision.verdict != Verdict::Stop || case.may_stop(), "without proof: {decision:#?}");
    let record = Record::new(decision.clone(), instance, evidence, rules, *now);
    let line = serde_json::to_string(&record).expect("a record serializes");
    let read: Record = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    assert_eq!(read.decide_again(), decision, "by its line in the log");
}

impl Case {
    fn of(bytes: &mut Bytes<'_>) -> Self {
        let now = "2026-11-21T20:03:17Z".parse().expect("is a time");
        let now = bytes.instant(now);
        let policy = policy(bytes);
        let mut instance = instance(bytes, now);
        let grace = SignedDuration::from_mins(bytes.choose(&[0, 30]));
        let sessions = bytes.choose(&[Some(0), None, Some(1)]);
        let wanted = policy.signals.iter().flat_map(|signal| {
            let limit = raw_limit(signal, instance.vcpus);
            signal.measures().map(move |measure| (measure, limit)).collect::<Vec<_>>()
        });
        let mut measured = Vec::new();
        for (measure, limit) in wanted {
            for _ in 0..bytes.choose(&[1, 1, 1, 0, 2, 3]) {
                measured.push((measure.clone(), series(bytes, &policy, &measure, limit, now)));
            }
        }
        instance.tags = tags(bytes, now);
        Self { instance, measured, sessions, rules: Rules { policies: Policies::only(policy), grace }, now }
    }

    fn evidence(&self) -> Evidence {
        let evidence: Evidence = self.measured.iter().cloned().collect();
        self.sessions.map_or(evidence.clone(), |open| evidence.with_sessions(open))
    }
}

fn policy(bytes: &mut Bytes<'_>) -> Policy {
    let presets = Policy::presets();
    let choice = bytes.byte();
    match presets.get(usize::from(choice % 8)) {
        // Two weeks of minutes take long to write down, and show nothing that an hour does not.
        Some(preset) if preset.lookback <= SignedDuration::from_hours(24) => preset.clone(),
        _ if choice % 8 < 6 => Policy::dev_box(),
        _ => custom(bytes),
    }
}

/// A policy that could come of `DOZE_POLICIES`.
fn custom(bytes: &mut Bytes<'_>) -> Policy {
    let lookback = SignedDuration::from_mins(5 + i64::from(bytes.up_to(99)));
    let names = ["a", "b", "c"];
    let signals = names.iter().take(1 + usize::from(bytes.up_to(2))).map(|name| signal(bytes, name, lookback));
    let signals = signals.collect();
    Policy {
        name: "custom".into(),
        lookback,
        minimum_uptime: SignedDuration::from_mins(i64::from(bytes.byte())),
        coverage: Percent::new(100 - bytes.up_to(99)).expect("is a share"),
        heeds_sessions: bytes.up_to(1) == 1,
        signals,
    }
}

fn signal(bytes: &mut Bytes<'_>, name: &'static str, lookback: SignedDuration) -> Signal {
    let jobs = Metric { namespace: "Render".into(), name: "Jobs".into(), dimensions: Dimensions::Discovered };
    let metrics = [vec![Metric::CPU], vec![Metric::NETWORK_IN, Metric::NETWORK_OUT], vec![jobs], vec![Metric::GPU]];
    let kinds = [
        (Statistic::Max, Unit::Percent),
        (Statistic::Average, Unit::Vcpus),
        (Statistic::Sum, Unit::BytesPerSecond),
        (Statistic::Sum, Unit::BytesPerDay),
        (Statistic::Sum, Unit::OperationsPerSecond),
        (Statistic::Sum, Unit::Count),
        (Statistic::Average, Unit::Count),
    ];
    let metrics = bytes.choose(&metrics);
    let (statistic, unit) = bytes.choose(&kinds);
    let any_limit = bytes.float().abs();
    // The smallest of all numbers lose digits by division, and no rule agrees with another about these.
    let is_limit = any_limit == 0.0 || (any_limit.is_finite() && any_limit > 1e-200);
    Signal {
        name: name.into(),
        metrics,
        statistic,
        period: SignedDuration::from_mins(bytes.choose(&[5, 1, 2, 15, 60])).min(lookback),
        limit: if is_limit { any_limit } else { 5.0 },
        unit,
        allowed_above: Percent::new(bytes.up_to(99)).expect("is a share"),
        presence: bytes.choose(&[Presence::Required, Presence::Optional]),
        hardware: bytes.choose(&[Hardware::Any, Hardware::Accelerated]),
    }
}

fn instance(bytes: &mut Bytes<'_>, now: Timestamp) -> Instance {
    let states = ["running", "stopped", "pending", "stopping", "shutting-down", "terminated", "new"];
    let a_day_ago = now.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    Instance {
        id: "i-0123456789abcdef0".parse().expect("is an id"),
        state: InstanceState::from_name(bytes.choose(&states)),
        launched_at: if bytes.up_to(7) == 7 { None } else { Some(bytes.instant(a_day_ago)) },
        instance_type: InstanceType::from_name(bytes.choose(&["m7g.large", "g5.xlarge", ""])),
        vcpus: bytes.choose(&[Some(2), None, Some(0), Some(192), Some(u32::MAX)]),
        root_device: bytes.choose(&[RootDevice::Ebs, RootDevice::InstanceStore, RootDevice::Unknown]),
        market: bytes.choose(&[Market::OnDemand, Market::SpotPersistent, Market::SpotOneTime, Market::SpotUnknown]),
        stop_protection: bytes.choose(&[StopProtection::Off, StopProtection::Unread, StopProtection::On]),
        transition: Transition::default(),
        tags: Tags::default(),
    }
}

fn tags(bytes: &mut Bytes<'_>, now: Timestamp) -> Tags {
    const KEYS: [&str; 7] = [
        "doze:stop-at",
        "doze:keep-until",
        "doze:stopped-at",
        "doze:start-owed-since",
        "doze:start-tried-at",
        "doze:schedule",
        "aws:autoscaling:groupName",
    ];
    let opted_in = bytes.choose(&["on", "off"]);
    let more = (0..bytes.up_to(3)).map(|_| (bytes.choose(&KEYS), bytes.instant(now).to_string()));
    more.chain([("doze", opted_in.to_owned())]).collect()
}

/// The value of a datapoint at the signal's limit.
fn raw_limit(signal: &Signal, vcpus: Option<u32>) -> f64 {
    let seconds = signal.period.as_secs_f64();
    match signal.unit {
        Unit::BytesPerSecond | Unit::OperationsPerSecond => signal.limit * seconds,
        Unit::BytesPerDay => signal.limit * seconds / 86_400.0,
        Unit::Vcpus => signal.limit * 100.0 / f64::from(vcpus.unwrap_or(2).max(1)),
        _ => signal.limit,
    }
}

/// A datapoint for each period of the lookback, all of them zero; then some are otherwise.
fn series(bytes: &mut Bytes<'_>, policy: &Policy, measure: &Measure, limit: f64, now: Timestamp) -> Series {
    let period = measure.period.as_secs();
    let newest = now.as_second().div_euclid(period) * period - period;
    let count = (policy.lookback.as_secs() + period - 1) / period;
    let second = |second: i64| Timestamp::from_second(second).unwrap_or(Timestamp::MIN);
    let mut points: Vec<_> =
        (0..count).map(|ago| Datapoint { at: second(newest - ago * period), value: 0.0 }).collect();
    let statuses = [
        SeriesStatus::Complete,
        SeriesStatus::Complete,
        SeriesStatus::PartialData,
        SeriesStatus::InternalError,
        SeriesStatus::Forbidden,
        SeriesStatus::Unanswered,
        SeriesStatus::Absent,
        SeriesStatus::InvalidValue,
        SeriesStatus::Stale,
        SeriesStatus::UnknownVcpus,
    ];
    let status = bytes.choose(&statuses);
    for _ in 0..bytes.up_to(15) {
        let values = [limit, limit.next_up(), limit / 2.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, -1.0, 1.0];
        match (bytes.up_to(5), bytes.up_to(u8::try_from(points.len().min(255)).unwrap_or(u8::MAX)), points.len()) {
            (0, ago, len) if usize::from(ago) < len => drop(points.remove(usize::from(ago))),
            (1, ago, len) if usize::from(ago) < len => points[usize::from(ago)].value = bytes.choose(&values),
            (2, ago, len) if usize::from(ago) < len => points[usize::from(ago)].value = bytes.float(),
            (3, ago, len) if usize::from(ago) < len => {
                let point = &mut points[usize::from(ago)];
                point.at = bytes.instant(point.at);
            }
            (4, kept, len) => drop(points.drain(usize::from(kept).min(len)..)),
            _ => {
                let fraction = SignedDuration::from_millis(bytes.choose(&[0, 500]));
                let at = bytes.instant(now).saturating_add(fraction).unwrap_or(Timestamp::MAX);
                points.push(Datapoint { at, value: bytes.choose(&values) });
            }
        }
    }
    Series { status, points }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else a target that keeps everything would hold.
    #[test]
    fn no_data_are_an_instance_that_is_stopped() {
        let case = Case::of(&mut Bytes(&[]));
        let decision = decide(&case.instance, &case.evidence(), &case.rules, case.now);
        assert_eq!((decision.verdict, case.may_stop()), (Verdict::Stop, true), "{decision:#?}");
    }

    #[test]
    fn the_plainer_rule_can_refuse() {
        let mut case = Case::of(&mut Bytes(&[]));
        case.measured[0].1.points[3].value = 5.1;
        assert!(!case.may_stop());
        let mut case = Case::of(&mut Bytes(&[]));
        case.measured[0].1.points.drain(..2);
        assert!(!case.may_stop());
    }
}
