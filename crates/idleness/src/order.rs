//! Starts in their order: the tag `doze:after` names the instances that run before this one starts. Pure, over the whole
//! fleet of opted-in instances.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::{
    decision::{Decision, Reason, Verdict},
    instance::{Instance, InstanceId, InstanceState},
    starting::{has_fallen_back, is_start_awaited, may_be_started},
    wishes::after,
};

/// The most starts of one run. EC2 takes 1,000 instances at once and 2 more a second; half of that is left to people.
const STARTS_PER_RUN: usize = 500;
/// The most instances that a detail names. A name may be shared by very many.
const NAMED: usize = 5;

/// What other instances made of a decision to start one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// `waits-for-others` or `needed`.
    pub reason: Reason,
    /// Which others, in words.
    pub detail: String,
}

impl Turn {
    /// The turn that a decision took, if it did.
    #[must_use]
    pub fn of(decision: &Decision) -> Option<Self> {
        let is_turned = matches!(decision.reason, Reason::WaitsForOthers | Reason::Needed);
        let detail = decision.detail.clone().filter(|_| is_turned)?;
        Some(Self { reason: decision.reason, detail })
    }

    /// The decision after its turn.
    #[must_use]
    pub fn apply(&self, decision: Decision) -> Decision {
        decision.turned(self.reason, self.detail.clone())
    }
}

/// Puts the starts among the decisions into order. What starts after others that do not run yet waits; those others are
/// started for its sake if Doze had stopped them, and if nothing else keeps it waiting: they would be idle until then, and be
/// stopped again. `fleet` are all opted-in instances; one that is not among them is not waited for, and what names it does not
/// start.
#[must_use]
pub fn in_order<'a>(decisions: Vec<Decision>, fleet: impl IntoIterator<Item = &'a Instance>) -> Vec<Decision> {
    if decisions.iter().all(|decision| decision.verdict != Verdict::Start) {
        return decisions;
    }
    let order = Order::of(fleet);
    let mut by_id: BTreeMap<InstanceId, Decision> =
        decisions.into_iter().map(|decision| (decision.instance.clone(), decision)).collect();
    let wanted = by_id.values().filter(|decision| decision.verdict == Verdict::Start);
    let wanted: Vec<usize> = wanted.filter_map(|decision| order.place(&decision.instance)).collect();
    for Wanted { place, needed_by, waits, .. } in order.close(&wanted) {
        let id = order.instances[place].id.clone();
        let decision = by_id.remove(&id).unwrap_or_else(|| Decision::requested(id.clone()));
        let turned = match (waits, needed_by) {
            (Some(detail), _) => decision.turned(Reason::WaitsForOthers, detail),
            (None, Some(by)) => decision.turned(Reason::Needed, format!("{} starts after it", order.name(by))),
            (None, None) => decision,
        };
        by_id.insert(id, turned);
    }
    let starts = by_id.values_mut().filter(|decision| decision.verdict == Verdict::Start);
    for decision in starts.skip(STARTS_PER_RUN) {
        let detail = format!("one run starts no more than {STARTS_PER_RUN} instances; the next one goes on");
        *decision = decision.clone().turned(Reason::WaitsForOthers, detail);
    }
    by_id.into_values().collect()
}

/// The instances that start after this one, by their tags. `fleet` are all opted-in instances.
#[must_use]
pub fn starting_after<'a>(id: &InstanceId, fleet: impl IntoIterator<Item = &'a Instance>) -> BTreeSet<InstanceId> {
    let order = Order::of(fleet);
    let Some(place) = order.place(id) else { return BTreeSet::new() };
    let names_it = |groups: &Vec<usize>| groups.iter().any(|group| order.groups[*group].binary_search(&place).is_ok());
    let after = order.after.iter().zip(&order.instances);
    after.filter(|(groups, _)| groups.as_ref().is_ok_and(names_it)).map(|(_, instance)| instance.id.clone()).collect()
}

/// Why the instance cannot start whatever runs, by its tag `doze:after`: it names nobody, or leads back to the instance.
/// `fleet` are all opted-in instances.
#[must_use]
pub fn never_starts<'a>(instance: &Instance, fleet: impl IntoIterator<Item = &'a Instance>) -> Option<String> {
    let order = Order::of(fleet);
    order.never(order.place(&instance.id)?)
}

/// Whether the instance starts after others, by its tag `doze:after`.
#[must_use]
pub fn starts_after_others(instance: &Instance) -> bool {
    after(&instance.tags).is_ok_and(|others| !others.is_empty())
}

/// The decisions that follow from a person's wish to start the instance: about it, and about those that start before it.
/// `fleet` are all opted-in instances.
#[must_use]
pub fn requested<'a>(instance: &Instance, fleet: impl IntoIterator<Item = &'a Instance>) -> Vec<Decision> {
    in_order(vec![Decision::requested(instance.id.clone())], fleet)
}

/// The fleet, and who starts after whom. Tags may name very many instances, so that they are resolved once, and those of one
/// name are looked at together.
struct Order<'a> {
    /// By id. Places and groups are those in these lists.
    instances: Vec<&'a Instance>,
    /// What one word of a tag can stand for: first each instance alone, then all instances of each name.
    groups: Vec<Vec<usize>>,
    /// The groups that run before each instance starts; or the word that stands for none.
    after: Vec<Result<Vec<usize>, &'a str>>,
}

/// An instance that is to start.
struct Wanted {
    place: usize,
    /// The one that it starts for the sake of.
    needed_by: Option<usize>,
    /// Whether it never starts, whatever runs.
    never: bool,
    /// Why it does not start yet, if it does not.
    waits: Option<String>,
}

impl<'a> Order<'a> {
    fn of(fleet: impl IntoIterator<Item = &'a Instance>) -> Self {
        let by_id: BTreeMap<_, _> = fleet.into_iter().map(|instance| (&instance.id, instance)).collect();
        let places: BTreeMap<&InstanceId, usize> = by_id.keys().copied().zip(0..).collect();
        let instances: Vec<&Instance> = by_id.into_values().collect();
        let mut groups: Vec<Vec<usize>> = (0..instances.len()).map(|place| vec![place]).collect();
        let mut names: BTreeMap<&str, usize> = BTreeMap::new();
        for (place, instance) in instances.iter().enumerate() {
            if let Some(name) = instance.name().filter(|_| instance.state != InstanceState::Terminated) {
                let group = *names.entry(name).or_insert(groups.len());
                if group == groups.len() {
                    groups.push(Vec::new());
                }
                groups[group].push(place);
            }
        }
        let find = |word: &'a str| {
            let by_id = word.parse().ok().and_then(|id: InstanceId| places.get(&id));
            by_id.or_else(|| names.get(word)).copied().ok_or(word)
        };
        // A tag that does not parse is found by the gates, and nothing with one is started.
        let words = |instance: &&'a Instance| after(&instance.tags).unwrap_or_default();
        let after = instances.iter().map(|instance| words(instance).into_iter().map(find).collect()).collect();
        Self { instances, groups, after }
    }

    fn place(&self, id: &InstanceId) -> Option<usize> {
        self.instances.binary_search_by(|instance| instance.id.cmp(id)).ok()
    }

    /// The wanted starts, and those of the instances that they wait for.
    fn close(&self, wanted: &[usize]) -> Vec<Wanted> {
        let mut is_barred = vec![false; self.instances.len()];
        loop {
            let closed = self.close_but(wanted, &is_barred);
            // What never starts is found on the way. Then what waits for it does not come up, and nothing starts for its sake. The
            // second round looks at some of the first one's, and finds no more.
            let found = closed.iter().filter(|wanted| wanted.never && !is_barred[wanted.place]);
            let found: Vec<usize> = found.map(|wanted| wanted.place).collect();
            if found.is_empty() {
                return closed;
            }
            for place in found {
                is_barred[place] = true;
            }
        }
    }

    /// The same, where it is known of some that they never start.
    fn close_but(&self, wanted: &[usize], is_barred: &[bool]) -> Vec<Wanted> {
        let mut is_known = vec![false; self.instances.len()];
        for place in wanted {
            is_known[*place] = true;
        }
        let come_up = self.come_up(&is_known, is_barred);
        let mut open: VecDeque<(usize, Option<usize>)> = wanted.iter().map(|place| (*place, None)).collect();
        let mut closed = Vec::new();
        while let Some((place, needed_by)) = open.pop_front() {
            let never = self.never(place);
            if never.is_none() && self.before(place).all(|other| come_up[other]) {
                for other in self.before(place) {
                    if !is_known[other] && !is_on_its_way(self.instances[other]) {
                        is_known[other] = true;
                        open.push_back((other, Some(place)));
                    }
                }
            }
            let is_never = never.is_some();
            closed.push(Wanted { place, needed_by, never: is_never, waits: never.or_else(|| self.not_yet(place)) });
        }
        closed
    }

    /// Which instances run, or can be brought to that now, together with all that start before them. What is wanted starts by
    /// itself, unless it is barred; the start of others is for Doze to decide if it was Doze that stopped them.
    fn come_up(&self, is_wanted: &[bool], is_barred: &[bool]) -> Vec<bool> {
        let mut groups_of: Vec<Vec<usize>> = vec![Vec::new(); self.instances.len()];
        let mut missing: Vec<usize> = self.groups.iter().map(Vec::len).collect();
        for (group, places) in self.groups.iter().enumerate() {
            for place in places {
                groups_of[*place].push(group);
            }
        }
        let mut waiting_for: Vec<Vec<usize>> = vec![Vec::new(); self.groups.len()];
        let mut waits: Vec<usize> = vec![0; self.instances.len()];
        let (mut come_up, mut open) = (vec![false; self.instances.len()], VecDeque::new());
        for (place, instance) in self.instances.iter().enumerate() {
            let may_start = is_wanted[place] || may_be_started(instance);
            let is_free = !is_barred[place] && !is_start_awaited(instance) && may_start;
            match &self.after[place] {
                _ if is_on_its_way(instance) => open.push_back(place),
                Ok(groups) if is_free && groups.is_empty() => open.push_back(place),
                Ok(groups) if is_free => {
                    waits[place] = groups.len();
                    for group in groups {
                        waiting_for[*group].push(place);
                    }
                }
                // One whose start is owed is tried when it is due, and not hurried by those who wait for it.
                Ok(_) | Err(_) => {}
            }
        }
        while let Some(place) = open.pop_front() {
            come_up[place] = true;
            for group in &groups_of[place] {
                missing[*group] -= 1;
                if missing[*group] > 0 {
                    continue;
                }
                for other in &waiting_for[*group] {
                    waits[*other] -= 1;
                    if waits[*other] == 0 {
                        open.push_back(*other);
                    }
                }
            }
        }
        come_up
    }

    /// Why the instance cannot start, whatever runs.
    fn never(&self, place: usize) -> Option<String> {
        if let Err(unknown) = &self.after[place] {
            return Some(format!("its tag doze:after names {unknown:?}, which is no instance with doze=on"));
        }
        let circle = self.circle(place)?;
        let names = listed(circle.into_iter(), |place| self.name(place), " after ");
        Some(format!("the tags doze:after go round in a circle: {names}"))
    }

    /// Why the instance does not start yet, if it does not.
    fn not_yet(&self, place: usize) -> Option<String> {
        let not_running = self.before(place).filter(|other| self.instances[*other].state != InstanceState::Running);
        let mut not_running = not_running.peekable();
        not_running.peek()?;
        let words = |other| format!("{}, which is {}", self.name(other), state(self.instances[other]));
        Some(format!("it starts after {}", listed(not_running, words, "; ")))
    }

    /// The instances that run before this one starts.
    fn before(&self, place: usize) -> impl Iterator<Item = usize> {
        self.after[place].iter().flatten().flat_map(|group| self.groups[*group].iter().copied())
    }

    /// The way from the instance over `doze:after` back to itself, if there is one.
    fn circle(&self, start: usize) -> Option<Vec<usize>> {
        let mut came_from: Vec<Option<usize>> = vec![None; self.instances.len()];
        let mut is_seen = vec![false; self.groups.len()];
        let mut open = VecDeque::from([start]);
        while let Some(current) = open.pop_front() {
            for group in self.after[current].iter().flatten().copied() {
                if std::mem::replace(&mut is_seen[group], true) {
                    continue;
                }
                for other in self.groups[group].iter().copied() {
                    if other == start {
                        let way = std::iter::successors(Some(current), |place| came_from[*place]);
                        let mut circle: Vec<usize> = std::iter::once(start).chain(way).collect();
                        circle.reverse();
                        return Some(circle);
                    }
                    if came_from[other].is_none() {
                        came_from[other] = Some(current);
                        open.push_back(other);
                    }
                }
            }
        }
        None
    }

    /// What people call the instance.
    fn name(&self, place: usize) -> String {
        let Instance { id, .. } = self.instances[place];
        match self.instances[place].name() {
            Some(name) => format!("{name:?} ({id})"),
            None => id.to_string(),
        }
    }
}

/// Whether the instance runs, or is about to.
const fn is_on_its_way(instance: &Instance) -> bool {
    matches!(instance.state, InstanceState::Running | InstanceState::Pending)
}

/// The first few places in words, and how many more there are.
fn listed(mut places: impl Iterator<Item = usize>, words: impl Fn(usize) -> String, separator: &str) -> String {
    let first: Vec<String> = places.by_ref().take(NAMED).map(words).collect();
    let more = places.count();
    let first = first.join(separator);
    if more == 0 { first } else { format!("{first}; and {more} more") }
}

/// The state, and of a stopped instance why it does not start for the sake of others.
fn state(instance: &Instance) -> String {
    let state = instance.state.as_str();
    match instance.state {
        InstanceState::Stopped if is_start_awaited(instance) => format!("{state}; its start is owed"),
        InstanceState::Stopped if has_fallen_back(instance) => format!("{state}, since its start failed"),
        InstanceState::Stopped if !may_be_started(instance) => format!("{state}, but not by Doze"),
        _ => state.to_owned(),
    }
}
