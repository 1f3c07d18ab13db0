//! An EC2 instance as Doze sees it: identity, state, launch time and tags. Where these come from is not known here.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// The tag that opts an instance in, with exactly the value `on`. The key is fixed because the IAM policies name it.
pub const OPT_IN_TAG: &str = "doze";

/// The id of an EC2 instance: `i-` and 8 or 17 lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(String);

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
        if right_length && hexadecimal { Ok(Self(text.to_owned())) } else { Err(InvalidInstanceId::new(text)) }
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for InstanceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
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
}

/// The tags of one instance, key → value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// The value of a tag, if the instance has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The keys of all tags.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether the instance opted in: the tag `doze` is exactly `on`, in lower case, as the IAM condition compares it.
    #[must_use]
    pub fn opted_in(&self) -> bool {
        self.get(OPT_IN_TAG) == Some("on")
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Tags {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(tags: T) -> Self {
        Self(tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// One EC2 instance, as far as the gates need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The instance's id.
    pub id: InstanceId,
    /// Its state when it was described.
    pub state: InstanceState,
    /// When it was last started. `None` if EC2 did not say, which counts as "just now".
    pub launched_at: Option<Timestamp>,
    /// What its root volume is.
    pub root_device: RootDevice,
    /// Its tags.
    pub tags: Tags,
}

/// What an instance's root volume is, by EC2's `rootDeviceType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootDevice {
    /// A volume that outlives a stop.
    Ebs,
    /// A disk of the host: such an instance can only be terminated.
    InstanceStore,
    /// EC2 did not say.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn only_the_exact_value_on_opts_in() {
        assert!(Tags::from_iter([("doze", "on")]).opted_in());
        for value in ["", "On", "ON", "on ", "off", "true", "yes"] {
            assert!(!Tags::from_iter([("doze", value)]).opted_in(), "{value:?} opted in");
        }
        assert!(!Tags::from_iter([("Doze", "on")]).opted_in());
        assert!(!Tags::default().opted_in());
    }

    #[test]
    fn state_names_are_those_of_ec2() {
        for state in ["pending", "running", "stopping", "stopped", "shutting-down", "terminated"] {
            let json = serde_json::to_value(InstanceState::from_name(state)).expect("serializes");
            assert_eq!(json, state);
        }
        assert_eq!(InstanceState::from_name("hibernating"), InstanceState::Unknown);
    }
}
