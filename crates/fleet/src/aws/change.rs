//! `ChangeFleet` by `StopInstances`, `CreateTags` and `DeleteTags`.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{InstanceStateChange, Tag};
use idleness::{InstanceId, InstanceState};

use super::{AwsFleet, error::api_error};
use crate::{Action, ApiError, ChangeFleet, Outcome, Refused, in_batches};

const STOP: &str = "ec2:StopInstances";
const TAG: &str = "ec2:CreateTags";
const UNTAG: &str = "ec2:DeleteTags";

impl ChangeFleet for AwsFleet {
    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome> {
        let (answers, refused) = in_batches(ids, async |batch: &[InstanceId]| {
            let call = self.ec2.stop_instances().set_instance_ids(Some(texts(batch)));
            let answer = call.send().await.map_err(|error| api_error(STOP, &error))?;
            Ok(outcomes(batch, answer.stopping_instances.unwrap_or_default()))
        })
        .await;
        let failed = refused.into_iter().map(|refused| Outcome::failed(refused.instance, Action::Stop, &refused.error));
        answers.into_iter().flatten().chain(failed).collect()
    }

    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused> {
        let tags: Vec<Tag> = tags.iter().map(|(key, value)| Tag::builder().key(*key).value(*value).build()).collect();
        let (_, refused) = in_batches(ids, async |batch: &[InstanceId]| {
            let call = self.ec2.create_tags().set_resources(Some(texts(batch))).set_tags(Some(tags.clone()));
            call.send().await.map_err(|error| api_error(TAG, &error)).map(drop)
        })
        .await;
        refused
    }

    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused> {
        let tags: Vec<Tag> = keys.iter().map(|key| Tag::builder().key(*key).build()).collect();
        let (_, refused) = in_batches(ids, async |batch: &[InstanceId]| {
            let call = self.ec2.delete_tags().set_resources(Some(texts(batch))).set_tags(Some(tags.clone()));
            call.send().await.map_err(|error| api_error(UNTAG, &error)).map(drop)
        })
        .await;
        refused
    }
}

fn texts(ids: &[InstanceId]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

/// One outcome for each id that was asked for. An id that EC2 accepted and then did not mention is not taken as stopped.
fn outcomes(batch: &[InstanceId], changes: Vec<InstanceStateChange>) -> Vec<Outcome> {
    let state = |state: Option<aws_sdk_ec2::types::InstanceState>| {
        state
            .and_then(|state| state.name)
            .map_or(InstanceState::Unknown, |name| InstanceState::from_name(name.as_str()))
    };
    let states: BTreeMap<String, (InstanceState, InstanceState)> = changes
        .into_iter()
        .filter_map(|change| Some((change.instance_id?, (state(change.previous_state), state(change.current_state)))))
        .collect();
    let unmentioned = ApiError::new(STOP, ApiError::BAD_ANSWER, "the answer does not mention this instance");
    batch
        .iter()
        .map(|id| match states.get(id.as_str()) {
            Some((from, to)) => Outcome::stopped(id.clone(), *from, *to),
            None => Outcome::failed(id.clone(), Action::Stop, &unmentioned),
        })
        .collect()
}
