//! What is expected of each instance, as a table that covers the whole time.

use std::collections::BTreeMap;

use idleness::InstanceState;
use jiff::Timestamp;

use super::{
    times::{Span, text},
    world::World,
};

/// The name of an instance, and how long it is in which state: from, to, state. Between a row and the next of the same
/// instance it is on the way, which is told by both.
pub type Row = (&'static str, &'static str, &'static str, &'static str);

pub struct Table(BTreeMap<&'static str, Vec<(Span, InstanceState)>>);

impl Table {
    pub fn of(rows: &[Row]) -> Self {
        let mut table: BTreeMap<_, Vec<(Span, InstanceState)>> = BTreeMap::new();
        for (name, from, to, state) in rows {
            let (span, state) = (Span::of(from, to), InstanceState::from_name(state));
            let stays = table.entry(*name).or_default();
            assert!(span.from < span.to && stays.last().is_none_or(|(last, _)| last.to <= span.from), "{name} {from}");
            stays.push((span, state));
        }
        Self(table)
    }

    /// The whole account is as the table has it.
    #[track_caller]
    pub fn assert_holds(&self, world: &World) {
        let now = world.now();
        for instance in world.instances() {
            let name = instance.name().expect("each has a name");
            let expected = self.state_of(name, now);
            assert_eq!(instance.state, expected, "{name}, {}: {instance:?}", text(now));
        }
    }

    fn state_of(&self, name: &str, now: Timestamp) -> InstanceState {
        let stays = &self.0[name];
        if let Some((_, state)) = stays.iter().find(|(span, _)| span.contains(now)) {
            return *state;
        }
        let (_, next) = stays.iter().find(|(span, _)| now < span.from).expect("the table covers the whole time");
        match next {
            InstanceState::Running => InstanceState::Pending,
            InstanceState::Stopped => InstanceState::Stopping,
            other => panic!("{name} is on the way to {other:?}"),
        }
    }
}
