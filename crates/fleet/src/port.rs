//! What the functions ask of the fleet. Implemented by the AWS adapter, and by a fake in tests.
#![expect(async_fn_in_trait, reason = "the functions run on one thread, so no caller needs the futures to be `Send`")]

use std::collections::BTreeMap;

use idleness::{Evidence, Instance, InstanceId, Policy};
use jiff::Timestamp;

use crate::{ApiError, Outcome, Refused};

/// Reads: nothing here changes anything.
pub trait ReadFleet {
    /// All instances with the tag `doze=on`, in whatever state.
    ///
    /// # Errors
    /// EC2 did not show the whole fleet; a part of it is never returned.
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError>;

    /// The instances of these ids, opted in or not. An id that EC2 does not know is absent from the answer.
    ///
    /// # Errors
    /// EC2 did not answer.
    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError>;

    /// What the policy's signals measured of these instances in the window that ends `now`. A series that CloudWatch
    /// did not return is absent, which is never proof of anything.
    ///
    /// # Errors
    /// CloudWatch did not answer one of the calls.
    async fn evidence(
        &self,
        ids: &[InstanceId],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError>;
}

/// Changes, each outcome by instance: one failure never stops the rest.
pub trait ChangeFleet {
    /// Stops the instances: never by force, never with hibernation. One outcome an id.
    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome>;

    /// Puts tags on the instances, and returns those that refused.
    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused>;

    /// Takes tags off the instances, and returns those that refused.
    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused>;
}
