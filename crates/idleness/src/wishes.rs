//! What the user's `doze:*` tags ask for. A tag that does not parse is never passed over: whoever wrote it meant something.

use jiff::Timestamp;

use crate::{
    instance::Tags,
    plan::{STOPPED_AT_TAG, STOPPED_BECAUSE_TAG},
    policy::{Policy, UnknownPolicy},
};

const PREFIX: &str = "doze:";
/// Not stopped before this RFC 3339 instant.
const KEEP_UNTIL_TAG: &str = "doze:keep-until";
/// The name of an idle policy.
const POLICY_TAG: &str = "doze:policy";
/// When the instance should be awake.
const SCHEDULE_TAG: &str = "doze:schedule";
/// Instants that Doze itself writes. One that was edited into nonsense leaves open what happened.
const NOTED_INSTANTS: [&str; 3] = [STOPPED_AT_TAG, "doze:stop-at", "doze:start-owed-since"];
/// Tags that ask for nothing that concerns a stop.
const OTHER_TAGS: [&str; 2] = [STOPPED_BECAUSE_TAG, "doze:after"];

/// The wishes of one instance's owner, beyond the opt-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) keep_until: Option<Timestamp>,
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
    pub(crate) fn read(tags: &Tags) -> Result<Self, BadTag> {
        if let Some(name) = tags.get(POLICY_TAG) {
            Policy::named(name).map_err(|error: UnknownPolicy| BadTag::new(POLICY_TAG, name, error.to_string()))?;
        }
        if let Some(schedule) = tags.get(SCHEDULE_TAG) {
            return Err(BadTag::new(SCHEDULE_TAG, schedule, "this version knows no schedules".to_owned()));
        }
        for key in NOTED_INSTANTS {
            instant(tags, key)?;
        }
        let known = |key: &str| {
            [KEEP_UNTIL_TAG, POLICY_TAG].contains(&key) || NOTED_INSTANTS.contains(&key) || OTHER_TAGS.contains(&key)
        };
        if let Some(key) = tags.keys().find(|key| key.starts_with(PREFIX) && !known(key)) {
            let value = tags.get(key).unwrap_or_default();
            return Err(BadTag::new(key, value, "Doze knows no tag of this name".to_owned()));
        }
        Ok(Self { keep_until: instant(tags, KEEP_UNTIL_TAG)? })
    }
}

/// The RFC 3339 instant of a tag, if the instance has it.
fn instant(tags: &Tags, key: &'static str) -> Result<Option<Timestamp>, BadTag> {
    let Some(text) = tags.get(key) else { return Ok(None) };
    let expected = || "expected an instant such as 2026-11-21T20:00:00Z".to_owned();
    text.trim().parse().map(Some).map_err(|_| BadTag::new(key, text, expected()))
}

impl BadTag {
    fn new(key: &str, value: &str, problem: String) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), problem }
    }
}
