//! What happens, step by step, as data: made of a seed, played by `play`, made smaller by `shrink`.

use std::fmt;

use fastrand::Rng;

/// An account, its settings, and what happens in it.
#[derive(Clone, Debug)]
pub struct History {
    /// The most stops in a rolling hour.
    pub max_stops: usize,
    /// The most stops in a rolling hour, as a share of what runs.
    pub max_stops_percent: u8,
    /// How long before its stop an instance is announced.
    pub grace_minutes: i64,
    /// The instances.
    pub machines: Vec<MachineSpec>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// An instance, as it was launched.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trait of its own, and all combinations occur")]
pub struct MachineSpec {
    /// Whether it exists. Shrinking takes machines away by this, so that the others keep their numbers.
    pub exists: bool,
    /// What it is by its launch, for good.
    pub kind: Kind,
    /// Whether it carries `doze=on`.
    pub opted_in: bool,
    /// Whether its policy heeds sessions.
    pub heeds_sessions: bool,
    /// The hours of UTC in which its schedule has a window, if it has a schedule.
    pub hours: Option<(u8, u8)>,
    /// Whether it runs.
    pub runs: bool,
    /// How long after a period's end its metrics are published.
    pub delay_seconds: i64,
}

/// What an instance is for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One that can be stopped.
    Plain,
    /// Of an Auto Scaling group.
    Group,
    /// Of a cluster.
    Cluster,
    /// By a one-time Spot request.
    OneTimeSpot,
    /// Its root volume is a disk of the host.
    InstanceStore,
}

/// One step. Machines and runs are meant modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// All runs come to their end, and time passes.
    Pass {
        /// So many minutes.
        minutes: u16,
    },
    /// Seconds pass, while runs wait for their answers.
    Wait {
        /// So many.
        seconds: u8,
    },
    /// A run begins.
    Begin(Begin),
    /// A run goes on.
    Poll {
        /// Which of those that are under way.
        run: u8,
        /// Past so many points at which it waits.
        times: u8,
    },
    /// A run's process dies.
    Kill {
        /// Which of those that are under way.
        run: u8,
    },
    /// Somebody, or the world, does something to an instance.
    Do {
        /// Which.
        machine: u8,
        /// What.
        deed: Deed,
    },
}

/// How a run begins.
#[derive(Clone, Copy, Debug)]
pub struct Begin {
    /// What sets it off.
    pub trigger: Trigger,
    /// Whether it is to change nothing.
    pub is_dry: bool,
    /// How many of a hundred calls fail.
    pub faults_percent: u8,
    /// After how many changes its time is over.
    pub changes: Option<u8>,
    /// What the faults are made of.
    pub seed: u64,
}

/// What sets off a run.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {
    /// The schedule.
    Sweep,
    /// An alarm about an instance, whatever that does by now.
    Alarm(u8),
    /// An alarm's way back.
    Recovery(u8),
    /// EC2's notice of an instance's state.
    StateChange(u8),
}

/// What people and the world do.
#[derive(Clone, Copy, Debug)]
pub enum Deed {
    /// Puts the tag `doze=on` on it.
    OptIn,
    /// Takes it off.
    OptOut,
    /// Asks to keep it awake.
    KeepAwake {
        /// For so long.
        minutes: u16,
    },
    /// Gives it a schedule.
    Schedule {
        /// The first hour, UTC.
        from: u8,
        /// The hour at which the window closes.
        to: u8,
    },
    /// Takes the schedule off.
    NoSchedule,
    /// Writes a tag that nobody understands.
    Misspell,
    /// Takes that off.
    Correct,
    /// Switches stop protection on.
    Protect,
    /// Switches it off.
    Unprotect,
    /// Stops it.
    Stop,
    /// Starts it.
    Start,
    /// Stops it, and starts it at once: its metrics show no gap.
    Restart,
    /// Clicks on "start": it is tagged to be kept awake, and started, or owed a start.
    Wake {
        /// Whether EC2 has no capacity just now.
        is_refused: bool,
    },
    /// Terminates it.
    Terminate,
    /// Works on it from now on.
    Work {
        /// What that uses.
        load: Load,
        /// For so long.
        minutes: u16,
    },
    /// Opens a session.
    OpenSession,
    /// Closes all sessions.
    CloseSessions,
    /// Its metrics of the next minutes are lost.
    LoseData {
        /// So many.
        minutes: u16,
    },
    /// Takes the announcement of its stop off.
    Postpone,
}

/// What work uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// The CPU.
    Cpu,
    /// The network, and little else.
    Network,
    /// The volumes, and little else.
    Disk,
}

impl History {
    /// The history of a seed.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let random = &mut Rng::with_seed(seed);
        let machines = (0..random.usize(1..=6)).map(|_| MachineSpec::random(random)).collect();
        // Most accounts know faults; some days know none.
        let faults_percent = random.choice([0, 5, 15, 40]).unwrap_or_default();
        let steps = (0..random.usize(10..=60)).map(|_| Step::random(random, faults_percent)).collect();
        Self {
            max_stops: random.choice([0, 1, 2, 3, 25]).unwrap_or(25),
            max_stops_percent: random.choice([25, 50, 100, 100]).unwrap_or(100),
            grace_minutes: random.choice([0, 0, 30]).unwrap_or_default(),
            machines,
            steps,
        }
    }
}

impl MachineSpec {
    fn random(random: &mut Rng) -> Self {
        let kind = match random.u8(0..12) {
            0 => Kind::Group,
            1 => Kind::Cluster,
            2 => Kind::OneTimeSpot,
            3 => Kind::InstanceStore,
            _ => Kind::Plain,
        };
        Self {
            exists: true,
            kind,
            opted_in: random.u8(0..8) > 0,
            heeds_sessions: random.u8(0..4) == 0,
            hours: (random.u8(0..3) == 0).then(|| hours(random)),
            runs: random.u8(0..6) > 0,
            delay_seconds: random.i64(0..=300),
        }
    }
}

fn hours(random: &mut Rng) -> (u8, u8) {
    let from = random.u8(0..23);
    (from, random.u8(from + 1..24))
}

impl Step {
    fn random(random: &mut Rng, faults_percent: u8) -> Self {
        match random.u8(0..100) {
            0..12 => Self::Pass { minutes: random.u16(1..=15) },
            12..20 => Self::Pass { minutes: random.u16(15..=90) },
            20..28 => Self::Wait { seconds: random.u8(1..=20) },
            28..50 => Self::Begin(Begin::random(random, faults_percent)),
            50..70 => Self::Poll { run: random.u8(..), times: random.u8(1..=12) },
            70..75 => Self::Kill { run: random.u8(..) },
            _ => Self::Do { machine: random.u8(..), deed: Deed::random(random) },
        }
    }
}

impl Begin {
    fn random(random: &mut Rng, faults_percent: u8) -> Self {
        let machine = random.u8(..);
        let trigger = match random.u8(0..20) {
            0..9 => Trigger::Sweep,
            9..16 => Trigger::Alarm(machine),
            16 => Trigger::Recovery(machine),
            _ => Trigger::StateChange(machine),
        };
        Self {
            trigger,
            is_dry: random.u8(0..10) == 0,
            faults_percent,
            changes: (random.u8(0..10) == 0).then(|| random.u8(0..4)),
            seed: random.u64(..),
        }
    }
}

impl Deed {
    fn random(random: &mut Rng) -> Self {
        match random.u8(0..43) {
            0..2 => Self::OptIn,
            2..4 => Self::OptOut,
            4..7 => Self::KeepAwake { minutes: random.u16(1..=120) },
            7 => {
                let (from, to) = hours(random);
                Self::Schedule { from, to }
            }
            8 => Self::NoSchedule,
            9 => Self::Misspell,
            10 => Self::Correct,
            11..13 => Self::Protect,
            13..15 => Self::Unprotect,
            15..17 => Self::Stop,
            17..21 => Self::Start,
            21..25 => Self::Wake { is_refused: random.bool() },
            25 => Self::Terminate,
            26..33 => Self::Work {
                load: random.choice([Load::Cpu, Load::Network, Load::Disk]).unwrap_or(Load::Cpu),
                minutes: random.u16(1..=60),
            },
            33..35 => Self::OpenSession,
            35..37 => Self::CloseSessions,
            37..39 => Self::LoseData { minutes: random.u16(1..=20) },
            39 => Self::Postpone,
            _ => Self::Restart,
        }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max_stops, max_stops_percent, grace_minutes, machines, steps } = self;
        writeln!(f, "caps {max_stops} and {max_stops_percent} %, grace {grace_minutes} minutes")?;
        for (number, machine) in machines.iter().enumerate().filter(|(_, machine)| machine.exists) {
            writeln!(f, "machine {number}: {machine:?}")?;
        }
        steps.iter().enumerate().try_for_each(|(number, step)| writeln!(f, "{number:3}  {step:?}"))
    }
}
