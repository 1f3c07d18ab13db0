//! Decisions as reports show them.

use crate::support::{instance, now, quiet_but, rules, steady};
use idleness::{Decision, Metric, Reason, Verdict, decide};

#[test]
fn an_instance_that_ec2_does_not_know_is_kept() {
    let decision = Decision::not_found(instance(7).id);
    assert_eq!((decision.instance, decision.verdict), (instance(7).id, Verdict::Keep));
    assert_eq!((decision.reason, decision.evidence, decision.detail), (Reason::NotFound, Vec::new(), None));
}

#[test]
fn reason_codes_are_the_same_in_tags_and_in_reports() {
    for (reason, code) in [
        (Reason::NotFound, "not-found"),
        (Reason::NotOptedIn, "not-opted-in"),
        (Reason::AlreadyStopped, "already-stopped"),
        (Reason::StartFailed, "start-failed"),
        (Reason::WaitsForOthers, "waits-for-others"),
        (Reason::ScheduleOpen, "schedule-open"),
        (Reason::StartOwed, "start-owed"),
        (Reason::Requested, "requested"),
        (Reason::Needed, "needed"),
        (Reason::InTransition, "in-transition"),
        (Reason::Terminated, "terminated"),
        (Reason::BadTag, "bad-tag"),
        (Reason::AutoScalingMember, "auto-scaling-member"),
        (Reason::ClusterMember, "cluster-member"),
        (Reason::OneTimeSpot, "one-time-spot"),
        (Reason::InstanceStoreRoot, "instance-store-root"),
        (Reason::StopProtected, "stop-protected"),
        (Reason::KeptAwake, "kept-awake"),
        (Reason::InsideSchedule, "inside-schedule"),
        (Reason::RecentlyStarted, "recently-started"),
        (Reason::InsufficientData, "insufficient-data"),
        (Reason::Busy, "busy"),
        (Reason::SessionActive, "session-active"),
        (Reason::Announced, "announced"),
        (Reason::OverCap, "over-cap"),
        (Reason::Idle, "idle"),
    ] {
        assert_eq!((reason.as_str(), serde_json::to_value(reason).expect("serializes")), (code, code.into()));
        let verdict = match code {
            "idle" => Verdict::Stop,
            "schedule-open" | "start-owed" | "requested" | "needed" => Verdict::Start,
            _ => Verdict::Keep,
        };
        assert_eq!(reason.verdict(), verdict, "{code}");
        assert_eq!(serde_json::to_value(verdict).expect("serializes"), verdict.as_str());
    }
}

#[test]
fn a_decision_serializes_as_documented() {
    let mut series = steady(0.2);
    series.points[11].value = 0.4;
    let decision = decide(&instance(10), &quiet_but(&Metric::CPU, series), &rules(), now());
    let json = serde_json::to_value(&decision).expect("serializes");
    let finding = |signal: &str, statistic: &str, observed: f64, limit: f64, unit: &str| {
        serde_json::json!({"signal": signal, "statistic": statistic, "observed": observed, "limit": limit, "unit": unit,
                           "points": 12, "expected": 12})
    };
    let expected = serde_json::json!({
        "instance": "i-0000000000000000a",
        "verdict": "stop",
        "reason": "idle",
        "evidence": [
            finding("cpu", "max", 0.4, 5.0, "percent"),
            finding("network", "sum", 0.0, 2048.0, "bytes-per-second"),
            finding("ebs", "sum", 0.0, 5.0, "operations-per-second"),
        ],
    });
    assert_eq!(json, expected);
}
