//! From a Lambda event to what is asked for.

use serde::Deserialize;
use serde_json::Value;

use crate::deployment::Order;

/// What an event asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// To make the alarms those that should be there.
    Keep,
    /// To take all of them away.
    Remove,
    /// The same, for a stack that comes, changes or goes, and waits for a reply.
    Deployment(Order),
}

/// Why an event was refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It is none that this function knows.
    #[error(
        "expected {{\"action\":\"keep-alarms\"}}, {{\"action\":\"remove-alarms\"}}, or CloudFormation's request for a custom resource"
    )]
    Unknown,
    /// It looks like one, but does not parse.
    #[error("at {at}: {problem}")]
    Malformed {
        /// The path of the field.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manual {
    action: Action,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Action {
    KeepAlarms,
    RemoveAlarms,
}

impl Request {
    /// Reads an event.
    ///
    /// # Errors
    /// It is no event of this function; the error says what is wrong with it.
    pub fn parse(event: &Value) -> Result<Self, Refusal> {
        if event.get("RequestType").is_some() {
            return read(event).map(Self::Deployment);
        }
        if event.get("action").is_none() {
            return Err(Refusal::Unknown);
        }
        Ok(match read::<Manual>(event)?.action {
            Action::KeepAlarms => Self::Keep,
            Action::RemoveAlarms => Self::Remove,
        })
    }
}

fn read<'de, T: Deserialize<'de>>(event: &'de Value) -> Result<T, Refusal> {
    serde_path_to_error::deserialize(event)
        .map_err(|error| Refusal::Malformed { at: error.path().to_string(), problem: error.inner().to_string() })
}
