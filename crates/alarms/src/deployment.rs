//! What CloudFormation asks of a custom resource, and what it waits to hear.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

use std::fmt;

use serde::{Deserialize, Serialize};

/// The most of a reason that a reply carries, in characters: CloudFormation takes 4,096 bytes in all.
const LONGEST_REASON: usize = 500;

/// A request about a stack that comes, changes or goes.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Order {
    /// What happens to the stack's resource.
    pub request_type: RequestType,
    /// Where the reply goes. Whoever has this address can answer in our place, so it is in no log.
    #[serde(rename = "ResponseURL")]
    pub response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    /// It comes.
    Create,
    /// One of its properties has changed.
    Update,
    /// It goes.
    Delete,
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { request_type, stack_id, request_id, .. } = self;
        f.debug_struct("Order")
            .field("request_type", request_type)
            .field("stack_id", stack_id)
            .field("request_id", request_id)
            .finish_non_exhaustive()
    }
}

/// What CloudFormation is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    /// How it ended.
    pub status: Status,
    /// Why, for the stack's events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// The stack goes on.
    Success,
    /// It does not.
    Failed,
}

impl Order {
    /// The reply. `name` stands for the resource for as long as it exists: another one would make CloudFormation delete the
    /// old, and its alarms with it.
    #[must_use]
    pub fn reply(&self, name: &str, ending: Result<(), &str>) -> Reply {
        let status = if ending.is_ok() { Status::Success } else { Status::Failed };
        Reply {
            status,
            reason: ending.err().map(|reason| reason.chars().take(LONGEST_REASON).collect()),
            physical_resource_id: self.physical_resource_id.clone().unwrap_or_else(|| name.to_owned()),
            stack_id: self.stack_id.clone(),
            request_id: self.request_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
        }
    }
}
