//! `ReadFleet` by EC2, CloudWatch and Systems Manager.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::Filter;
use aws_sdk_ssm::types::{SessionFilter, SessionFilterKey, SessionState};
use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use idleness::{Evidence, Instance, InstanceId, OPT_IN_TAG, Part, Policy, StopProtection};
use jiff::Timestamp;

use super::{AwsFleet, describe::IDS_PER_FILTER, error::api_error, pages::Pages};
use crate::{ApiError, ReadAddresses, ReadFleet};

const DESCRIBE_SESSIONS: &str = "ssm:DescribeSessions";
/// The largest page; <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeSessions.html>.
const SESSIONS_PER_PAGE: i32 = 200;
/// Of how many instances the stop protection is asked for at once: of as many as a run stops by default, since nothing goes on before
/// EC2 has answered. It takes 100 such calls before it throttles:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>.
const ATTRIBUTES_AT_ONCE: usize = 25;

impl ReadFleet for AwsFleet {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        self.opted_in_by_page().try_concat().await
    }

    fn opted_in_by_page(&self) -> impl Stream<Item = Result<Vec<Instance>, ApiError>> {
        self.describe(Filter::builder().name(format!("tag:{OPT_IN_TAG}")).values("on").build())
    }

    /// Asks by filter rather than by id, since one unknown id fails a whole call by id.
    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        let mut instances = Vec::new();
        for ids in ids.chunks(IDS_PER_FILTER) {
            let values = ids.iter().map(|id| id.as_str().to_owned()).collect();
            let filter = Filter::builder().name("instance-id").set_values(Some(values)).build();
            instances.extend(self.describe(filter).try_concat().await?);
        }
        Ok(instances)
    }

    async fn evidence(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        self.measure_all(subjects, part, now).await
    }

    async fn sessions(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, u32> {
        if ids.is_empty() {
            return BTreeMap::new();
        }
        self.open_sessions(ids).await.unwrap_or_else(|error| {
            let failure = error.to_string();
            tracing::warn!(operation = DESCRIBE_SESSIONS, failure, "instances are kept: their sessions are unknown");
            BTreeMap::new()
        })
    }

    async fn stop_protection(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection> {
        stream::iter(ids)
            .map(|id| async move { Some((id.clone(), self.stop_protection_of(id).await?)) })
            .buffered(ATTRIBUTES_AT_ONCE)
            .filter_map(std::future::ready)
            .collect()
            .await
    }
}

impl ReadAddresses for AwsFleet {
    async fn address(&self, id: &InstanceId) -> Result<Option<String>, ApiError> {
        self.address_of(id).await
    }
}

impl AwsFleet {
    /// Asks for all open sessions at once, unless it is about one instance: there are few sessions, and perhaps many
    /// instances.
    async fn open_sessions(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, u32>, ApiError> {
        let mut open: BTreeMap<InstanceId, u32> = ids.iter().map(|id| (id.clone(), 0)).collect();
        let filter = match ids {
            [only] => Some(vec![target(only)?]),
            _ => None,
        };
        let mut pages = Pages::default();
        loop {
            let call = self.ssm().describe_sessions().state(SessionState::Active).max_results(SESSIONS_PER_PAGE);
            let call = call.set_filters(filter.clone()).set_next_token(pages.token());
            let page = call.send().await.map_err(|error| api_error(DESCRIBE_SESSIONS, &error))?;
            // An answer without the list is no answer; an empty list is one.
            let sessions = page.sessions.ok_or_else(|| {
                ApiError::new(DESCRIBE_SESSIONS, ApiError::BAD_ANSWER, "the answer has no list of sessions")
            })?;
            let targets = sessions.into_iter().filter_map(|session| session.target);
            for id in targets.filter_map(|target| target.parse::<InstanceId>().ok()) {
                open.entry(id).and_modify(|sessions| *sessions = sessions.saturating_add(1));
            }
            if !pages.turn(DESCRIBE_SESSIONS, page.next_token)? {
                return Ok(open);
            }
        }
    }
}

fn target(id: &InstanceId) -> Result<SessionFilter, ApiError> {
    let filter = SessionFilter::builder().key(SessionFilterKey::TargetId).value(id.as_str()).build();
    filter.map_err(|error| ApiError::new(DESCRIBE_SESSIONS, ApiError::BAD_ANSWER, &error.to_string()))
}
