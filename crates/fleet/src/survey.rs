//! The fleet, measured page by page: CloudWatch is asked about one page while EC2 describes the next. The first signal comes first,
//! and the others of those alone whose use it does not prove: CloudWatch bills each, and most of a fleet is in use.
//!
//! That takes no more calls than to measure all of them at once: instances wait until they fill calls to the last query, and those
//! that are left at the end share theirs.

use std::{
    collections::{BTreeMap, HashSet},
    future,
};

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use idleness::{Evidence, Instance, Part, Rules, needs_evidence, needs_rest};
use jiff::Timestamp;

use crate::{ApiError, ReadFleet, packing::Load};

/// The most instances of one load that wait for one another. Where more would have to, all wait until the fleet has come to its end.
const WAITING: usize = 1000;

/// An instance, and what has been measured of it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) instance: Instance,
    pub(crate) evidence: Evidence,
}

/// All opted-in instances, each once, and of each that is measured what its decision depends on. In no order. What comes before an
/// error is not the fleet.
pub(crate) fn survey<'a>(
    fleet: &'a impl ReadFleet,
    rules: &'a Rules,
    now: Timestamp,
) -> impl Stream<Item = Result<Vec<Seen>, ApiError>> {
    // One that moves from a page to the next would be measured twice, and its sums added.
    let mut known = HashSet::new();
    let described = fleet.opted_in_by_page().map_ok(move |page| {
        let new = page.into_iter().filter(|instance| known.insert(instance.id.clone()));
        new.map(|instance| Seen { instance, evidence: Evidence::none() }).collect()
    });
    let needs_first = move |seen: &Seen| needs_evidence(&seen.instance, rules, now);
    let needs_rest = move |seen: &Seen| needs_rest(&seen.instance, &seen.evidence, rules, now);
    let first = Surveyor { fleet, part: Part::First, rules, now }.measured(described, needs_first);
    Surveyor { fleet, part: Part::Rest, rules, now }.measured(first, needs_rest)
}

/// What measures a part of the policies' signals.
#[derive(Debug)]
struct Surveyor<'a, F> {
    fleet: &'a F,
    part: Part,
    rules: &'a Rules,
    now: Timestamp,
}

impl<F> Clone for Surveyor<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Surveyor<'_, F> {}

impl<F: ReadFleet> Surveyor<'_, F> {
    /// All instances that come, those that need it measured.
    fn measured(
        self,
        pages: impl Stream<Item = Result<Vec<Seen>, ApiError>>,
        is_needed: impl Fn(&Seen) -> bool,
    ) -> impl Stream<Item = Result<Vec<Seen>, ApiError>> {
        let mut waiting = Waiting::default();
        let ended = stream::once(future::ready(Ok(None)));
        pages
            .map_ok(Some)
            .chain(ended)
            .map_ok(move |page| {
                let groups = match page {
                    Some(page) => self.group(page, &is_needed, &mut waiting),
                    None => vec![Group::ToMeasure(waiting.take_all())],
                };
                stream::iter(groups.into_iter().map(Ok))
            })
            .try_flatten()
            .map_ok(move |group| self.measure(group))
            // Without a bound, so that what comes first is always gone on with, too: calls have their time-outs. How many run at once
            // is for the adapter to say.
            .try_buffer_unordered(usize::MAX)
    }

    /// Those of a page that need nothing, and those that fill calls.
    fn group(self, page: Vec<Seen>, is_needed: impl Fn(&Seen) -> bool, waiting: &mut Waiting) -> Vec<Group> {
        let (to_measure, done): (Vec<_>, Vec<_>) = page.into_iter().partition(is_needed);
        let mut groups = vec![Group::Done(done)];
        for seen in to_measure {
            let load = Load::of(&seen.instance, self.rules.policy_of(&seen.instance), self.part, self.now);
            groups.extend(waiting.add(load, seen).map(Group::ToMeasure));
        }
        groups
    }

    async fn measure(self, group: Group) -> Result<Vec<Seen>, ApiError> {
        let mut group = match group {
            Group::ToMeasure(group) if !group.is_empty() => group,
            Group::ToMeasure(done) | Group::Done(done) => return Ok(done),
        };
        let subjects: Vec<_> =
            group.iter().map(|seen| (&seen.instance, self.rules.policy_of(&seen.instance))).collect();
        let mut measured = self.fleet.evidence(&subjects, self.part, self.now).await?;
        for seen in &mut group {
            if let Some(evidence) = measured.remove(&seen.instance.id) {
                seen.evidence.extend(evidence);
            }
        }
        Ok(group)
    }
}

enum Group {
    Done(Vec<Seen>),
    ToMeasure(Vec<Seen>),
}

/// Instances that wait until there are as many of the same load as fill calls.
#[derive(Default)]
struct Waiting(BTreeMap<Option<Load>, Vec<Seen>>);

impl Waiting {
    /// Adds an instance; those that need not wait any longer.
    fn add(&mut self, load: Option<Load>, seen: Seen) -> Option<Vec<Seen>> {
        let enough = load.as_ref().and_then(|load| load.instances_that_fill_calls(WAITING));
        let alike = self.0.entry(load).or_default();
        alike.push(seen);
        // One about which nothing is asked fills no call.
        enough.filter(|enough| alike.len() >= *enough).map(|_| std::mem::take(alike))
    }

    fn take_all(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.0).into_values().flatten().collect()
    }
}
