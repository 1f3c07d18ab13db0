//! What came of an action on one instance.

use idleness::{InstanceId, InstanceState};
use serde::Serialize;

use crate::ApiError;

/// What was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// `StopInstances`.
    Stop,
    /// `StartInstances`.
    Start,
    /// `CreateTags`, to remember a start that is owed.
    Owe,
    /// `DeleteTags`, once an owed start has come true or nobody waits for it any more.
    Settle,
    /// `DeleteTags`, after a stop that did not happen.
    Untag,
    /// `CreateTags`, to announce a stop.
    Announce,
    /// `DeleteTags`, to withdraw an announcement.
    Withdraw,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum OutcomeResult {
    /// The action took effect.
    Done,
    /// The instance was in that state, or on the way to it, before.
    Already,
    /// A start that capacity refused: it stays owed, and a later run tries again.
    Owed {
        /// EC2's error code.
        code: String,
        /// What EC2 said.
        message: String,
    },
    /// The action was refused or failed.
    Failed {
        /// The service's error code, or one of `ApiError`'s own.
        code: String,
        /// What the service said.
        message: String,
    },
}

/// The outcome of one action on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The instance.
    pub instance: InstanceId,
    /// What was tried.
    pub action: Action,
    /// How it ended.
    #[serde(flatten)]
    pub result: OutcomeResult,
    /// The state before, where EC2 said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<InstanceState>,
    /// The state after, where EC2 said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<InstanceState>,
}

impl Outcome {
    /// The error code, if the action failed.
    #[must_use]
    pub fn failure_code(&self) -> Option<&str> {
        match &self.result {
            OutcomeResult::Failed { code, .. } => Some(code),
            OutcomeResult::Done | OutcomeResult::Already | OutcomeResult::Owed { .. } => None,
        }
    }

    /// A stop that EC2 accepted, by the states it answered with. Only a state on the way to `stopped` proves a stop.
    #[must_use]
    pub fn stopped(instance: InstanceId, from: InstanceState, to: InstanceState) -> Self {
        let result = match (from, to) {
            (InstanceState::Stopping | InstanceState::Stopped, _) => OutcomeResult::Already,
            (_, InstanceState::Stopping | InstanceState::Stopped) => OutcomeResult::Done,
            _ => OutcomeResult::Failed {
                code: ApiError::BAD_ANSWER.to_owned(),
                message: "the answer does not say that the instance is stopping".to_owned(),
            },
        };
        Self { instance, action: Action::Stop, result, from: Some(from), to: Some(to) }
    }

    /// A start that EC2 accepted, by the states it answered with. Only a state on the way to `running` proves a start.
    #[must_use]
    pub fn started(instance: InstanceId, from: InstanceState, to: InstanceState) -> Self {
        let result = match (from, to) {
            (InstanceState::Pending | InstanceState::Running, _) => OutcomeResult::Already,
            (_, InstanceState::Pending | InstanceState::Running) => OutcomeResult::Done,
            _ => OutcomeResult::Failed {
                code: ApiError::BAD_ANSWER.to_owned(),
                message: "the answer does not say that the instance is starting".to_owned(),
            },
        };
        Self { instance, action: Action::Start, result, from: Some(from), to: Some(to) }
    }

    /// A start that did not come about: it is owed where EC2 lacked capacity, and has failed otherwise.
    #[must_use]
    pub fn not_started(instance: InstanceId, error: &ApiError) -> Self {
        if !error.is_about_capacity() {
            return Self::failed(instance, Action::Start, error);
        }
        let result = OutcomeResult::Owed { code: error.code.clone(), message: error.message.clone() };
        Self { instance, action: Action::Start, result, from: None, to: None }
    }

    /// An action that took effect and changed no state.
    #[must_use]
    pub const fn done(instance: InstanceId, action: Action) -> Self {
        Self { instance, action, result: OutcomeResult::Done, from: None, to: None }
    }

    /// An action that was not begun, for lack of time. Nothing was sent.
    #[must_use]
    pub fn left(instance: InstanceId, action: Action) -> Self {
        Self::failed(instance, action, &ApiError::out_of_time(""))
    }

    /// An action that failed.
    #[must_use]
    pub fn failed(instance: InstanceId, action: Action, error: &ApiError) -> Self {
        let result = OutcomeResult::Failed { code: error.code.clone(), message: error.message.clone() };
        Self { instance, action, result, from: None, to: None }
    }

    /// Whether the action failed.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.result, OutcomeResult::Failed { .. })
    }
}
