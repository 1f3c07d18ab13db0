//! No history breaks a rule; and whoever switches a rule off, is found out.

use simulator::{Begin, Deed, History, Kind, MachineSpec, Sabotage, Step, Tally, Trigger, play, shrink};

/// How many histories are tried before a rule that is switched off counts as one that nobody misses.
const PATIENCE: u64 = 20_000;

#[test]
fn no_rule_is_broken() {
    let mut tally = Tally::default();
    for seed in 0..3000 {
        let history = History::of_seed(seed);
        match play(&history, None) {
            Ok(played) => tally += played,
            Err(violation) => {
                let (smallest, violation) = shrink(&history, &violation, None);
                panic!("seed {seed}: {violation:?}\n{smallest}");
            }
        }
    }
    // Much happened: that nothing broke says something.
    let Tally { runs, beside_others, killed, faults, stops, starts, stopped_in_the_end, started_in_the_end } = tally;
    assert!(runs > 20_000 && beside_others > 5000 && killed > 1000 && faults > 5000, "{tally:?}");
    assert!(stops > 2000 && starts > 150 && stopped_in_the_end > 1500 && started_in_the_end > 50, "{tally:?}");
}

#[test]
fn a_seed_is_a_history() {
    for seed in 0..50 {
        let played = || play(&History::of_seed(seed), Some(Sabotage::Activity));
        assert_eq!(played(), played(), "seed {seed}");
    }
}

/// The rule that is broken when one of the product's is switched off.
fn broken_without(sabotage: Sabotage) -> &'static str {
    match sabotage {
        Sabotage::OptIn => "not-opted-in",
        Sabotage::State => "not-running",
        Sabotage::Tags => "bad-tag",
        Sabotage::AutoScaling => "auto-scaling-member",
        Sabotage::Cluster => "cluster-member",
        Sabotage::Spot => "one-time-spot",
        Sabotage::InstanceStore => "instance-store-root",
        Sabotage::StopProtection => "stop-protected",
        Sabotage::KeepUntil | Sabotage::SecondLook => "kept-awake",
        Sabotage::Schedule => "inside-schedule",
        Sabotage::Uptime => "recently-started",
        Sabotage::Data | Sabotage::Freshness | Sabotage::Statuses | Sabotage::Activity | Sabotage::Rest => "unproven",
        Sabotage::SessionsRead => "sessions-unread",
        Sabotage::Sessions => "session-active",
        Sabotage::Grace => "unannounced",
        Sabotage::Caps | Sabotage::Notes | Sabotage::Noting => "over-cap",
        Sabotage::DryRun => "dry-run",
        Sabotage::WhoStopped => "starts-unasked",
        Sabotage::Owing => "left-stopped",
        Sabotage::Announcing => "left-running",
        Sabotage::Stopping => "reported-what-is-not-so",
        Sabotage::Reading => "failed-without-a-fault",
    }
}

#[test]
fn a_rule_that_is_switched_off_is_missed() {
    for sabotage in Sabotage::ALL {
        let rule = broken_without(sabotage);
        let breaks = |seed| play(&History::of_seed(seed), Some(sabotage)).is_err_and(|broken| broken.rule == rule);
        assert!((0..PATIENCE).any(breaks), "{sabotage:?} does not break {rule}");
    }
}

/// Two idle machines, one of them announced before, and one that Doze stopped inside its schedule.
fn small() -> History {
    let machine = MachineSpec {
        exists: true,
        kind: Kind::Plain,
        opted_in: true,
        heeds_sessions: false,
        hours: None,
        runs: true,
        delay_seconds: 60,
    };
    let sweep = Begin { trigger: Trigger::Sweep, is_dry: false, faults_percent: 0, changes: None, seed: 0 };
    let sleeper = MachineSpec { heeds_sessions: true, ..machine.clone() };
    let steps = vec![
        Step::Begin(sweep),
        Step::Pass { minutes: 30 },
        Step::Do { machine: 0, deed: Deed::Schedule { from: 0, to: 23 } },
        Step::Begin(sweep),
    ];
    History { max_stops: 2, max_stops_percent: 100, grace_minutes: 0, machines: vec![machine, sleeper], steps }
}

#[test]
fn a_process_may_die_at_any_call() {
    let mut killed = 0;
    for first in 0..40 {
        for second in 0..40 {
            let mut history = small();
            history.steps.insert(1, Step::Poll { run: 0, times: first });
            history.steps.insert(2, Step::Kill { run: 0 });
            history.steps.push(Step::Poll { run: 0, times: second });
            history.steps.push(Step::Kill { run: 0 });
            let tally = play(&history, None).unwrap_or_else(|broken| panic!("{first}, {second}: {broken:?}"));
            killed += tally.killed;
        }
    }
    assert!(killed > 800, "{killed}");
}

#[test]
fn a_failing_history_is_made_small() {
    let (seed, violation) = (0..PATIENCE)
        .find_map(|seed| Some((seed, play(&History::of_seed(seed), Some(Sabotage::KeepUntil)).err()?)))
        .expect("is found out");
    let (smallest, found) = shrink(&History::of_seed(seed), &violation, Some(Sabotage::KeepUntil));
    assert_eq!(found.rule, violation.rule);
    let machines = smallest.machines.iter().filter(|machine| machine.exists).count();
    assert!(machines == 1 && smallest.steps.len() <= 3, "{smallest}");
}
