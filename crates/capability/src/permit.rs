//! What a link allows: about which instances, what, and until when. How that is signed is not known here.

use std::{collections::BTreeSet, fmt, str::FromStr};

use idleness::{InstanceId, InvalidInstanceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that a link may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permit {
    /// To see the state, the verdict and its numbers.
    Read,
    /// To start the instance.
    Start,
    /// To have the instance kept awake for a while.
    KeepAwake,
}

/// What a link is about. In a token, and as text, it is the instance's id or `fleet`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Subject {
    /// One instance.
    Instance(InstanceId),
    /// All instances.
    Fleet,
}

const FLEET: &str = "fleet";

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Instance(id) => id.as_str(),
            Self::Fleet => FLEET,
        })
    }
}

impl FromStr for Subject {
    type Err = InvalidInstanceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == FLEET { Ok(Self::Fleet) } else { text.parse().map(Self::Instance) }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

impl TryFrom<String> for Subject {
    type Error = InvalidInstanceId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// What the holder of a link may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capability {
    /// To what.
    pub subject: Subject,
    /// What.
    pub permits: BTreeSet<Permit>,
    /// Until when: the link is good before this instant, and not from it on. A token counts whole seconds, and drops the rest.
    pub expires_at: Timestamp,
}

impl Capability {
    /// Everything that a link can allow about one instance.
    #[must_use]
    pub fn for_instance(id: InstanceId, expires_at: Timestamp) -> Self {
        let permits = BTreeSet::from([Permit::Read, Permit::Start, Permit::KeepAwake]);
        Self { subject: Subject::Instance(id), permits, expires_at }
    }

    /// To see the whole fleet, and each of its instances.
    #[must_use]
    pub fn to_read_fleet(expires_at: Timestamp) -> Self {
        Self { subject: Subject::Fleet, permits: BTreeSet::from([Permit::Read]), expires_at }
    }

    /// Whether this may be done to the instance. What is permitted for the fleet is permitted for each instance.
    #[must_use]
    pub fn allows(&self, permit: Permit, instance: &InstanceId) -> bool {
        let is_about_it = match &self.subject {
            Subject::Instance(own) => own == instance,
            Subject::Fleet => true,
        };
        is_about_it && self.permits.contains(&permit)
    }

    /// Whether the list of all instances may be seen. A link about one instance never allows it.
    #[must_use]
    pub fn allows_reading_the_fleet(&self) -> bool {
        self.subject == Subject::Fleet && self.permits.contains(&Permit::Read)
    }
}
