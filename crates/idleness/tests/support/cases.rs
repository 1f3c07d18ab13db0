//! Random cases: an instance with its tags, rules, measurements and a time, all of which agree well enough that many
//! instances are idle.

use idleness::{
    Decision, Dimensions, Evidence, Hardware, Instance, InstanceState, InstanceType, Market, Measure, Metric, Percent,
    Policies, Policy, Presence, Record, RootDevice, Rules, Series, Signal, Statistic, StopProtection, Unit, decide,
};
use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, option::weighted, prelude::*, sample::select};

use super::{
    histories::{Notes, any_notes, any_transition},
    measurements::any_measurements,
};

/// One case. The tags are kept apart from the instance, as what they mean, too.
#[derive(Clone, Debug)]
pub struct Case {
    pub instance: Instance,
    pub tags: Wanted,
    pub rules: Rules,
    pub measured: Vec<(Measure, Series)>,
    pub sessions: Option<u32>,
    pub now: Timestamp,
}

/// What the tags say.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub opted_in: bool,
    pub policy: Option<&'static str>,
    pub schedule: Option<Vec<Window>>,
    pub keep_until: Option<Timestamp>,
    pub stop_at: Option<Timestamp>,
    pub notes: Notes,
    /// Tags that must keep the instance from being stopped, whatever else they say.
    pub keeping: Option<(&'static str, &'static str)>,
    /// Tags that mean nothing.
    pub harmless: Option<(&'static str, &'static str)>,
}

/// A window of a schedule: from the first to the last day of the week, 0 being Monday, in minutes since midnight.
#[derive(Clone, Debug)]
pub struct Window {
    pub days: (u8, u8),
    pub opens: u32,
    pub closes: u32,
    pub zone: Zone,
}

/// A zone without daylight saving, with its minutes ahead of UTC.
pub type Zone = (&'static str, i64);

/// Tags each of which keeps a running instance.
pub const KEEPING: &[(&str, &str)] = &[
    ("aws:autoscaling:groupName", "web"),
    ("kubernetes.io/cluster/prod", "owned"),
    ("eks:cluster-name", "prod"),
    ("doze:keep-until", "soon"),
    ("doze:keep-until", "2999-01-01T00:00:00Z"),
    ("doze:policy", "lazy"),
    ("doze:schedule", "always"),
    ("doze:schedule", "mon-sun 00:00-24:00 @ UTC"),
    ("doze:stop-at", "tonight"),
    ("doze:stop-at", "2999-01-01T00:00:00Z"),
    ("doze:stopped-at", "yesterday"),
    ("doze:start-owed-since", ""),
    ("doze:stay", "awake"),
];
const HARMLESS: &[(&str, &str)] = &[
    ("Name", "build"),
    ("eks", ""),
    ("password", "hunter2"),
    ("doze:stopped-because", "idle"),
    ("doze:stopped-at", "2026-01-01T00:00:00Z"),
];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Case {
    pub fn evidence(&self) -> Evidence {
        let evidence: Evidence = self.measured.iter().cloned().collect();
        self.sessions.map_or(evidence.clone(), |open| evidence.with_sessions(open))
    }

    pub fn decide(&self) -> Decision {
        decide(&self.instance, &self.evidence(), &self.rules, self.now)
    }

    pub fn record(&self, decision: Decision) -> Record {
        Record::new(decision, &self.instance, &self.evidence(), &self.rules, self.now)
    }

    /// The policy that counts, by the tag and the default alone.
    pub fn policy(&self) -> &Policy {
        let chosen = self.tags.policy.and_then(|name| self.rules.policies.named(name));
        chosen.unwrap_or_else(|| self.rules.policies.default_policy())
    }

    /// The same case with one more tag, unless the instance has one of this name.
    pub fn with_tag(&self, key: &str, value: &str) -> Self {
        let mut case = self.clone();
        if case.instance.tags.get(key).is_none() {
            case.instance.tags = tag_list(&self.tags).into_iter().chain([(key.to_owned(), value.to_owned())]).collect();
        }
        case
    }
}

fn tag_list(wanted: &Wanted) -> Vec<(String, String)> {
    let text = |key: &str, value: Option<String>| value.map(|value| (key.to_owned(), value));
    let pair = |pair: Option<(&str, &str)>| pair.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let time = |key: &str, at: Option<Timestamp>| at.map(|at| (key.to_owned(), at.to_string()));
    let windows = |windows: &Vec<Window>| windows.iter().map(Window::to_string).collect::<Vec<_>>().join(" + ");
    // What must keep comes last, and overwrites.
    [
        pair(wanted.harmless),
        text("doze", wanted.opted_in.then(|| "on".to_owned())),
        text("doze:policy", wanted.policy.map(str::to_owned)),
        text("doze:schedule", wanted.schedule.as_ref().map(windows)),
        time("doze:keep-until", wanted.keep_until),
        time("doze:stop-at", wanted.stop_at),
        time("doze:stopped-at", wanted.notes.stopped_at),
        time("doze:start-owed-since", wanted.notes.owed_since),
        time("doze:start-tried-at", wanted.notes.tried_at),
        pair(wanted.notes.after.map(|after| ("doze:after", after))),
        pair(wanted.keeping),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { days: (first, last), opens, closes, zone: (zone, _) } = self;
        let (first, last) = (DAYS[usize::from(*first)], DAYS[usize::from(*last)]);
        let (opens, closes) = ((opens / 60, opens % 60), (closes / 60, closes % 60));
        write!(f, "{first}-{last} {:02}:{:02}-{:02}:{:02} @ {zone}", opens.0, opens.1, closes.0, closes.1)
    }
}

/// Any case at all.
pub fn any_case() -> impl Strategy<Value = Case> {
    (any_rules(), any_now()).prop_flat_map(|(rules, now)| {
        let names = if rules.policies.named("custom").is_some() { CUSTOM_NAMES } else { PRESET_NAMES };
        (Just(rules), Just(now), any_tags(names, now)).prop_flat_map(|(rules, now, tags)| {
            any_instance(&tags, now).prop_flat_map(move |instance| {
                let case = Case {
                    instance,
                    tags: tags.clone(),
                    rules: rules.clone(),
                    measured: Vec::new(),
                    sessions: None,
                    now,
                };
                let sessions = weighted(0.8, prop_oneof![6 => Just(0), 1 => 1..5_u32]);
                (any_measurements(&case), sessions).prop_map(move |(measured, sessions)| Case {
                    measured,
                    sessions,
                    ..case.clone()
                })
            })
        })
    })
}

/// Any case of a stopped instance.
pub fn any_stopped_case() -> impl Strategy<Value = Case> {
    any_case().prop_map(|mut case| {
        case.instance.state = InstanceState::Stopped;
        case
    })
}

const CUSTOM_NAMES: &[&str] = &["custom"];
/// The last is the one with the most datapoints.
const PRESET_NAMES: &[&str] = &["dev-box", "dev-box", "trusted-advisor", "compute-optimizer", "cost-explorer"];

fn any_now() -> impl Strategy<Value = Timestamp> {
    let first: Timestamp = "2026-11-21T20:03:17Z".parse().expect("valid");
    (0..14 * 86_400_i64).prop_map(move |seconds| first + SignedDuration::from_secs(seconds))
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let preset = prop_oneof![6 => select(PRESET_NAMES), 1 => Just("gcp")];
    let presets = preset.prop_map(|name| Policies::default().with_default(name).expect("a preset"));
    let policies = prop_oneof![4 => presets, 6 => any_policy().prop_map(Policies::only)];
    let grace = prop_oneof![3 => Just(0), 1 => 1..90_i64].prop_map(SignedDuration::from_mins);
    (policies, grace).prop_map(|(policies, grace)| Rules { policies, grace })
}

/// A policy called `custom`.
fn any_policy() -> impl Strategy<Value = Policy> {
    let coverage = (1..=100_u8).prop_map(|value| Percent::new(value).expect("a share"));
    (5..180_i64, 0..60_i64, coverage, any::<bool>(), vec(any_signal(), 1..4)).prop_map(
        |(lookback, minimum_uptime, coverage, heeds_sessions, signals)| Policy {
            name: "custom".into(),
            lookback: SignedDuration::from_mins(lookback),
            minimum_uptime: SignedDuration::from_mins(minimum_uptime),
            coverage,
            heeds_sessions,
            signals: signals
                .into_iter()
                .zip(["a", "b", "c"])
                .map(|(signal, name)| Signal { name: name.into(), ..signal })
                .collect(),
        },
    )
}

fn any_signal() -> impl Strategy<Value = Signal> {
    let jobs = Metric { namespace: "Render".into(), name: "Jobs".into(), dimensions: Dimensions::Discovered };
    let metrics = select(vec![
        vec![Metric::CPU],
        vec![Metric::NETWORK_IN, Metric::NETWORK_OUT],
        vec![Metric::HEARTBEAT],
        vec![Metric::GPU],
        vec![jobs],
    ]);
    let kind = select(vec![
        (Statistic::Max, Unit::Percent),
        (Statistic::Average, Unit::Vcpus),
        (Statistic::Sum, Unit::BytesPerSecond),
        (Statistic::Sum, Unit::BytesPerDay),
        (Statistic::Sum, Unit::OperationsPerSecond),
        (Statistic::Sum, Unit::Count),
        (Statistic::Max, Unit::Count),
    ]);
    let period = select(vec![1, 5, 5, 10]).prop_map(SignedDuration::from_mins);
    let limit = select(vec![0.0, 0.03, 1.0, 5.0, 5e6]);
    let allowed = prop_oneof![3 => Just(0_u8), 1 => 1..60_u8];
    let presence = prop_oneof![2 => Just(Presence::Required), 1 => Just(Presence::Optional)];
    let hardware = prop_oneof![4 => Just(Hardware::Any), 1 => Just(Hardware::Accelerated)];
    (metrics, kind, period, limit, allowed, presence, hardware).prop_map(
        |(metrics, (statistic, unit), period, limit, allowed, presence, hardware)| Signal {
            name: "".into(),
            metrics,
            statistic,
            period,
            limit,
            unit,
            allowed_above: Percent::new(allowed).expect("a share"),
            presence,
            hardware,
        },
    )
}

fn any_tags(policies: &'static [&'static str], now: Timestamp) -> impl Strategy<Value = Wanted> {
    let around =
        move |minutes: std::ops::Range<i64>| minutes.prop_map(move |minutes| now + SignedDuration::from_mins(minutes));
    let rarely = |pairs: &'static [(&'static str, &'static str)]| weighted(0.06, select(pairs));
    (
        weighted(0.95, Just(())),
        weighted(0.3, select(policies)),
        weighted(0.2, vec(any_window(), 1..3)),
        weighted(0.1, around(-2000..300)),
        weighted(0.25, around(-2000..60)),
        any_notes(now),
        rarely(KEEPING),
        weighted(0.3, select(HARMLESS)),
    )
        .prop_map(|(opted_in, policy, schedule, keep_until, stop_at, notes, keeping, harmless)| Wanted {
            opted_in: opted_in.is_some(),
            policy,
            schedule,
            keep_until,
            stop_at,
            notes,
            keeping,
            harmless,
        })
}

fn any_window() -> impl Strategy<Value = Window> {
    let zones: &[Zone] =
        &[("UTC", 0), ("Asia/Seoul", 540), ("Asia/Kolkata", 330), ("America/Argentina/Buenos_Aires", -180)];
    ((0..7_u8, 0..7_u8), 0..1440_u32, 1..=1440_u32, select(zones))
        .prop_filter("a window has a length", |(_, opens, closes, _)| opens != closes)
        .prop_map(|(days, opens, closes, zone)| Window { days, opens, closes, zone })
}

fn any_instance(tags: &Wanted, now: Timestamp) -> impl Strategy<Value = Instance> + use<> {
    let state = prop_oneof![
        40 => Just(InstanceState::Running),
        3 => Just(InstanceState::Stopped),
        2 => select(["pending", "stopping", "shutting-down", "terminated", "?"].map(InstanceState::from_name).to_vec()),
    ];
    let uptime_minutes = prop_oneof![8 => 1500..90_000_i64, 3 => 0..1500_i64, 1 => -60..0_i64];
    let capacity = (
        prop_oneof![20 => Just(RootDevice::Ebs), 1 => select(vec![RootDevice::InstanceStore, RootDevice::Unknown])],
        prop_oneof![
            20 => Just(Market::OnDemand),
            2 => Just(Market::SpotPersistent),
            1 => select(vec![Market::SpotOneTime, Market::SpotUnknown]),
        ],
        prop_oneof![
            10 => Just(StopProtection::Off),
            10 => Just(StopProtection::Unread),
            1 => Just(StopProtection::On),
        ],
    );
    let kind = (select(vec!["m7g.large", "m7g.large", "g5.xlarge", "c7g.large"]), weighted(0.95, 1..200_u32));
    let transition = any_transition(tags.notes.stopped_at.unwrap_or(now));
    let tags = tag_list(tags).into_iter().collect::<idleness::Tags>();
    (0..1000_u32, state, weighted(0.97, uptime_minutes), capacity, kind, transition).prop_map(
        move |(number, state, uptime, (root_device, market, stop_protection), (kind, vcpus), transition)| Instance {
            id: super::instance(number).id,
            state,
            launched_at: uptime.map(|minutes| now - SignedDuration::from_mins(minutes)),
            instance_type: InstanceType::from_name(kind),
            vcpus,
            root_device,
            market,
            stop_protection,
            transition,
            tags: tags.clone(),
        },
    )
}
