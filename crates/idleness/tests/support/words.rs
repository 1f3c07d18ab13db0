//! The words of an explanation, and how they are compared letter by letter.

use idleness::{Evidence, Explanation, Instance, Rules, decide, explain};

use super::{now, quiet, rules};

/// What is said of an idle instance under `dev-box`, gate by gate. A line that begins with a space goes on with the last.
const IDLE: [&str; 17] = [
    "  1. pass  opted in         the tag doze is on",
    "  2. pass  running          its state is running",
    "  3. pass  tags             all its doze tags can be read",
    "  4. pass  Auto Scaling     it belongs to no Auto Scaling group",
    "  5. pass  cluster          it is no node of a cluster",
    "  6. pass  Spot             it is no Spot instance",
    "  7. pass  root volume      its root volume outlives a stop",
    "  8. pass  stop protection  stop protection is off",
    "  9. pass  kept awake       it has no tag doze:keep-until",
    " 10. pass  schedule         it has no schedule",
    " 11. pass  uptime           up for 43200 minutes, at least 30",
    " 12. pass  data             cpu: 12 of 12 datapoints, at least 11
                            network: 12 of 12 datapoints, at least 11
                            ebs: 12 of 12 datapoints, at least 11",
    " 13. pass  activity         cpu: 0 within 5 %
                            network: 0 within 2048 B/s
                            ebs: 0 within 5 operations/s",
    " 14. pass  sessions known   the policy does not ask for sessions",
    " 15. pass  sessions         the policy does not ask for sessions",
    " 16. pass  grace            stops need no announcement",
    " 17. pass  cap on stops     there is a place left in this hour",
];
pub const NO_PLACE: &str = " 17. pass  cap on stops     not asked for: it takes no place";

/// The whole text: the first line, the policy, and the gates that differ from `IDLE`, found by their number.
#[track_caller]
pub fn check(explanation: &Explanation, outcome: &str, policy: &str, different: &[&str]) {
    let mut gates = IDLE;
    for gate in different {
        let number: usize = gate.split('.').next().and_then(|number| number.trim().parse().ok()).expect("a number");
        gates[number - 1] = gate;
    }
    let gates = gates.join("\n");
    let expected = format!("i-00000000000000001 {outcome}\nat 2026-11-21T20:03:17Z, by the policy {policy}\n{gates}\n");
    assert_eq!(explanation.to_string(), expected, "{explanation}");
}

pub fn explained(instance: &Instance, evidence: &Evidence, rules: &Rules) -> Explanation {
    let decision = decide(instance, evidence, rules, now());
    explain(instance, evidence, rules, &decision, now())
}

/// A quiet instance under `dev-box` that is kept by a gate before the measurements.
#[track_caller]
pub fn check_kept(instance: &Instance, reason: &str, different: &[&str]) {
    let different = [different, &[NO_PLACE]].concat();
    check(&explained(instance, &quiet(), &rules()), &format!("is kept: {reason}"), "dev-box", &different);
}
