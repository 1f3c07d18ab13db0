//! Decisions in words, letter by letter. What each gate says is in `explained_gates`.

use crate::support::{
    self, custom, instance, now, quiet, quiet_but, quiet_under, quiet_under_but, rules, steady, steady_over, tagged,
    under,
    words::{NO_PLACE, check, explained},
};
use idleness::{Evidence, Metric, Place, Policy, Reason, Rules, Series, SeriesStatus, Verdict, decide, explain};
use jiff::SignedDuration;

const STOP_AT: (&str, &str) = ("doze:stop-at", "2026-11-21T19:30:00Z");

#[test]
fn an_idle_instance_passes_all_gates() {
    let text = "\
i-00000000000000001 is to be stopped: idle
at 2026-11-21T20:03:17Z, by the policy dev-box
  1. pass  opted in         the tag doze is on
  2. pass  running          its state is running
  3. pass  tags             all its doze tags can be read
  4. pass  Auto Scaling     it belongs to no Auto Scaling group
  5. pass  cluster          it is no node of a cluster
  6. pass  Spot             it is no Spot instance
  7. pass  root volume      its root volume outlives a stop
  8. pass  stop protection  stop protection is off
  9. pass  kept awake       it has no tag doze:keep-until
 10. pass  schedule         it has no schedule
 11. pass  uptime           up for 43200 minutes, at least 30
 12. pass  data             cpu: 12 of 12 datapoints, at least 11
                            network: 12 of 12 datapoints, at least 11
                            ebs: 12 of 12 datapoints, at least 11
 13. pass  activity         cpu: 0 within 5 %
                            network: 0 within 2048 B/s
                            ebs: 0 within 5 operations/s
 14. pass  sessions known   the policy does not ask for sessions
 15. pass  sessions         the policy does not ask for sessions
 16. pass  grace            stops need no announcement
 17. pass  cap on stops     there is a place left in this hour
";
    assert_eq!(explained(&instance(1), &quiet(), &rules()).to_string(), text);
}

#[test]
fn an_explanation_has_its_facts_apart_from_its_words() {
    let explanation = explained(&instance(1), &quiet_but(&Metric::CPU, steady(72.3)), &rules());
    assert_eq!((explanation.verdict, explanation.reason), (Verdict::Keep, Reason::Busy));
    assert_eq!((explanation.instance, explanation.at, explanation.policy.as_str()), (instance(1).id, now(), "dev-box"));
    let step = serde_json::to_value(&explanation.steps[12]).expect("serializes");
    let words = "cpu: 72.30 above 5 %\nnetwork: 0 within 2048 B/s\nebs: 0 within 5 operations/s";
    assert_eq!(step, serde_json::json!({"gate": "activity", "holds": true, "decides": true, "words": words}));
    let gates: Vec<_> = explanation.steps.iter().map(|step| step.gate).collect();
    assert_eq!(gates, support::STEPS);
}

#[test]
fn a_busy_instance_is_kept_by_its_activity() {
    let peaks = [(Metric::CPU, vec![steady(72.3)]), (Metric::NETWORK_IN, vec![steady(1_234_567.0)])];
    let evidence = quiet_under_but(&support::plain(), &instance(1), &peaks);
    check(
        &explained(&instance(1), &evidence, &rules()),
        "is kept: busy",
        "dev-box",
        &[
            " 13. KEEP  activity         cpu: 72.30 above 5 %
                            network: 4115 above 2048 B/s
                            ebs: 0 within 5 operations/s",
            NO_PLACE,
        ],
    );
}

#[test]
fn missing_data_is_said_to_be_missing() {
    let series = |status, points| Series { status, points };
    let mut stale = steady(0.0);
    stale.points.truncate(9);
    let edits = [
        (Metric::CPU, vec![stale]),
        (Metric::NETWORK_IN, vec![series(SeriesStatus::Forbidden, Vec::new())]),
        (Metric::EBS_READS, vec![]),
    ];
    check(
        &explained(&instance(1), &quiet_under_but(&support::plain(), &instance(1), &edits), &rules()),
        "is kept: insufficient-data",
        "dev-box",
        &[
            " 12. KEEP  data             cpu: 9 of 12 datapoints, at least 11; the newest are missing
                            network: 0 of 12 datapoints, at least 11; the role may not read them
                            ebs: 0 of 12 datapoints, at least 11; there is no such metric of this instance",
            NO_PLACE,
        ],
    );
}

#[test]
fn grace_says_for_when_the_stop_is_announced() {
    let rules = Rules { grace: SignedDuration::from_mins(30), ..rules() };
    for (instance, step) in [
        (instance(1), " 16. KEEP  grace            it is idle; its stop is to be announced for 2026-11-21T20:33:17Z"),
        (
            tagged(&[("doze:stop-at", "2026-11-21T20:10:00Z")]),
            " 16. KEEP  grace            it is idle; its stop was announced for 2026-11-21T20:10:00Z",
        ),
    ] {
        check(&explained(&instance, &quiet(), &rules), "is kept: announced", "dev-box", &[step, NO_PLACE]);
    }
}

#[test]
fn the_cap_says_how_many_stops_there_were() {
    let decision = Place { stops_so_far: 3, limit: 2 }.allow(decide(&instance(1), &quiet(), &rules(), now()));
    let explanation = explain(&instance(1), &quiet(), &rules(), &decision, now());
    let cap = " 17. KEEP  cap on stops     3 of 2 stops in the last hour";
    check(&explanation, "is kept: over-cap", "dev-box", &[cap]);
}

#[test]
fn sessions_are_counted_where_the_policy_asks_for_them() {
    let policy = custom(r#"{"sessions": true, "signals": {"disk": {}}}"#);
    let absent = [Metric::DISK_READS, Metric::DISK_WRITES].map(|metric| (metric, Vec::new()));
    let evidence = quiet_under_but(&policy, &instance(1), &absent);
    let data = " 12. pass  data             cpu: 12 of 12 datapoints, at least 11
                            network: 12 of 12 datapoints, at least 11
                            ebs: 12 of 12 datapoints, at least 11
                            disk: none, and none is required";
    for (sessions, outcome, [known, open]) in [
        (
            None,
            "is kept: insufficient-data",
            [" 14. KEEP  sessions known   its sessions are not known", " 15. pass  sessions         not looked up"],
        ),
        (
            Some(1),
            "is kept: session-active",
            [" 14. pass  sessions known   1 session is open", " 15. KEEP  sessions         1 session is open"],
        ),
        (
            Some(2),
            "is kept: session-active",
            [" 14. pass  sessions known   2 sessions are open", " 15. KEEP  sessions         2 sessions are open"],
        ),
    ] {
        let evidence = sessions.map_or(evidence.clone(), |open| evidence.clone().with_sessions(open));
        let explanation = explained(&instance(1), &evidence, &under(policy.clone()));
        check(&explanation, outcome, "custom", &[data, known, open, NO_PLACE]);
    }
}

#[test]
fn a_share_is_told_with_what_is_above_and_what_may_be() {
    let mut cpu = steady_over(&Policy::gcp(), SignedDuration::from_mins(15), 0.5);
    cpu.points.iter_mut().take(12).for_each(|point| point.value = 60.0);
    let evidence = quiet_under_but(&Policy::gcp(), &instance(1), &[(Metric::CPU, vec![cpu])]);
    check(
        &explained(&tagged(&[("doze:policy", "gcp")]), &evidence, &rules()),
        "is to be stopped: idle",
        "gcp",
        &[
            " 11. pass  uptime           up for 43200 minutes, at least 1440",
            " 12. pass  data             cpu: 1344 of 1344 datapoints, at least 108
                            received: 1344 of 1344 datapoints, at least 108
                            sent: 1344 of 1344 datapoints, at least 108",
            " 13. pass  activity         cpu: 0.01 within 0.03 vCPUs; 12 datapoints above, 40 allowed
                            received: 0 within 2000 B/s; 0 datapoints above, 67 allowed
                            sent: 0 within 1000 B/s; 0 datapoints above, 67 allowed",
        ],
    );
}

#[test]
fn a_policy_that_measures_nothing_says_so() {
    let policy = Policy { signals: Vec::new(), ..support::plain() };
    check(
        &explained(&instance(1), &quiet(), &under(policy)),
        "is kept: insufficient-data",
        "dev-box",
        &[
            " 12. KEEP  data             the policy measures nothing",
            " 13. pass  activity         nothing was measured",
            NO_PLACE,
        ],
    );
}

#[test]
fn what_was_not_read_is_not_called_absent() {
    let awake = tagged(&[("doze:keep-until", "2026-11-22T19:00:00Z")]);
    assert!(!idleness::needs_evidence(&awake, &rules(), now()));
    let explanation = explained(&awake, &Evidence::default(), &rules());
    assert_eq!(explanation.steps[11].words, "no datapoint was read");
}

#[test]
fn what_was_not_measured_is_not_called_within_its_limit() {
    let text = explained(&instance(1), &Evidence::default(), &rules()).to_string();
    assert!(!text.contains("nothing within"), "{text}");
    let absent = [(Metric::EBS_READS, Vec::new()), (Metric::EBS_WRITES, Vec::new())];
    let evidence = quiet_under_but(&support::plain(), &instance(1), &absent);
    let text = explained(&instance(1), &evidence, &rules()).to_string();
    assert!(text.contains("cpu: 0 within 5 %") && !text.contains("nothing within"), "{text}");
}

#[test]
fn a_tag_that_cannot_be_read_is_not_called_missing() {
    let tags = [("doze:schedule", "sat 20:00-21:00 @ UTC"), ("doze:keep-until", "soon"), STOP_AT];
    let text = explained(&tagged(&tags), &quiet(), &rules()).to_string();
    for untrue in ["it has no schedule", "it has no tag doze:keep-until", "stops need no announcement"] {
        assert!(!text.contains(untrue), "{text}");
    }
}

#[test]
fn a_busy_instance_is_not_called_idle() {
    let rules = Rules { grace: SignedDuration::from_mins(30), ..rules() };
    let text = explained(&instance(1), &quiet_but(&Metric::CPU, steady(72.0)), &rules).to_string();
    assert!(!text.contains("it is idle"), "{text}");
}

#[test]
fn a_value_just_above_its_limit_does_not_look_like_it() {
    for (metric, value, line) in [
        (Metric::CPU, 5.001, "cpu: 5.001 above 5 %"),
        (Metric::CPU, 5.01, "cpu: 5.01 above 5 %"),
        (Metric::CPU, 99.999, "cpu: 100.00 above 5 %"),
        (Metric::NETWORK_IN, 2048.25 * 300.0, "network: 2048.25 above 2048 B/s"),
        (Metric::NETWORK_IN, 2049.25 * 300.0, "network: 2049 above 2048 B/s"),
    ] {
        let explanation = explained(&instance(1), &quiet_but(&metric, steady(value)), &rules());
        let words = &explanation.steps[12].words;
        assert!(words.lines().any(|found| found == line), "{words}");
    }
}

#[test]
fn a_value_within_its_limit_may_look_like_it() {
    let policy = custom(r#"{"signals": {"jobs": {"metrics": [{"namespace": "a", "name": "b"}], "limit": 0.0625}}}"#);
    let metric = policy.signals[4].metrics[0].clone();
    let evidence = quiet_under_but(&policy, &instance(1), &[(metric, vec![steady(0.0625)])]);
    let explanation = explained(&instance(1), &evidence, &under(policy));
    assert!(explanation.steps[12].words.ends_with("\njobs: 0.06 within 0.06"), "{}", explanation.steps[12].words);
    let explanation = explained(&instance(1), &quiet_but(&Metric::CPU, steady(4.999)), &rules());
    assert!(explanation.steps[12].words.starts_with("cpu: 5.00 within 5 %\n"));
}

#[test]
fn of_a_kept_instance_no_new_stop_is_announced() {
    let busy = quiet_but(&Metric::CPU, steady(72.0));
    let graced = Rules { grace: SignedDuration::from_mins(30), ..rules() };
    for (instance, rules, words) in [
        (instance(1), rules(), "stops need no announcement"),
        (instance(1), graced.clone(), "only the stop of an idle instance is announced"),
        (tagged(&[STOP_AT]), graced, "its stop was announced for 2026-11-21T19:30:00Z"),
    ] {
        let explanation = explained(&instance, &busy, &rules);
        assert_eq!(explanation.steps[15].words, words);
        assert!(!explanation.steps[15].holds, "the activity keeps it");
    }
}

#[test]
fn no_line_ends_in_a_space() {
    let policy = custom(r#"{"signals": {"jobs": {"metrics": [{"namespace": "a", "name": "b"}], "limit": 2}}}"#);
    let text = explained(&instance(1), &quiet_under(&policy, &instance(1)), &under(policy)).to_string();
    assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
}
