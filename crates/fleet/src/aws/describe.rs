//! Instances as EC2 describes them.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    CpuOptions, DeviceType, Filter, InstanceAttributeName, InstanceLifecycleType, InstanceState, Reservation,
    StateReason,
};
use futures_util::{Stream, stream};
use idleness::{
    Instance, InstanceId, InstanceState as State, InstanceType, Market, RootDevice, StopProtection, Tags, Transition,
    is_read,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::{AwsFleet, error::api_error, pages::Pages};
use crate::ApiError;

const DESCRIBE: &str = "ec2:DescribeInstances";
const DESCRIBE_SPOT: &str = "ec2:DescribeSpotInstanceRequests";
const DESCRIBE_ATTRIBUTE: &str = "ec2:DescribeInstanceAttribute";
/// The largest page; <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>.
const INSTANCES_PER_PAGE: i32 = 1000;
/// The most values one filter takes.
pub(super) const IDS_PER_FILTER: usize = 200;

/// An instance, and the id of its Spot request where it has one.
struct Described {
    instance: Instance,
    spot_request: Option<String>,
}

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
        let call = self.ec2().describe_instances().filters(filter.clone()).max_results(INSTANCES_PER_PAGE);
        let page = call.set_next_token(pages.token()).send().await.map_err(|error| api_error(DESCRIBE, &error))?;
        // An answer without the list is no answer; an empty list is one.
        let reservations = page
            .reservations
            .ok_or_else(|| ApiError::new(DESCRIBE, ApiError::BAD_ANSWER, "the answer has no list of reservations"))?;
        // Copied, and then freed as a whole: what stayed where the SDK put it, would leave gaps that no later page fits into.
        let mut described: Vec<_> =
            reservations.iter().flat_map(Reservation::instances).filter_map(translate).collect();
        drop(reservations);
        self.look_up_spot_requests(&mut described).await;
        Ok((described.into_iter().map(|described| described.instance).collect(), page.next_token))
    }

    /// Whether each Spot request is persistent. What is not found out stays unknown, and that instance is kept.
    async fn look_up_spot_requests(&self, described: &mut [Described]) {
        let could_stop = |described: &&mut Described| {
            described.instance.state == State::Running && described.instance.tags.opted_in()
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
        let call = call.customize().config_override(self.unabridged());
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

/// An instance as EC2 describes it; `None` if it has no id that we could act on.
fn translate(described: &aws_sdk_ec2::types::Instance) -> Option<Described> {
    let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let state = described.state().and_then(InstanceState::name);
    let instance_type = described.instance_type().map(aws_sdk_ec2::types::InstanceType::as_str);
    let reason = described.state_reason();
    let spot_request = filled(described.spot_instance_request_id());
    let instance = Instance {
        id: described.instance_id()?.parse().ok()?,
        state: state.map_or(State::Unknown, |name| State::from_name(name.as_str())),
        launched_at: described.launch_time().and_then(timestamp),
        instance_type: instance_type.map_or_else(InstanceType::default, InstanceType::from_name),
        vcpus: described.cpu_options().and_then(vcpus),
        root_device: match described.root_device_type().map(DeviceType::as_str) {
            Some("ebs") => RootDevice::Ebs,
            Some("instance-store") => RootDevice::InstanceStore,
            _ => RootDevice::Unknown,
        },
        market: match described.instance_lifecycle().map(InstanceLifecycleType::as_str) {
            Some("spot") => Market::SpotUnknown,
            _ if spot_request.is_some() => Market::SpotUnknown,
            _ => Market::OnDemand,
        },
        stop_protection: StopProtection::Unread,
        transition: Transition {
            code: filled(reason.and_then(StateReason::code)),
            message: filled(reason.and_then(StateReason::message)),
            at: described.state_transition_reason().and_then(time_of_transition),
        },
        tags: described
            .tags()
            .iter()
            .filter_map(|tag| Some((tag.key().filter(|key| is_read(key))?, tag.value().unwrap_or_default())))
            .collect::<Tags>(),
    };
    Some(Described { instance, spot_request })
}

/// The time that EC2 writes behind the reason of a change: `User initiated (2026-11-20 18:04:05 GMT)`.
fn time_of_transition(text: &str) -> Option<Timestamp> {
    let (_, time) = text.strip_suffix(" GMT)")?.rsplit_once('(')?;
    let at: DateTime = time.parse().ok()?;
    Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// The number of virtual CPUs: cores times threads.
fn vcpus(options: &CpuOptions) -> Option<u32> {
    let (cores, threads) = (u32::try_from(options.core_count?).ok()?, u32::try_from(options.threads_per_core?).ok()?);
    cores.checked_mul(threads).filter(|vcpus| *vcpus > 0)
}

pub(super) fn timestamp(at: &aws_smithy_types::DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}
