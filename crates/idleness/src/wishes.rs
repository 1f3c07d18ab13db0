//! What the user's `doze:*` tags ask for. A tag that does not parse is never passed over: whoever wrote it meant something.

use jiff::Timestamp;

use crate::{
    instance::Tags,
    policy::{Policy, UnknownPolicy},
};

/// Not stopped before this RFC 3339 instant.
const KEEP_UNTIL_TAG: &str = "doze:keep-until";
/// The name of an idle policy.
const POLICY_TAG: &str = "doze:policy";
/// When the instance should be awake.
const SCHEDULE_TAG: &str = "doze:schedule";

/// The wishes of one instance's owner, beyond the opt-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) keep_until: Option<Timestamp>,
}

/// A tag that cannot be honoured.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tag {key} is {value:?}: {problem}")]
pub(crate) struct BadTag {
    key: &'static str,
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
        let parse = |text: &str| {
            let expected = |_| "expected an instant such as 2026-11-21T20:00:00Z".to_owned();
            text.trim().parse().map_err(expected).map_err(|problem| BadTag::new(KEEP_UNTIL_TAG, text, problem))
        };
        Ok(Self { keep_until: tags.get(KEEP_UNTIL_TAG).map(parse).transpose()? })
    }
}

impl BadTag {
    fn new(key: &'static str, value: &str, problem: String) -> Self {
        Self { key, value: value.to_owned(), problem }
    }
}
