//! `ChangeFleet` by `StopInstances`, `StartInstances`, `CreateTags` and `DeleteTags`.

use std::{collections::BTreeMap, time::Instant};

use aws_sdk_ec2::types::{InstanceStateChange, Tag};
use idleness::{InstanceId, InstanceState};

use super::{AwsFleet, error::api_error};
use crate::{Action, ApiError, CALLS_FOR_STARTS, ChangeFleet, Outcome, Refused, in_batches, in_bounded_batches};

const STOP: &str = "ec2:StopInstances";
const START: &str = "ec2:StartInstances";
const TAG: &str = "ec2:CreateTags";
const UNTAG: &str = "ec2:DeleteTags";

impl ChangeFleet for AwsFleet {
    fn has_time(&self) -> bool {
        self.deadline.allows_change()
    }

    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        let (answers, refused) = in_batches(ids, async |batch: &[InstanceId]| {
            let call = self.ec2().stop_instances().set_instance_ids(Some(texts(batch)));
            let answer = call.send().await.map_err(|error| api_error(STOP, &error))?;
            Ok(STOPPING.outcomes(batch, answer.stopping_instances.unwrap_or_default()))
        })
        .await;
        let failed = refused.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Stop, &refused.error));
        answers.into_iter().flatten().chain(failed).collect()
    }

    async fn start(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        let (answers, refused) = in_bounded_batches(ids, CALLS_FOR_STARTS, async |batch: &[InstanceId]| {
            let wait = self.starts.take(Instant::now(), |wait| self.deadline.allows_change_in(wait));
            tokio::time::sleep(wait.ok_or_else(|| ApiError::out_of_time(START))?).await;
            let call = self.ec2().start_instances().set_instance_ids(Some(texts(batch)));
            let answer = call.send().await.map_err(|error| api_error(START, &error))?;
            Ok(STARTING.outcomes(batch, answer.starting_instances.unwrap_or_default()))
        })
        .await;
        let failed = refused.into_iter().map(|refused| Outcome::not_started(refused.instance, &refused.error));
        answers.into_iter().flatten().chain(failed).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
        let (_, refused) = in_batches(ids, async |batch: &[InstanceId]| {
            let call = self.ec2().create_tags().set_resources(Some(texts(batch))).set_tags(Some(tags.clone()));
            call.send().await.map_err(|error| api_error(TAG, &error)).map(drop)
        })
        .await;
        refused
    }

    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        let tags: Vec<Tag> = keys.iter().map(|key| Tag::builder().key(*key).build()).collect();
        let (_, refused) = in_batches(ids, async |batch: &[InstanceId]| {
            let call = self.ec2().delete_tags().set_resources(Some(texts(batch))).set_tags(Some(tags.clone()));
            call.send().await.map_err(|error| api_error(UNTAG, &error)).map(drop)
        })
        .await;
        refused
    }
}

fn texts(ids: &[InstanceId]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

/// A change of state that EC2 answers with, instance by instance.
struct Change {
    operation: &'static str,
    action: Action,
    outcome: fn(InstanceId, InstanceState, InstanceState) -> Outcome,
}

const STOPPING: Change = Change { operation: STOP, action: Action::Stop, outcome: Outcome::stopped };
const STARTING: Change = Change { operation: START, action: Action::Start, outcome: Outcome::started };

impl Change {
    /// One outcome for each id that was asked for. An id that EC2 accepted and then did not mention is not taken as changed.
    fn outcomes(&self, batch: &[InstanceId], changes: Vec<InstanceStateChange>) -> Vec<Outcome> {
        let state = |state: Option<aws_sdk_ec2::types::InstanceState>| {
            state
                .and_then(|state| state.name)
                .map_or(InstanceState::Unknown, |name| InstanceState::from_name(name.as_str()))
        };
        let states: BTreeMap<String, (InstanceState, InstanceState)> = changes
            .into_iter()
            .filter_map(|change| {
                Some((change.instance_id?, (state(change.previous_state), state(change.current_state))))
            })
            .collect();
        let unmentioned =
            ApiError::new(self.operation, ApiError::BAD_ANSWER, "the answer does not mention this instance");
        batch
            .iter()
            .map(|id| match states.get(id.as_str()) {
                Some((from, to)) => (self.outcome)(id.clone(), *from, *to),
                None => Outcome::failed(id.clone(), self.action, &unmentioned),
            })
            .collect()
    }
}
