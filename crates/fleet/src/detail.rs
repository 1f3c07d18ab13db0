//! Of which instances of a large fleet a run holds on to what their decisions were made from, of those that measurements alone decide.
//! Of all others among them that are kept, it holds the reason: nobody reads more of them, and ten thousand would take more memory than
//! all else.

use std::collections::{BTreeMap, BTreeSet};

use idleness::{
    Decision, Instance, InstanceId, InstanceState, InstanceType, Market, NAME_TAG, OPT_IN_TAG, Reason, RootDevice,
    StopProtection, Transition, Verdict,
};

/// How many instances are seen in detail, of those that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// The first by id: as many as somebody may read about.
    pub first: usize,
    /// The least active of the idle: as many as may come to be stopped.
    pub least_active: usize,
}

/// An instance that is only counted: it runs, is kept, and nothing else of the run depends on it but its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) id: InstanceId,
    pub(crate) reason: Reason,
    name: Option<Box<str>>,
}

impl Counted {
    pub(crate) fn new(instance: &Instance, reason: Reason) -> Self {
        Self { id: instance.id.clone(), reason, name: instance.name().map(Into::into) }
    }

    /// As much of the instance as others that start after it need to know. All else is unknown, by which it would be kept.
    pub(crate) fn as_instance(&self) -> Instance {
        let name = self.name.as_deref().map(|name| (NAME_TAG, name));
        Instance {
            id: self.id.clone(),
            state: InstanceState::Running,
            launched_at: None,
            instance_type: InstanceType::default(),
            vcpus: None,
            root_device: RootDevice::Unknown,
            market: Market::SpotUnknown,
            stop_protection: StopProtection::Unread,
            transition: Transition::default(),
            tags: [(OPT_IN_TAG, "on")].into_iter().chain(name).collect(),
        }
    }
}

/// The instances that are seen in detail so far, of those that could be counted.
#[derive(Debug)]
pub(crate) struct Selection {
    detail: Detail,
    first: BTreeMap<InstanceId, Standing>,
    least_active: BTreeSet<(Activity, InstanceId)>,
}

/// What has become of an instance that could be counted.
#[derive(Clone, Copy, Debug)]
enum Standing {
    Idle(Activity),
    Kept(Reason),
}

impl Standing {
    const fn reason(self) -> Reason {
        match self {
            Self::Idle(_) => Reason::OverCap,
            Self::Kept(reason) => reason,
        }
    }
}

/// How active an idle instance is. It is never negative, and then the order of the bits is that of the numbers.
type Activity = u64;

impl Selection {
    pub(crate) const fn new(detail: Detail) -> Self {
        Self { detail, first: BTreeMap::new(), least_active: BTreeSet::new() }
    }

    /// Adds an instance by its decision. Those that are only to be counted from now on, and by which reason: of an idle one that
    /// so many less active ones go before, the cap's.
    pub(crate) fn add(&mut self, decision: &Decision) -> Vec<(InstanceId, Reason)> {
        let id = &decision.instance;
        let standing = match decision.verdict {
            Verdict::Stop => Standing::Idle(decision.activity().to_bits()),
            Verdict::Keep | Verdict::Start => Standing::Kept(decision.reason),
        };
        if let Standing::Idle(activity) = standing {
            self.least_active.insert((activity, id.clone()));
        }
        self.first.insert(id.clone(), standing);
        let behind = (self.first.len() > self.detail.first).then(|| self.first.pop_last()).flatten();
        let more_active = (self.least_active.len() > self.detail.least_active).then(|| self.least_active.pop_last());
        let more_active = more_active.flatten().map(|(activity, id)| (id, Standing::Idle(activity)));
        // By id, since one may have lost both of its places.
        let mut left: BTreeMap<_, _> = behind.into_iter().chain(more_active).collect();
        left.retain(|id, standing| !self.holds(id, *standing));
        left.into_iter().map(|(id, standing)| (id, standing.reason())).collect()
    }

    fn holds(&self, id: &InstanceId, standing: Standing) -> bool {
        let is_little_active = match standing {
            Standing::Idle(activity) => self.least_active.contains(&(activity, id.clone())),
            Standing::Kept(_) => false,
        };
        is_little_active || self.first.contains_key(id)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use idleness::{Evidence, Rules, decide};

    use super::*;

    /// An opted-in instance of which nothing else is known.
    pub(crate) fn instance(id: &str) -> Instance {
        let id = id.parse().expect("a test's id is valid");
        Counted { id, reason: Reason::Busy, name: None }.as_instance()
    }

    /// The decision about an instance as active as this, or in use.
    fn decision(number: usize, activity: Option<f64>) -> Decision {
        let instance = instance(&format!("i-{number:017x}"));
        let kept = decide(&instance, &Evidence::none(), &Rules::default(), jiff::Timestamp::UNIX_EPOCH);
        let mut finding = serde_json::json!({"signal": "cpu", "observed": 0.0, "limit": 100.0, "unit": "percent"});
        finding["observed"] = activity.into();
        let finding = serde_json::from_value(finding).expect("is a finding");
        let (verdict, reason) =
            if activity.is_some() { (Verdict::Stop, Reason::Idle) } else { (Verdict::Keep, Reason::Busy) };
        Decision { verdict, reason, evidence: vec![finding], ..kept }
    }

    /// Which of the instances are counted in the end, and why.
    fn counted(detail: Detail, activities: &[Option<f64>]) -> BTreeMap<usize, Reason> {
        let mut selection = Selection::new(detail);
        let mut counted = BTreeMap::new();
        for (number, activity) in activities.iter().enumerate() {
            for (id, reason) in selection.add(&decision(number, *activity)) {
                let number = usize::from_str_radix(&id.as_str()[2..], 16).expect("is a number");
                assert_eq!(counted.insert(number, reason), None, "{number} was counted before");
            }
        }
        counted
    }

    #[test]
    fn what_is_unknown_is_kept() {
        let kept = decide(&instance("i-0abc1234"), &Evidence::none(), &Rules::default(), jiff::Timestamp::MAX);
        assert_eq!(kept.reason, Reason::OneTimeSpot);
    }

    #[test]
    fn the_first_and_the_least_active_are_seen_in_detail() {
        let (busy, idle) = (None, Some);
        let activities = [busy, idle(9.0), busy, idle(1.0), idle(2.0), busy, idle(0.0), idle(3.0)];
        for (first, least_active, expected) in [
            (8, 8, &[][..]),
            (8, 0, &[]),
            (2, 3, &[(2, Reason::Busy), (5, Reason::Busy), (7, Reason::OverCap)]),
            (2, 2, &[(2, Reason::Busy), (4, Reason::OverCap), (5, Reason::Busy), (7, Reason::OverCap)]),
            (6, 1, &[(7, Reason::OverCap)]),
            (1, 5, &[(2, Reason::Busy), (5, Reason::Busy)]),
        ] {
            let expected = expected.iter().copied().collect();
            assert_eq!(counted(Detail { first, least_active }, &activities), expected, "{first} and {least_active}");
        }
        let all = counted(Detail { first: 0, least_active: 0 }, &activities);
        assert_eq!(all.len(), activities.len());
    }

    #[test]
    fn of_equally_active_ones_the_first_are_seen_as_the_plan_prefers_them() {
        let expected = BTreeMap::from([(2, Reason::OverCap), (3, Reason::OverCap)]);
        assert_eq!(counted(Detail { first: 0, least_active: 2 }, &[Some(0.5); 4]), expected);
    }
}
