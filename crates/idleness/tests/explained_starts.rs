//! Stopped instances in words, letter by letter.

use crate::support::{
    fleets::Fleet,
    now, quiet, rules,
    starts::{CLOSED, KMS, OPEN, fallen, slept, switched_off},
};
use idleness::{Decision, Evidence, Explanation, Instance, Verdict, decide, explain};

fn explained(instance: &Instance, decision: &Decision) -> Explanation {
    explain(instance, &Evidence::none(), &rules(), decision, now())
}

#[track_caller]
fn check(instance: &Instance, outcome: &str, running: &str) {
    let decision = decide(instance, &quiet(), &rules(), now());
    let text = explained(instance, &decision).to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines[0], lines[3]), (format!("i-00000000000000001 {outcome}").as_str(), running));
}

#[test]
fn a_start_is_explained_gate_by_gate() {
    let text = "\
i-00000000000000001 is to be started: schedule-open
at 2026-11-21T20:03:17Z, by the policy dev-box
  1. pass   opted in         the tag doze is on
  2. START  running          its state is stopped; a window of its schedule is open until 2026-11-21T21:00:00Z
  3. pass   tags             all its doze tags can be read
  4. pass   Auto Scaling     it belongs to no Auto Scaling group
  5. pass   cluster          it is no node of a cluster
  6. pass   Spot             it is no Spot instance
  7. pass   root volume      its root volume outlives a stop
  8. pass   stop protection  stop protection is off
  9. pass   kept awake       it has no tag doze:keep-until
 10. keep   schedule         a window of its schedule is open until 2026-11-21T21:00:00Z
 11. pass   uptime           last started 843 minutes ago
 12. keep   data             no datapoint was read
 13. pass   activity         cpu: not measured
                             network: not measured
                             ebs: not measured
 14. pass   sessions known   the policy does not ask for sessions
 15. pass   sessions         the policy does not ask for sessions
 16. pass   grace            stops need no announcement
 17. pass   cap on stops     not asked for: a start takes no place
";
    let instance = slept(&[OPEN]);
    let explanation = explained(&instance, &decide(&instance, &quiet(), &rules(), now()));
    assert_eq!(explanation.to_string(), text);
    assert_eq!((explanation.verdict, explanation.text.as_str()), (Verdict::Start, text));
    assert!(explanation.steps[1].decides && explanation.steps[1].holds);
}

#[test]
fn each_reason_to_start_or_not_is_said_beside_the_state() {
    check(&switched_off(&[]), "is kept: already-stopped", "  2. KEEP  running          its state is stopped");
    check(
        &slept(&[CLOSED, ("doze:stopped-because", "idle")]),
        "is kept: already-stopped",
        "  2. KEEP  running          its state is stopped; Doze stopped it at 2026-11-21T10:00:00Z because it was idle; it \
         is started at 2026-11-23T00:00:00Z",
    );
    check(
        &switched_off(&[OPEN]),
        "is kept: already-stopped",
        "  2. KEEP  running          its state is stopped; a window of its schedule is open, but it was not Doze that \
         stopped it last",
    );
    check(
        &slept(&[OPEN, ("doze:after", "db + ")]),
        "is kept: already-stopped",
        "  2. KEEP  running          its state is stopped; the tag \"doze:after\" is \"db + \": expected instance ids or \
         names, joined by +",
    );
    check(
        &switched_off(&[("doze:start-owed-since", "2026-11-21T20:00:00Z")]),
        "is to be started: start-owed",
        "  2. START  running          its state is stopped; its start has been owed since 2026-11-21T20:00:00Z",
    );
    check(
        &fallen(KMS, Some("Client.InternalError: Client error on launch"), &[]),
        "is kept: start-failed",
        "  2. KEEP  running          its state is stopped; it fell back to stopped: Client.InternalError: Client error on \
         launch; most often the KMS key of an encrypted volume: it is disabled or gone, or its policy grants nothing to \
         whoever starts the instance",
    );
}

#[test]
fn what_others_made_of_a_start_is_said_beside_what_it_asks_for() {
    let mut fleet = Fleet::default();
    fleet.add("db", &[]).add("web", &["db"]).want("web");
    let ordered = fleet.ordered();
    for (name, outcome, lines) in [
        (
            "db",
            "is to be started: needed",
            [
                "  2. START  running          its state is stopped; Doze stopped it at 2026-11-21T10:00:00Z",
                "                             \"web\" (i-00000000000000002) starts after it",
            ],
        ),
        (
            "web",
            "is kept: waits-for-others",
            [
                "  2. KEEP  running          its state is stopped; a window of its schedule is open until \
                 2026-11-21T21:00:00Z",
                "                            it starts after \"db\" (i-00000000000000001), which is stopped",
            ],
        ),
    ] {
        let instance = fleet.named(name);
        let text = explained(instance, &ordered[&instance.id]).to_string();
        let found: Vec<&str> = text.lines().collect();
        assert_eq!(found[0], format!("{} {outcome}", instance.id));
        assert_eq!(found[3..5], lines);
    }
}
