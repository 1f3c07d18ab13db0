//! What the user's `doze:*` tags ask for. A tag that does not parse is never passed over: whoever wrote it meant something.

use std::fmt::Display;

use jiff::Timestamp;

use crate::{
    plan::{STOP_AT_TAG, STOPPED_AT_TAG, STOPPED_BECAUSE_TAG},
    policies::Policies,
    policy::Policy,
    schedule::Schedule,
    tags::{TAG_PREFIX, Tags},
};

/// Not stopped before this RFC 3339 instant.
pub const KEEP_UNTIL_TAG: &str = "doze:keep-until";
/// The name of an idle policy.
pub(crate) const POLICY_TAG: &str = "doze:policy";
/// When the instance should be awake.
pub(crate) const SCHEDULE_TAG: &str = "doze:schedule";
/// The tag of a start that is owed, because EC2 refused it or because the instance was still stopping: an RFC 3339
/// instant.
pub const START_OWED_SINCE_TAG: &str = "doze:start-owed-since";
/// The tag that says when an owed start was last tried: an RFC 3339 instant.
pub const START_TRIED_AT_TAG: &str = "doze:start-tried-at";
/// The instances that run before this one starts: ids or names, joined by ` + `.
const AFTER_TAG: &str = "doze:after";
const KNOWN_TAGS: [&str; 9] = [
    AFTER_TAG,
    KEEP_UNTIL_TAG,
    POLICY_TAG,
    SCHEDULE_TAG,
    START_OWED_SINCE_TAG,
    START_TRIED_AT_TAG,
    STOP_AT_TAG,
    STOPPED_AT_TAG,
    STOPPED_BECAUSE_TAG,
];

/// The wishes of one instance's owner, beyond the opt-in.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    pub(crate) schedule: Option<Schedule>,
    pub(crate) keep_until: Option<Timestamp>,
    pub(crate) stop_at: Option<Timestamp>,
    pub(crate) stopped_at: Option<Timestamp>,
    pub(crate) start_owed_since: Option<Timestamp>,
    pub(crate) start_tried_at: Option<Timestamp>,
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
    /// All that the tags say, and none of it if the policy they choose does not exist.
    pub(crate) fn read(tags: &Tags, policies: &Policies) -> Result<Self, BadTag> {
        policy(tags, policies)?;
        Self::read_but_policy(tags)
    }

    /// All that the tags say but for the policy, which matters to nobody who is not to be stopped.
    pub(crate) fn read_but_policy(tags: &Tags) -> Result<Self, BadTag> {
        let is_unknown = |key: &&str| key.starts_with(TAG_PREFIX) && !KNOWN_TAGS.contains(key);
        if let Some(key) = tags.keys().find(is_unknown) {
            return Err(BadTag::new(tags, key, &"Doze knows no tag of this name"));
        }
        after(tags)?;
        Ok(Self {
            schedule: schedule(tags)?,
            keep_until: instant(tags, KEEP_UNTIL_TAG)?,
            stop_at: instant(tags, STOP_AT_TAG)?,
            // Instants that Doze writes: one that was edited into nonsense leaves open what happened.
            stopped_at: instant(tags, STOPPED_AT_TAG)?,
            start_owed_since: instant(tags, START_OWED_SINCE_TAG)?,
            start_tried_at: instant(tags, START_TRIED_AT_TAG)?,
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

/// The ids and names in the tag `doze:after`; none without it.
pub(crate) fn after(tags: &Tags) -> Result<Vec<&str>, BadTag> {
    let Some(text) = tags.get(AFTER_TAG) else { return Ok(Vec::new()) };
    let named: Vec<&str> = text.split('+').map(str::trim).collect();
    if named.iter().any(|name| name.is_empty()) {
        return Err(BadTag::new(tags, AFTER_TAG, &"expected instance ids or names, joined by +"));
    }
    Ok(named)
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
