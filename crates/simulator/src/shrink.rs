//! Makes a failing history smaller, as long as it breaks the same rule.

use crate::{
    history::{Begin, History, Step},
    oracle::Violation,
    play::play,
    sabotage::Sabotage,
};

/// The smallest history found that breaks the same rule, and how it does.
#[must_use]
pub fn shrink(history: &History, violation: &Violation, sabotage: Option<Sabotage>) -> (History, Violation) {
    let mut smallest = (history.clone(), violation.clone());
    loop {
        let candidates = smaller(&smallest.0);
        let breaks = |candidate: History| {
            let found = play(&candidate, sabotage).err().filter(|found| found.rule == violation.rule)?;
            Some((candidate, found))
        };
        match candidates.into_iter().find_map(breaks) {
            Some(found) => smallest = found,
            None => return smallest,
        }
    }
}

/// The history without some of what happens in it, the greatest parts first.
fn smaller(history: &History) -> Vec<History> {
    let mut candidates = Vec::new();
    let mut length = history.steps.len();
    while length > 0 {
        for from in (0..history.steps.len()).step_by(length) {
            let mut candidate = history.clone();
            candidate.steps.drain(from..(from + length).min(history.steps.len()));
            candidates.push(candidate);
        }
        length /= 2;
    }
    for (number, _) in history.machines.iter().enumerate().filter(|(_, machine)| machine.exists) {
        let mut candidate = history.clone();
        candidate.machines[number].exists = false;
        candidates.push(candidate);
    }
    for (number, step) in history.steps.iter().enumerate() {
        let Some(step) = plainer(*step) else { continue };
        let mut candidate = history.clone();
        candidate.steps[number] = step;
        candidates.push(candidate);
    }
    candidates
}

/// A run without faults.
const fn plainer(step: Step) -> Option<Step> {
    match step {
        Step::Begin(begin) if begin.faults_percent > 0 || begin.changes.is_some() => {
            Some(Step::Begin(Begin { faults_percent: 0, changes: None, ..begin }))
        }
        _ => None,
    }
}
