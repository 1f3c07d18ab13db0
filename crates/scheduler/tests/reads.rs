//! What a run reads, and when: stop protection, sessions, and all of it for an explanation.

use crate::support::{BUSY, FakeFleet, IDLE, NOT_OPTED_IN, STOPPED, WITHOUT_DATA, id, now, settings};
use idleness::{Caps, InstanceState, Mode, Percent, Policies, Reason, Record, Rules, Tags};
use scheduler::{Report, Settings, run};
use serde_json::{Value, json};

async fn swept(fleet: &FakeFleet, settings: &Settings) -> Report {
    run(&json!({"action": "sweep"}), fleet, settings, now()).await.expect("has a report").report
}

fn reason_of(report: &Report, instance: &str) -> Reason {
    report.decisions.iter().find(|decision| decision.instance == id(instance)).expect("was decided about").reason
}

fn heeding_sessions() -> Settings {
    let policies = Policies::parse(r#"{"dev-box": {"sessions": true}}"#).expect("is a policy");
    Settings { rules: Rules { policies, ..Rules::default() }, ..settings(Mode::Enforce) }
}

#[tokio::test(flavor = "current_thread")]
async fn a_protected_instance_is_kept_without_a_call_to_stop_it() {
    for mode in [Mode::DryRun, Mode::Enforce] {
        let mut fleet = FakeFleet::of_every_kind();
        fleet.protect(IDLE);
        let report = swept(&fleet, &settings(mode)).await;
        assert_eq!(reason_of(&report, IDLE), Reason::StopProtected);
        assert_eq!((report.summary.failed, report.outcomes.len()), (0, 0));
        assert!(fleet.calls().iter().all(|call| !call.starts_with("stop") && !call.starts_with("tag")));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_place_of_a_protected_instance_goes_to_the_next() {
    let mut fleet = FakeFleet::default();
    let ids: Vec<String> = (0..5).map(|n| format!("i-{n:017x}")).collect();
    for id in &ids {
        fleet.add(id, 0.0);
    }
    fleet.protect(&ids[0]);
    fleet.protect(&ids[2]);
    let settings = Settings { caps: Caps { stops: 2, share: Percent::ALL }, ..settings(Mode::Enforce) };
    let report = swept(&fleet, &settings).await;
    let reasons: Vec<_> = ids.iter().map(|id| reason_of(&report, id)).collect();
    let expected = [Reason::StopProtected, Reason::Idle, Reason::StopProtected, Reason::Idle, Reason::OverCap];
    assert_eq!(reasons, expected);
    let asked: Vec<_> = fleet.calls().into_iter().filter(|call| call.starts_with("protection")).collect();
    assert_eq!(
        asked,
        [
            format!("protection {} {}", ids[0], ids[1]),
            format!("protection {}", ids[2]),
            format!("protection {}", ids[3])
        ],
        "of each instance once, and of none that would not be stopped"
    );
}

#[tokio::test(flavor = "current_thread")]
async fn an_open_session_keeps_where_the_policy_asks() {
    for (settings, expected) in [(heeding_sessions(), Reason::SessionActive), (settings(Mode::Enforce), Reason::Idle)] {
        let mut fleet = FakeFleet::of_every_kind();
        fleet.open_sessions(IDLE, 1);
        assert_eq!(reason_of(&swept(&fleet, &settings).await, IDLE), expected);
    }
    let fleet = FakeFleet::of_every_kind();
    assert_eq!(reason_of(&swept(&fleet, &heeding_sessions()).await, IDLE), Reason::Idle);
    let asked: Vec<_> = fleet.calls().into_iter().filter(|call| call.starts_with("sessions")).collect();
    assert_eq!(asked, [format!("sessions {IDLE}")], "of the idle one alone");
}

#[tokio::test(flavor = "current_thread")]
async fn sessions_that_cannot_be_read_keep_the_instances_that_they_decide_about_and_no_others() {
    let mut fleet = FakeFleet::of_every_kind();
    fleet.add("i-00000000000000aaa", 0.0);
    fleet.edit("i-00000000000000aaa", |instance| {
        instance.tags = Tags::from_iter([("doze", "on"), ("doze:policy", "plain")]);
    });
    fleet.make_sessions_unreadable();
    let json = r#"{"dev-box": {"sessions": true}, "plain": {"sessions": false}}"#;
    let rules = Rules { policies: Policies::parse(json).expect("are policies"), ..Rules::default() };
    let report = swept(&fleet, &Settings { rules, ..settings(Mode::Enforce) }).await;
    assert_eq!(reason_of(&report, IDLE), Reason::InsufficientData);
    assert_eq!(reason_of(&report, "i-00000000000000aaa"), Reason::Idle);
}

async fn explained(fleet: &FakeFleet, instance: &str) -> Report {
    let event = json!({"action": "explain", "instance": instance});
    run(&event, fleet, &heeding_sessions(), now()).await.expect("has a report").report
}

#[tokio::test(flavor = "current_thread")]
async fn an_explanation_changes_nothing_even_in_enforce() {
    let fleet = FakeFleet::of_every_kind();
    let event = json!({"action": "explain", "instance": IDLE});
    let run = run(&event, &fleet, &heeding_sessions(), now()).await.expect("has a report");
    assert_eq!(run.entries().map(|entry| entry.message()).collect::<Vec<_>>(), ["explanation", "report"]);
    let report = run.report;
    assert_eq!((reason_of(&report, IDLE), report.outcomes.len()), (Reason::Idle, 0));
    assert_eq!(fleet.state(IDLE), InstanceState::Running);
    assert!(report.explanation.expect("was asked for").text.contains("is to be stopped: idle"));
}

#[tokio::test(flavor = "current_thread")]
async fn an_explanation_has_all_numbers_even_of_gates_after_the_one_that_decides() {
    let fleet = FakeFleet::of_every_kind();
    // Of an instance that did not opt in, the role may not ask about stop protection.
    let (unknown, off) = ("stop protection  not looked up", "stop protection is off");
    for (instance, decides, protection) in
        [(NOT_OPTED_IN, "opted in", unknown), (STOPPED, "running", off), (BUSY, "activity", off)]
    {
        let explanation = explained(&fleet, instance).await.explanation.expect("was asked for");
        let deciding: Vec<_> = explanation.steps.iter().filter(|step| step.decides).map(|step| step.gate).collect();
        assert_eq!(deciding, [decides]);
        assert!(explanation.text.contains("cpu: 12 of 12 datapoints"), "{}", explanation.text);
        assert!(explanation.text.contains(protection), "{}", explanation.text);
        let asked = fleet.calls().iter().any(|call| call.contains("protection") && call.contains(instance));
        assert_eq!(asked, instance != NOT_OPTED_IN, "{:?}", fleet.calls());
        assert!(explanation.text.contains("0 sessions are open"), "{}", explanation.text);
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_line_of_a_decision_over_two_weeks_holds_all_its_evidence() {
    let fleet = FakeFleet::of_every_kind();
    let now = now() + jiff::SignedDuration::from_hours(24);
    for policy in ["compute-optimizer", "trusted-advisor", "cost-explorer", "gcp"] {
        let policies = Policies::default().with_default(policy).expect("is a preset");
        let settings = Settings { rules: Rules { policies, ..Rules::default() }, ..settings(Mode::DryRun) };
        let run = run(&json!({"action": "sweep"}), &fleet, &settings, now).await.expect("has a report");
        let line = run
            .entries()
            .map(|entry| serde_json::to_string(&entry).expect("serializes"))
            .find(|line| line.contains(IDLE));
        let line = line.expect("the idle instance has a line");
        let record: Record =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{policy}: {error}: {line:.200}"));
        assert_eq!(record.decide_again(), record.decision, "{policy}");
        assert_eq!(record.policy.name, policy);
        let parsed: Value = serde_json::from_str(&line).expect("is JSON");
        assert!(parsed["measured"]["measured"].as_array().is_some_and(|measured| !measured.is_empty()));
    }
}

/// CloudWatch bills each metric, and most of a fleet is in use.
#[tokio::test(flavor = "current_thread")]
async fn a_sweep_asks_for_more_than_the_first_signal_only_of_those_that_it_does_not_keep() {
    let fleet = FakeFleet::of_every_kind();
    let report = swept(&fleet, &settings(Mode::DryRun)).await;
    let measured: Vec<_> =
        fleet.calls().into_iter().filter(|call| call.starts_with("evidence") || call.starts_with("rest")).collect();
    let [first, rest] = [format!("evidence {IDLE} {BUSY} {WITHOUT_DATA}"), format!("rest {IDLE} {WITHOUT_DATA}")];
    assert_eq!(measured, [first, rest]);
    let signals = |instance: &str| -> Vec<String> {
        let decision = report.decisions.iter().find(|decision| decision.instance == id(instance)).expect("is there");
        decision.evidence.iter().map(|finding| finding.signal.to_string()).collect()
    };
    assert_eq!(signals(BUSY), ["cpu"]);
    assert_eq!(signals(IDLE), ["cpu", "vcpus", "network", "ebs"]);
}

/// What was measured under one policy is no proof under another, which may ask for more.
#[tokio::test(flavor = "current_thread")]
async fn an_instance_whose_policy_changes_while_others_are_measured_is_kept() {
    let policies = r#"{"patient": {"signals": {"heartbeat": {}}}, "same": {}}"#;
    let rules = Rules { policies: Policies::parse(policies).expect("are policies"), ..Rules::default() };
    let settings = Settings { rules, ..settings(Mode::Enforce) };
    for policy in ["patient", "same"] {
        let mut fleet = FakeFleet::default();
        fleet.add(IDLE, 0.4);
        fleet.tag_while_measured(IDLE, "doze:policy", policy);
        let report = swept(&fleet, &settings).await;
        assert_eq!(reason_of(&report, IDLE), Reason::InsufficientData, "{policy}");
        assert!(fleet.calls().iter().all(|call| !call.starts_with("stop ")), "{policy}");
    }
}
