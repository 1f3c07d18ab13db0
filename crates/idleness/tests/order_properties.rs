//! What must hold for every fleet, however its instances name each other: nothing starts before what it starts after.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{
    fleets::{Fleet, id},
    instance,
    starts::OPEN,
};
use idleness::{Decision, Instance, InstanceId, InstanceState, Reason, Verdict, in_order, starting_after};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

/// One instance in few words.
#[derive(Clone, Debug)]
struct Brief {
    state: InstanceState,
    name: Index,
    after: Vec<(Index, Way)>,
    is_wanted: bool,
    is_by_doze: bool,
    is_owed: bool,
}

/// How another instance is named.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Id,
    Name,
    /// The one that was added just before.
    Last,
    Nobody,
}

fn any_brief() -> impl Strategy<Value = Brief> {
    let state = prop_oneof![
        6 => Just(InstanceState::Stopped),
        6 => Just(InstanceState::Running),
        1 => select(["pending", "stopping", "terminated", "shutting-down", "?"].map(InstanceState::from_name).to_vec()),
    ];
    let way = prop_oneof![8 => Just(Way::Id), 8 => Just(Way::Name), 4 => Just(Way::Last), 1 => Just(Way::Nobody)];
    let after = prop_oneof![3 => Just(0..1_usize), 2 => Just(1..2), 1 => Just(1..4)];
    let after = after.prop_flat_map(move |count| vec((any::<Index>(), way.clone()), count));
    let rarely = || prop::bool::weighted(0.1);
    (state, any::<Index>(), after, prop::bool::weighted(0.4), rarely(), rarely()).prop_map(
        |(state, name, after, is_wanted, is_by_somebody, is_owed)| Brief {
            state,
            name,
            after,
            is_wanted,
            is_by_doze: !is_by_somebody,
            is_owed,
        },
    )
}

/// A fleet whose instances name those before them for the most part, so that not all of it is one circle.
fn any_fleet(sizes: std::ops::Range<usize>) -> impl Strategy<Value = Fleet> {
    (vec(any_brief(), sizes), prop::bool::weighted(0.8)).prop_map(|(briefs, looks_back)| {
        let mut fleet = Fleet::default();
        // About every third name is shared.
        let name = |index: usize| format!("n{}", briefs[index].name.index(briefs.len()) * 2 / 3);
        for (position, brief) in briefs.iter().enumerate() {
            let named = brief.after.iter().filter_map(|(index, way)| {
                let others = if looks_back { position } else { briefs.len() };
                match way {
                    Way::Nobody => Some("nobody".to_owned()),
                    _ if others == 0 => None,
                    Way::Last => Some(name(position.saturating_sub(1))),
                    Way::Name => Some(name(index.index(others))),
                    Way::Id => Some(id(u32::try_from(index.index(others)).expect("few") + 1).to_string()),
                }
            });
            let after: Vec<String> = named.collect();
            fleet.add(&name(position), &after.iter().map(String::as_str).collect::<Vec<_>>());
            let added: &mut Instance = fleet.instances.last_mut().expect("was added");
            added.state = brief.state;
            let owed = ("doze:start-owed-since", "2026-11-21T21:00:00Z");
            let more = [brief.is_wanted.then_some(OPEN), brief.is_owed.then_some(owed)];
            added.tags = added.tags.iter().chain(more.into_iter().flatten()).collect();
            if !brief.is_by_doze {
                added.launched_at = None;
            }
        }
        fleet
    })
}

/// Who is to run before whom, read from the tags by the test's own means. `None` where a tag names nobody.
fn prerequisites(fleet: &Fleet) -> BTreeMap<&InstanceId, Option<Vec<&Instance>>> {
    let named = |word: &str| -> Vec<&Instance> {
        let by_id = fleet.instances.iter().filter(|instance| instance.id.as_str() == word).collect::<Vec<_>>();
        if !by_id.is_empty() {
            return by_id;
        }
        let has_name = |it: &&Instance| it.name() == Some(word) && it.state != InstanceState::Terminated;
        fleet.instances.iter().filter(has_name).collect()
    };
    let of = |instance: &Instance| {
        let words: Vec<Vec<&Instance>> =
            instance.tags.get("doze:after").map_or(Vec::new(), |text| text.split(" + ").map(named).collect());
        words.iter().all(|found| !found.is_empty()).then(|| words.into_iter().flatten().collect())
    };
    fleet.instances.iter().map(|instance| (&instance.id, of(instance))).collect()
}

/// Everything that an instance waits for, over however many others.
fn all_before<'a>(
    id: &InstanceId,
    before: &BTreeMap<&'a InstanceId, Option<Vec<&'a Instance>>>,
) -> BTreeSet<&'a InstanceId> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Instance> = before[id].clone().unwrap_or_default();
    while let Some(next) = open.pop() {
        if seen.insert(&next.id) {
            open.extend(before[&next.id].clone().unwrap_or_default());
        }
    }
    seen
}

fn shuffled<T: Clone>(items: &[T], turn: Index) -> Vec<T> {
    let mut items = items.to_vec();
    if !items.is_empty() {
        let middle = turn.index(items.len());
        items.rotate_left(middle);
        items[middle..].reverse();
    }
    items
}

fn is_running(instance: &Instance) -> bool {
    instance.state == InstanceState::Running
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn check(fleet: &Fleet) -> Result<(), TestCaseError> {
    let before = prerequisites(fleet);
    let decided: BTreeMap<InstanceId, Decision> =
        fleet.decisions().into_iter().map(|decision| (decision.instance.clone(), decision)).collect();
    let ordered = fleet.ordered();
    prop_assert_eq!(ordered.keys().collect::<Vec<_>>(), decided.keys().collect::<Vec<_>>());
    for (id, decision) in &ordered {
        let was_wanted = decided[id].verdict == Verdict::Start;
        let instance = fleet.instances.iter().find(|instance| instance.id == *id).expect("is there");
        let is_circular = all_before(id, &before).contains(id);
        let is_its_turn = before[id].as_ref().is_some_and(|before| before.iter().all(|other| is_running(other)));
        if decision.verdict == Verdict::Start {
            prop_assert!(is_its_turn && !is_circular, "{:?}", decision);
            prop_assert_eq!(instance.state, InstanceState::Stopped);
        }
        if was_wanted {
            let expected = if is_its_turn && !is_circular { decided[id].reason } else { Reason::WaitsForOthers };
            prop_assert_eq!(decision.reason, expected);
        } else if decision.reason == Reason::Needed {
            let is_before = |other: &&InstanceId| all_before(other, &before).contains(id);
            let wanted = decided.values().filter(|decision| decision.verdict == Verdict::Start);
            prop_assert!(wanted.map(|decision| &decision.instance).any(|other| is_before(&other)));
            prop_assert!(instance.launched_at.is_some(), "Doze stopped it last");
            prop_assert!(instance.tags.get("doze:start-owed-since").is_none());
        } else if decision.reason != Reason::WaitsForOthers {
            prop_assert_eq!(decision, &decided[id]);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn nothing_starts_before_what_it_starts_after(fleet in any_fleet(1..30)) {
        check(&fleet)?;
    }

    #[test]
    fn the_order_of_the_input_says_nothing(fleet in any_fleet(1..30), turns in (any::<Index>(), any::<Index>())) {
        let turned = in_order(shuffled(&fleet.decisions(), turns.0), &shuffled(&fleet.instances, turns.1));
        let turned: BTreeMap<_, _> =
            turned.into_iter().map(|decision| (decision.instance.clone(), decision)).collect();
        prop_assert_eq!(turned, fleet.ordered());
    }

    #[test]
    fn who_starts_after_an_instance_is_who_waits_for_it(fleet in any_fleet(1..30)) {
        let before = prerequisites(&fleet);
        for instance in &fleet.instances {
            let waits = |before: &Vec<&Instance>| before.iter().any(|other| other.id == instance.id);
            let waiting = before.iter().filter(|(_, before)| before.as_ref().is_some_and(waits));
            let waiting: BTreeSet<InstanceId> = waiting.map(|(id, _)| (*id).clone()).collect();
            prop_assert_eq!(starting_after(&instance.id, &fleet.instances), waiting);
        }
    }
}

proptest! {
    #![proptest_config(config(12))]

    #[test]
    fn nothing_starts_before_what_it_starts_after_in_large_fleets(fleet in any_fleet(200..260)) {
        check(&fleet)?;
    }
}

proptest! {
    #![proptest_config(config(100))]

    #[test]
    fn run_by_run_a_fleet_without_circles_comes_up(fleet in any_fleet(1..40)) {
        let mut fleet = fleet;
        let needed = fleet.ordered().into_values().filter(|decision| decision.reason == Reason::Needed);
        let needed: Vec<InstanceId> = needed.map(|decision| decision.instance).collect();
        let wanted = fleet.decisions().into_iter().filter(|decision| decision.verdict == Verdict::Start);
        let wanted: Vec<InstanceId> = wanted.map(|decision| decision.instance).collect();
        let runs = fleet.instances.len() + 1;
        for _ in 0..runs {
            for id in fleet.started_ids() {
                let started = fleet.instances.iter_mut().find(|instance| instance.id == id).expect("is there");
                started.state = InstanceState::Running;
            }
            for instance in fleet.instances.iter_mut().filter(|it| it.state == InstanceState::Pending) {
                instance.state = InstanceState::Running;
            }
        }
        prop_assert!(fleet.started_ids().is_empty(), "what starts is running by now");
        let before = prerequisites(&fleet);
        let runs_in_the_end = |id: &InstanceId| fleet.instances.iter().any(|it| it.id == *id && is_running(it));
        for id in needed {
            let waiting = wanted.iter().filter(|waiting| all_before(waiting, &before).contains(&id));
            prop_assert!(waiting.filter(|it| runs_in_the_end(it)).count() > 0, "{} started in vain", id);
        }
        for (id, decision) in fleet.ordered() {
            let waits_for_nobody = before[&id].as_ref().is_some_and(|before| before.iter().all(|it| is_running(it)));
            let is_circular = all_before(&id, &before).contains(&id);
            prop_assert!(decision.reason != Reason::WaitsForOthers || !waits_for_nobody || is_circular);
        }
    }
}

/// The other properties would hold of any order that starts nobody.
#[test]
fn the_random_fleets_reach_every_turn() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for _ in 0..400 {
        let fleet = any_fleet(1..30).new_tree(&mut runner).expect("a fleet").current();
        for decision in fleet.ordered().into_values() {
            *reasons.entry(decision.reason.as_str()).or_default() += 1;
            for phrase in ["go round in a circle", "which is no instance with doze=on", "not by Doze", "start is owed"]
            {
                let is_said = decision.detail.as_ref().is_some_and(|detail| detail.contains(phrase));
                *words.entry(phrase).or_default() += usize::from(is_said);
            }
        }
    }
    for reason in [Reason::Needed, Reason::WaitsForOthers, Reason::ScheduleOpen, Reason::AlreadyStopped] {
        assert!(reasons.get(reason.as_str()).is_some_and(|count| *count >= 50), "{reasons:?}");
    }
    assert!(words.values().all(|count| *count >= 10), "{words:?}");
}

/// Fleets that would take very long if every instance were looked at again for every other.
#[test]
fn large_fleets_end() {
    let mut chain = Fleet::default();
    let mut circle = Fleet::default();
    for number in 0..2000 {
        chain.add(&format!("n{number}"), &[&format!("n{}", number + 1)]).want(&format!("n{number}"));
        circle.add(&format!("n{number}"), &[&format!("n{}", (number + 1) % 2000)]).want(&format!("n{number}"));
    }
    chain.add("n2000", &[]);
    assert_eq!(chain.started(), ["n2000"]);
    assert!(circle.started().is_empty());

    let mut complete = Fleet::default();
    let names: Vec<String> = (0..60).map(|number| format!("n{number}")).collect();
    for (position, name) in names.iter().enumerate() {
        let others: Vec<&str> =
            names.iter().enumerate().filter(|(other, _)| *other != position).map(|(_, name)| name.as_str()).collect();
        complete.add(name, &others).want(name);
    }
    assert!(complete.started().is_empty());
    assert_eq!(starting_after(&id(1), &complete.instances).len(), 59);

    // Two names, each shared by a thousand, and all of the one after all of the other.
    let mut crowd = Fleet::default();
    for number in 0..2000 {
        let (name, after): (&str, &[&str]) = if number % 2 == 0 { ("front", &["back"]) } else { ("back", &[]) };
        crowd.add(name, after);
    }
    for instance in crowd.instances.iter_mut().step_by(2) {
        instance.tags = instance.tags.iter().chain([OPEN]).collect();
    }
    assert_eq!(crowd.started_ids().len(), 500);
    assert_eq!(starting_after(&instance(2).id, &crowd.instances).len(), 1000);
}
