//! What the user's `doze:*` tags ask for. A tag that does not parse is never passed over: whoever wrote it meant something.

use std::fmt::Display;

use jiff::Timestamp;

use crate::{
    instance::{TAG_PREFIX, Tags},
    plan::{STOP_AT_TAG, STOPPED_AT_TAG, STOPPED_BECAUSE_TAG},
    policies::Policies,
    policy::Policy,
    schedule::Schedule,
};

/// Not stopped before this RFC 3339 instant.
const KEEP_UNTIL_TAG: &str = "doze:keep-until";
/// The name of an idle policy.
const POLICY_TAG: &str = "doze:policy";
/// When the instance should be awake.
const SCHEDULE_TAG: &str = "doze:schedule";
/// A start that capacity refused, and that is tried again.
const START_OWED_SINCE_TAG: &str = "doze:start-owed-since";
/// Tags whose value needs no reading before a stop.
const OTHER_TAGS: [&str; 2] = [STOPPED_BECAUSE_TAG, "doze:after"];
const KNOWN_TAGS: [&str; 8] = [
    KEEP_UNTIL_TAG,
    POLICY_TAG,
    SCHEDULE_TAG,
    START_OWED_SINCE_TAG,
    STOP_AT_TAG,
    STOPPED_AT_TAG,
    OTHER_TAGS[0],
    OTHER_TAGS[1],
];

/// The wishes of one instance's owner, beyond the opt-in.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    pub(crate) schedule: Option<Schedule>,
    pub(crate) keep_until: Option<Timestamp>,
    pub(crate) stop_at: Option<Timestamp>,
}

/// A tag that cannot be honoured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tag {key:?} is {value:?}: {problem}")]
pub(crate) struct BadTag {
    key: String,
    value: String,
    problem: String,
}

impl Wishes {
    pub(crate) fn read(tags: &Tags, policies: &Policies) -> Result<Self, BadTag> {
        let is_unknown = |key: &&str| key.starts_with(TAG_PREFIX) && !KNOWN_TAGS.contains(key);
        if let Some(key) = tags.keys().find(is_unknown) {
            return Err(BadTag::new(tags, key, &"Doze knows no tag of this name"));
        }
        // Instants that Doze writes: one that was edited into nonsense leaves open what happened.
        for key in [STOPPED_AT_TAG, START_OWED_SINCE_TAG] {
            instant(tags, key)?;
        }
        policy(tags, policies)?;
        Ok(Self {
            schedule: schedule(tags)?,
            keep_until: instant(tags, KEEP_UNTIL_TAG)?,
            stop_at: instant(tags, STOP_AT_TAG)?,
        })
    }
}

/// The policy that the tag chooses, or the default, whatever the other tags say.
pub(crate) fn policy<'a>(tags: &Tags, policies: &'a Policies) -> Result<&'a Policy, BadTag> {
    let Some(name) = tags.get(POLICY_TAG) else { return Ok(policies.default_policy()) };
    policies.named(name.trim()).ok_or_else(|| BadTag::new(tags, POLICY_TAG, &"there is no policy of this name"))
}

fn schedule(tags: &Tags) -> Result<Option<Schedule>, BadTag> {
    let Some(text) = tags.get(SCHEDULE_TAG) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| BadTag::new(tags, SCHEDULE_TAG, &error))
}

/// The RFC 3339 instant of a tag, if the instance has it.
fn instant(tags: &Tags, key: &'static str) -> Result<Option<Timestamp>, BadTag> {
    let Some(text) = tags.get(key) else { return Ok(None) };
    let instant = text.trim().parse().map(Some);
    instant.map_err(|_| BadTag::new(tags, key, &"expected an instant such as 2026-11-21T20:00:00Z"))
}

impl BadTag {
    fn new(tags: &Tags, key: &str, problem: &dyn Display) -> Self {
        let value = tags.get(key).unwrap_or_default();
        Self { key: key.to_owned(), value: value.to_owned(), problem: problem.to_string() }
    }
}
