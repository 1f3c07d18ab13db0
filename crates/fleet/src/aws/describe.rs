//! Instances as EC2 describes them.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, InstanceAttributeName};
use futures_util::{Stream, stream};
use idleness::{Instance, InstanceId, InstanceState, Market, StopProtection};
use jiff::Timestamp;

use super::{AwsFleet, arriving::Arrivals, error::api_error, pages::Pages};
use crate::{ApiError, Described};

const DESCRIBE: &str = "ec2:DescribeInstances";
const DESCRIBE_SPOT: &str = "ec2:DescribeSpotInstanceRequests";
const DESCRIBE_ATTRIBUTE: &str = "ec2:DescribeInstanceAttribute";
/// The largest page; <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>.
const INSTANCES_PER_PAGE: i32 = 1000;
/// The most values one filter takes.
pub(super) const IDS_PER_FILTER: usize = 200;

impl AwsFleet {
    /// The instances that the filter finds, page by page. Of those that Doze could stop, the kind of Spot request is looked up, too.
    pub(super) fn describe(&self, filter: Filter) -> impl Stream<Item = Result<Vec<Instance>, ApiError>> {
        stream::try_unfold(Some((filter, Pages::default())), move |next| async move {
            let Some((filter, mut pages)) = next else { return Ok(None) };
            // In a box, since a call is a future of very many futures, and a stream adds its own.
            let (described, token) = Box::pin(self.describe_page(&filter, &pages)).await?;
            let has_next = pages.turn(DESCRIBE, token)?;
            Ok(Some((described, has_next.then_some((filter, pages)))))
        })
    }

    /// One page, and the token of the next.
    async fn describe_page(&self, filter: &Filter, pages: &Pages) -> Result<(Vec<Instance>, Option<String>), ApiError> {
        let arrivals = Arrivals::default();
        let call = self.ec2().describe_instances().filters(filter.clone()).max_results(INSTANCES_PER_PAGE);
        let call = call.set_next_token(pages.token()).customize().interceptor(arrivals.clone());
        let page = call.send().await.map_err(|error| api_error(DESCRIBE, &error))?;
        // An answer without the list is no answer; an empty list is one. Its instances have been taken out.
        let failure = match page.reservations {
            None => Some("the answer has no list of reservations"),
            Some(left) if !left.is_empty() => Some("the answer has instances that were not read"),
            Some(_) => None,
        };
        if let Some(failure) = failure {
            return Err(ApiError::new(DESCRIBE, ApiError::BAD_ANSWER, failure));
        }
        let mut described = arrivals.take();
        self.look_up_spot_requests(&mut described).await;
        Ok((described.into_iter().map(|described| described.instance).collect(), page.next_token))
    }

    /// Whether each Spot request is persistent. What is not found out stays unknown, and that instance is kept.
    async fn look_up_spot_requests(&self, described: &mut [Described]) {
        let could_stop = |described: &&mut Described| {
            described.instance.state == InstanceState::Running && described.instance.tags.opted_in()
        };
        let mut spot: Vec<(String, &mut Market)> = described
            .iter_mut()
            .filter(could_stop)
            .filter_map(|described| Some((described.spot_request.clone()?, &mut described.instance.market)))
            .collect();
        for group in spot.chunks_mut(IDS_PER_FILTER) {
            let requests = group.iter().map(|(request, _)| request.clone()).collect();
            match self.spot_requests(requests).await {
                Ok(markets) => {
                    for (request, market) in group {
                        **market = markets.get(request).copied().unwrap_or(Market::SpotUnknown);
                    }
                }
                Err(error) => {
                    let failure = error.to_string();
                    tracing::warn!(
                        operation = DESCRIBE_SPOT,
                        failure,
                        "Spot instances are kept: their requests are unknown"
                    );
                }
            }
        }
    }

    async fn spot_requests(&self, requests: Vec<String>) -> Result<BTreeMap<String, Market>, ApiError> {
        let mut markets = BTreeMap::new();
        let filter = Filter::builder().name("spot-instance-request-id").set_values(Some(requests)).build();
        let mut pages = Pages::default();
        loop {
            let call =
                self.ec2().describe_spot_instance_requests().filters(filter.clone()).max_results(INSTANCES_PER_PAGE);
            let page =
                call.set_next_token(pages.token()).send().await.map_err(|error| api_error(DESCRIBE_SPOT, &error))?;
            markets.extend(page.spot_instance_requests.unwrap_or_default().into_iter().filter_map(|request| {
                let market = match request.r#type.as_ref().map(aws_sdk_ec2::types::SpotInstanceType::as_str) {
                    Some("persistent") => Market::SpotPersistent,
                    Some("one-time") => Market::SpotOneTime,
                    _ => Market::SpotUnknown,
                };
                Some((request.spot_instance_request_id?, market))
            }));
            if !pages.turn(DESCRIBE_SPOT, page.next_token)? {
                return Ok(markets);
            }
        }
    }

    /// Where an instance can be reached, publicly if it can.
    pub(super) async fn address_of(&self, id: &InstanceId) -> Result<Option<String>, ApiError> {
        let filter = Filter::builder().name("instance-id").values(id.as_str()).build();
        let call = self.ec2().describe_instances().filters(filter).max_results(INSTANCES_PER_PAGE);
        let answer = call.send().await.map_err(|error| api_error(DESCRIBE, &error))?;
        let mut instances =
            answer.reservations.unwrap_or_default().into_iter().flat_map(|r| r.instances.unwrap_or_default());
        let described = instances.find(|instance| instance.instance_id.as_deref() == Some(id.as_str()));
        Ok(described.and_then(|instance| {
            let addresses = [
                instance.public_dns_name,
                instance.public_ip_address,
                instance.ipv6_address,
                instance.private_dns_name,
                instance.private_ip_address,
            ];
            addresses.into_iter().flatten().find(|address| !address.is_empty())
        }))
    }

    /// Stop protection of one instance; `None` if EC2 did not say.
    pub(super) async fn stop_protection_of(&self, id: &InstanceId) -> Option<StopProtection> {
        let attribute = InstanceAttributeName::DisableApiStop;
        let answer =
            self.ec2().describe_instance_attribute().instance_id(id.as_str()).attribute(attribute).send().await;
        match answer {
            Ok(answer) => {
                answer.disable_api_stop?.value.map(|is_on| if is_on { StopProtection::On } else { StopProtection::Off })
            }
            Err(error) => {
                let failure = api_error(DESCRIBE_ATTRIBUTE, &error).to_string();
                let instance = id.as_str();
                tracing::warn!(operation = DESCRIBE_ATTRIBUTE, instance, failure, "stop protection is unknown");
                None
            }
        }
    }
}

pub(super) fn timestamp(at: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}
