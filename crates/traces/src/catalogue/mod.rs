//! The catalogue, family by family. A label follows from its story; what a policy says about it was never looked at.

mod accelerated;
mod forgotten;
mod idle;
mod invisible;
mod jobs;
mod people;
mod recurring;
mod services;
mod storage;
mod unknown;

use crate::trace::Trace;

/// A family of traces: its title, and the traces.
pub type Family = (&'static str, Vec<Trace>);

/// All traces by family.
#[must_use]
pub fn families() -> Vec<Family> {
    vec![
        ("Idle", idle::traces()),
        ("Idle, though something runs", forgotten::traces()),
        ("Jobs", jobs::traces()),
        ("Recurring jobs", recurring::traces()),
        ("People", people::traces()),
        ("Services", services::traces()),
        ("Storage", storage::traces()),
        ("GPUs and other accelerators", accelerated::traces()),
        ("Nobody can know", unknown::traces()),
        ("In use, and no metric can show it", invisible::traces()),
    ]
}

/// All traces.
#[must_use]
pub fn catalogue() -> Vec<Trace> {
    families().into_iter().flat_map(|(_, traces)| traces).collect()
}
