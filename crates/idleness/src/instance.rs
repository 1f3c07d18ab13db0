//! An EC2 instance as Doze sees it: identity, state, launch time and what it is. Where these come from is not known here.

use std::{fmt, str::FromStr};

use arrayvec::ArrayString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::tags::{NAME_TAG, Tags, is_read_by_a_gate};

/// The id of an EC2 instance: `i-` and 8 or 17 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
// In place: a run holds each id of a fleet half a dozen times.
pub struct InstanceId(ArrayString<LONGEST_ID>);

const LONGEST_ID: usize = "i-0123456789abcdef0".len();

impl InstanceId {
    /// The id as EC2 writes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InstanceId {
    type Err = InvalidInstanceId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("i-").unwrap_or_default();
        let right_length = matches!(digits.len(), 8 | 17);
        let hexadecimal = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let id = ArrayString::from(text).ok().filter(|_| right_length && hexadecimal);
        id.map(Self).ok_or_else(|| InvalidInstanceId::new(text))
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.as_str().to_owned()
    }
}

impl TryFrom<String> for InstanceId {
    type Error = InvalidInstanceId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// A text that is no instance id. The text is kept escaped and cut, since it comes from outside and ends up in logs.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("instance id \"{shown}\" is malformed: expected `i-` and 8 or 17 hexadecimal digits")]
pub struct InvalidInstanceId {
    shown: String,
}

impl InvalidInstanceId {
    fn new(text: &str) -> Self {
        const SHOWN_CHARACTERS: usize = 64;
        let mut shown: String = text.chars().take(SHOWN_CHARACTERS).flat_map(char::escape_default).collect();
        if text.chars().nth(SHOWN_CHARACTERS).is_some() {
            shown.push('…');
        }
        Self { shown }
    }
}

/// The states of EC2's instance life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Being launched or started.
    Pending,
    /// Running, and billed for.
    Running,
    /// On the way to `stopped`.
    Stopping,
    /// Stopped; can be started again.
    Stopped,
    /// On the way to `terminated`.
    ShuttingDown,
    /// Gone for good.
    Terminated,
    /// A state that EC2 has added since, or that was absent from its answer: never acted upon.
    Unknown,
}

impl InstanceState {
    /// The state by EC2's own name.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        match name {
            "pending" => Self::Pending,
            "running" => Self::Running,
            "stopping" => Self::Stopping,
            "stopped" => Self::Stopped,
            "shutting-down" => Self::ShuttingDown,
            "terminated" => Self::Terminated,
            _ => Self::Unknown,
        }
    }

    /// EC2's own name of the state, or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
            Self::Unknown => "unknown",
        }
    }
}

/// One EC2 instance, as far as the gates need it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The instance's id.
    pub id: InstanceId,
    /// Its state when it was described.
    pub state: InstanceState,
    /// When it was last started. `None` if EC2 did not say, which counts as "just now".
    pub launched_at: Option<Timestamp>,
    /// Its type.
    pub instance_type: InstanceType,
    /// How many virtual CPUs it has. `None` if EC2 did not say.
    pub vcpus: Option<u32>,
    /// What its root volume is.
    pub root_device: RootDevice,
    /// How its capacity was bought.
    pub market: Market,
    /// Whether EC2 would refuse to stop it.
    pub stop_protection: StopProtection,
    /// Its last change of state.
    #[serde(default, skip_serializing_if = "Transition::is_unknown")]
    pub transition: Transition,
    /// Its tags, of those at least that Doze reads.
    pub tags: Tags,
}

impl Instance {
    /// The name that people gave it: its tag `Name`.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.tags.get(NAME_TAG).map(str::trim).filter(|name| !name.is_empty())
    }

    /// The instance with only those of its tags that a gate reads. Other tags may say anything, and belong into no log.
    #[must_use]
    pub fn without_foreign_tags(&self) -> Self {
        Self { tags: self.tags.iter().filter(|(key, _)| is_read_by_a_gate(key)).collect(), ..self.clone() }
    }
}

/// What EC2 says of an instance's last change of state. Each part may be missing.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html>
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The code of the reason, such as `Client.UserInitiatedShutdown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The reason in EC2's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When somebody asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

impl Transition {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// An instance type, such as `m7g.large`. Empty if EC2 did not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceType(String);

impl InstanceType {
    /// The type by EC2's own name.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// EC2's own name of the type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it belongs to a family that has accelerators, whose work the metrics of EC2 do not show: GPUs (`g`, `gr`,
    /// `p`), and chips for inference, training, video and programmable logic (`inf`, `trn`, `dl`, `vt`, `f`).
    /// <https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html>
    #[must_use]
    pub fn is_accelerated(&self) -> bool {
        const FAMILIES: [&str; 8] = ["g", "gr", "p", "inf", "trn", "dl", "vt", "f"];
        let family = self.0.split(|character: char| !character.is_ascii_lowercase()).next().unwrap_or_default();
        FAMILIES.contains(&family)
    }
}

/// What an instance's root volume is, by EC2's `rootDeviceType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootDevice {
    /// A volume that outlives a stop.
    Ebs,
    /// A disk of the host: such an instance can only be terminated.
    InstanceStore,
    /// EC2 did not say.
    Unknown,
}

/// How an instance's capacity was bought, as far as it bears on stopping it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Market {
    /// On demand, or anything else that is not Spot.
    OnDemand,
    /// By a persistent Spot request: it can be stopped and started.
    SpotPersistent,
    /// By a one-time Spot request: it can only be terminated.
    SpotOneTime,
    /// By a Spot request whose kind is not known. It counts as one-time.
    SpotUnknown,
}

/// Stop protection, EC2's attribute `disableApiStop`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopProtection {
    /// EC2 refuses to stop the instance.
    On,
    /// It does not.
    Off,
    /// Not read. It costs a call for each instance, so that it is read where the instance would be stopped; and EC2 itself
    /// holds to it in any case.
    Unread,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::tags::OPT_IN_TAG;

    /// An opted-in instance on demand, of an ordinary type.
    pub(crate) fn instance() -> Instance {
        Instance {
            id: "i-0123456789abcdef0".parse().expect("valid"),
            state: InstanceState::Running,
            launched_at: Some(Timestamp::UNIX_EPOCH),
            instance_type: InstanceType::from_name("m7g.large"),
            vcpus: Some(2),
            root_device: RootDevice::Ebs,
            market: Market::OnDemand,
            stop_protection: StopProtection::Unread,
            transition: Transition::default(),
            tags: Tags::from_iter([(OPT_IN_TAG, "on")]),
        }
    }

    #[test]
    fn tags_that_no_gate_reads_are_left_out_of_what_is_logged() {
        let read = [
            ("doze", "on"),
            ("doze:policy", "gcp"),
            ("aws:autoscaling:groupName", "web"),
            ("kubernetes.io/cluster/a", "owned"),
        ];
        let foreign = [("Name", "db"), ("password", "hunter2"), ("dozen", "12")];
        let instance = Instance { tags: read.into_iter().chain(foreign).collect(), ..instance() };
        let expected = Instance { tags: read.into_iter().collect(), ..instance.clone() };
        assert_eq!(instance.without_foreign_tags(), expected);
    }

    #[test]
    fn ids_of_both_lengths_are_accepted() {
        for id in ["i-0abc1234", "i-0123456789abcdef0"] {
            assert_eq!(id.parse::<InstanceId>().map(|id| id.to_string()), Ok(id.to_owned()));
        }
    }

    #[test]
    fn anything_else_is_refused_and_shown_escaped() {
        for text in ["", " ", "i-", "0abc1234", "i-0abc123", "i-0ABC1234", "i-0abc1234 ", "i-0abc123g", "i-０abc1234"]
        {
            assert!(text.parse::<InstanceId>().is_err(), "{text:?} was accepted");
        }
        let error = "i-0abc1234\n\u{1b}[31m".parse::<InstanceId>().expect_err("has a newline");
        assert_eq!(
            error.to_string(),
            r#"instance id "i-0abc1234\n\u{1b}[31m" is malformed: expected `i-` and 8 or 17 hexadecimal digits"#
        );
        let long = "x".repeat(5000).parse::<InstanceId>().expect_err("is too long");
        assert!(long.to_string().len() < 200, "a hostile id must not flood the log: {}", long.to_string().len());
    }

    #[test]
    fn accelerated_types_are_told_by_their_family() {
        let is_accelerated = |name: &str| InstanceType::from_name(name).is_accelerated();
        for name in [
            "g5.xlarge",
            "gr6.4xlarge",
            "p5.48xlarge",
            "p6e-gb200.36xlarge",
            "inf2.xlarge",
            "trn1.2xlarge",
            "dl1.24xlarge",
            "vt1.3xlarge",
            "f2.6xlarge",
        ] {
            assert!(is_accelerated(name), "{name}");
        }
        for name in [
            "",
            "t3.micro",
            "m7g.large",
            "c7gn.medium",
            "i4g.large",
            "x2gd.metal",
            "mac2.metal",
            "u-6tb1.metal",
            "hpc7g.4xlarge",
            "G5",
        ] {
            assert!(!is_accelerated(name), "{name}");
        }
    }

    #[test]
    fn state_names_are_those_of_ec2() {
        for state in ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"] {
            let json = serde_json::to_value(InstanceState::from_name(state)).expect("serializes");
            assert_eq!(json, state);
            assert_eq!(InstanceState::from_name(state).as_str(), state);
        }
        assert_eq!(InstanceState::from_name("hibernating"), InstanceState::Unknown);
    }
}
