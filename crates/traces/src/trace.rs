//! A trace: a machine, what goes on there, and the truth about it.

use idleness::{Metric, Policy, SeriesStatus, Verdict};
use jiff::SignedDuration;

use crate::{
    activity::Activity,
    machine::Machine,
    when::{DAYS, MinuteNumber},
};

/// One case of the benchmark, before a seed has filled in the details.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// Its name, unique in the catalogue.
    pub name: &'static str,
    /// What happens there, in a sentence or two: what the label rests on.
    pub story: &'static str,
    /// The truth.
    pub label: Label,
    /// Whether metrics can show the truth.
    pub visibility: Visibility,
    /// The machine.
    pub machine: Machine,
    /// At what time the policy is asked.
    pub clock: Clock,
    /// For how many minutes the machine has been up.
    pub uptime: i64,
    /// When it ran before that: from so many minutes ago until so many minutes ago.
    pub earlier: Vec<(i64, i64)>,
    /// What goes on there beside what every machine of its kind does.
    pub activities: Vec<Activity>,
    /// How many sessions of Systems Manager are open.
    pub sessions: u32,
    /// What is wrong with the measurements.
    pub faults: Vec<Fault>,
}

/// The truth about a machine at the moment a policy is asked. It follows from the story alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Someone or something needs the machine.
    InUse,
    /// Nobody does, and nobody has for so many minutes.
    Idle {
        /// How long ago the last use ended, in minutes.
        since: i64,
    },
    /// Nobody can know: too little was measured.
    Unknown,
}

/// Whether metrics can show that a machine is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Some metric that EC2 publishes can, or that of a GPU.
    Visible,
    /// A metric can that a policy has to ask for: the memory that the CloudWatch agent measures, or a heartbeat.
    OnRequest,
    /// None can: what the use costs is less than what machines of one kind differ by when they are idle.
    Invisible,
}

/// At what time a policy is asked. The seed chooses the minute and the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// At any time of a Wednesday (UTC).
    AnyTime,
    /// On a Wednesday, from one minute of the day to before another.
    Between(i64, i64),
    /// At any time of a Sunday.
    Sunday,
}

/// What is wrong with the measurements.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// Nothing of these metrics was recorded from so many minutes ago until so many minutes ago.
    Gap(Scope, i64, i64),
    /// Every second period of five minutes was lost.
    EverySecond,
    /// CloudWatch answers with this status.
    Status(SeriesStatus),
}

/// Which metrics a fault concerns.
#[derive(Clone, Debug, PartialEq)]
pub enum Scope {
    /// All.
    All,
    /// Those of the CloudWatch agent.
    Agent,
    /// A single one.
    Only(Metric),
}

impl Trace {
    /// A machine that is needed.
    #[must_use]
    pub fn in_use(name: &'static str, machine: Machine, story: &'static str) -> Self {
        Self::labelled(name, Label::InUse, machine, story)
    }

    /// A machine that nobody has used for so many minutes.
    #[must_use]
    pub fn idle(name: &'static str, since: i64, machine: Machine, story: &'static str) -> Self {
        Self::labelled(name, Label::Idle { since }, machine, story)
    }

    /// A machine about which nobody can know.
    #[must_use]
    pub fn unknown(name: &'static str, machine: Machine, story: &'static str) -> Self {
        Self::labelled(name, Label::Unknown, machine, story)
    }

    fn labelled(name: &'static str, label: Label, machine: Machine, story: &'static str) -> Self {
        Self {
            name,
            story,
            label,
            visibility: Visibility::Visible,
            machine,
            clock: Clock::AnyTime,
            uptime: 40 * DAYS,
            earlier: Vec::new(),
            activities: Vec::new(),
            sessions: 0,
            faults: Vec::new(),
        }
    }

    /// With this going on.
    #[must_use]
    pub fn doing(mut self, activity: Activity) -> Self {
        self.activities.push(activity);
        self
    }

    /// Up for so many minutes.
    #[must_use]
    pub fn up_for(self, uptime: i64) -> Self {
        Self { uptime, ..self }
    }

    /// Up before that, too: from so many minutes ago until so many minutes ago.
    #[must_use]
    pub fn up_before(mut self, from: i64, until: i64) -> Self {
        self.earlier.push((from, until));
        self
    }

    /// Asked at this time.
    #[must_use]
    pub fn at(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// With so many open sessions of Systems Manager.
    #[must_use]
    pub fn with_sessions(self, sessions: u32) -> Self {
        Self { sessions, ..self }
    }

    /// With measurements that are wrong in this way.
    #[must_use]
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.push(fault);
        self
    }

    /// Such that only a metric shows it that a policy has to ask for.
    #[must_use]
    pub fn shown_on_request(self) -> Self {
        Self { visibility: Visibility::OnRequest, ..self }
    }

    /// Such that no metric can show it.
    #[must_use]
    pub fn invisible(self) -> Self {
        Self { visibility: Visibility::Invisible, ..self }
    }

    /// What a policy should say: to stop what has been idle for at least its lookback and up for at least its minimum
    /// uptime, and to keep everything else.
    #[must_use]
    pub fn right_verdict(&self, policy: &Policy) -> Verdict {
        let uptime = SignedDuration::from_mins(self.uptime);
        match self.label {
            Label::Idle { since }
                if SignedDuration::from_mins(since) >= policy.lookback && uptime >= policy.minimum_uptime =>
            {
                Verdict::Stop
            }
            Label::Idle { .. } | Label::InUse | Label::Unknown => Verdict::Keep,
        }
    }
}

impl Clock {
    /// Midnight of the day, and the minutes of it that may be chosen.
    pub(crate) fn range(self) -> (MinuteNumber, i64, i64) {
        // 2026-11-18, a Wednesday, in days since the Unix epoch.
        const WEDNESDAY: i64 = 20_775;
        match self {
            Self::AnyTime => (WEDNESDAY * DAYS, 0, DAYS),
            Self::Between(from, until) => (WEDNESDAY * DAYS, from, until),
            Self::Sunday => ((WEDNESDAY + 4) * DAYS, 0, DAYS),
        }
    }
}
