//! The tags of an instance, and which of them Doze looks at. What they ask for is `wishes`'.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, Serializer};

/// The tag that opts an instance in, with exactly the value `on`. The key is fixed because the IAM policies name it.
pub const OPT_IN_TAG: &str = "doze";
/// The tag under which people name an instance.
pub const NAME_TAG: &str = "Name";

/// What the keys of Doze's tags begin with, but for the opt-in.
pub(crate) const TAG_PREFIX: &str = "doze:";
/// The tag of an Auto Scaling group's members, with the group's name.
pub(crate) const AUTO_SCALING_TAG: &str = "aws:autoscaling:groupName";

/// Whether the tag marks a node of EKS, of whatever else runs Kubernetes on EC2, or of ECS.
pub(crate) fn is_cluster_tag(key: &str) -> bool {
    const CLUSTER_TAGS: [&str; 4] = ["eks:cluster-name", "aws:eks:", "kubernetes.io/cluster/", "aws:ecs:"];
    CLUSTER_TAGS.iter().any(|prefix| key.starts_with(prefix))
}

/// Whether a gate reads tags of this key.
pub(crate) fn is_read_by_a_gate(key: &str) -> bool {
    key == OPT_IN_TAG || key == AUTO_SCALING_TAG || key.starts_with(TAG_PREFIX) || is_cluster_tag(key)
}

/// Whether Doze looks at tags of this key: a gate reads them, or it is the name. The others may say anything, and need not be kept.
#[must_use]
pub fn is_read(key: &str) -> bool {
    key == NAME_TAG || is_read_by_a_gate(key)
}

/// The tags of one instance, key → value.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
// By key. A map of its own for each of ten thousand instances would take 5 MB more than what is in it.
pub struct Tags(Box<[(Box<str>, Box<str>)]>);

impl Tags {
    /// The value of a tag, if the instance has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let place = self.0.binary_search_by(|(other, _)| other.as_ref().cmp(key)).ok()?;
        self.0.get(place).map(|(_, value)| value.as_ref())
    }

    /// All tags, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), value.as_ref()))
    }

    /// The keys of all tags.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }

    /// Whether the instance opted in: the tag `doze` is exactly `on`, in lower case, as the IAM condition compares it.
    #[must_use]
    pub fn opted_in(&self) -> bool {
        self.get(OPT_IN_TAG) == Some("on")
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Tags {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(tags: T) -> Self {
        tags.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<BTreeMap<String, String>>().into()
    }
}

impl From<BTreeMap<String, String>> for Tags {
    fn from(tags: BTreeMap<String, String>) -> Self {
        Self(tags.into_iter().map(|(key, value)| (key.into_boxed_str(), value.into_boxed_str())).collect())
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_value_on_opts_in() {
        assert!(Tags::from_iter([("doze", "on")]).opted_in());
        for value in ["", "On", "ON", "on ", "off", "true", "yes"] {
            assert!(!Tags::from_iter([("doze", value)]).opted_in(), "{value:?} opted in");
        }
        assert!(!Tags::from_iter([("Doze", "on")]).opted_in());
        assert!(!Tags::default().opted_in());
    }
}
