//! What has to be done so that the alarms are those that should be there. Pure.

use std::collections::BTreeMap;

use fleet::{IdleAlarm, KeptAlarm};

use crate::wanted::Naming;

/// The difference between the alarms that should be there and those that are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Alarms to make, or to make anew.
    pub put: Vec<IdleAlarm>,
    /// The names of those to take away.
    pub remove: Vec<String>,
    /// How many are as they should be.
    pub unchanged: usize,
}

/// Compares. Alarms that are not ours by name are neither counted nor touched.
#[must_use]
pub fn changes(wanted: Vec<IdleAlarm>, there: Vec<KeptAlarm>, naming: &Naming) -> Changes {
    let ours = there.into_iter().filter(|kept| naming.owns(&kept.name));
    let mut there: BTreeMap<String, Option<IdleAlarm>> = ours.map(|kept| (kept.name, kept.alarm)).collect();
    let mut changes = Changes::default();
    for alarm in wanted {
        match there.remove(&alarm.name) {
            Some(Some(kept)) if kept == alarm => changes.unchanged += 1,
            Some(_) | None => changes.put.push(alarm),
        }
    }
    changes.remove = there.into_keys().collect();
    changes
}
