//! Instances are read by Doze, not by the SDK: whatever EC2 may write about them, both must understand it alike.

use aws_sdk_ec2::types::{self, Reservation};
use fleet::ReadFleet;
use idleness::{Instance, InstanceState, InstanceType, Market, RootDevice, StopProtection, Transition, is_read};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

use crate::support::{Answer, Endpoint, Pointed as _, config, ec2};

/// What EC2 may write in an instance. The SDK refuses times and numbers that are none, with the whole answer: none of these are here.
const FIELDS: &[&str] = &[
    "<instanceId>i-0abc1234</instanceId>",
    "<instanceId/>",
    "<instanceState><code>16</code><name>running</name></instanceState>",
    "<instanceState><name>stopped</name></instanceState>",
    "<instanceState><item><name>stopped</name></item></instanceState>",
    "<instanceState/>",
    "<launchTime>2026-11-21T08:00:00.000Z</launchTime>",
    "<launchTime>2026-11-21T08:00:00Z</launchTime>",
    "<instanceType>g5.48xlarge</instanceType>",
    "<instanceType>zz9.&quot;plural&quot;</instanceType>",
    "<rootDeviceType>ebs</rootDeviceType>",
    "<rootDeviceType>instance-store</rootDeviceType>",
    "<rootDeviceType></rootDeviceType>",
    "<instanceLifecycle>spot</instanceLifecycle>",
    "<instanceLifecycle>scheduled</instanceLifecycle>",
    "<spotInstanceRequestId>sir-1</spotInstanceRequestId>",
    "<spotInstanceRequestId/>",
    "<reason>User initiated (2026-11-20 18:04:05 GMT)</reason>",
    "<reason>User initiated</reason>",
    "<reason/>",
    "<stateReason><code>Client.InternalError</code><message>a &lt; b</message></stateReason>",
    "<stateReason><message>c</message><code/></stateReason>",
    "<cpuOptions><coreCount>4</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions>",
    "<cpuOptions><coreCount>-4</coreCount><threadsPerCore>-2</threadsPerCore><amdSevSnp>disabled</amdSevSnp></cpuOptions>",
    "<tagSet><item><key>doze</key><value>on</value></item><item><value>v</value><key>Name</key></item></tagSet>",
    "<tagSet><item><key>Name</key><value>&#x1F634; &amp;amp; ä\n</value></item><item><key>doze</key><value/></item></tagSet>",
    "<tagSet><item><key>doze:&gt;</key></item><item><value>on</value></item><item/></tagSet>",
    "<tagSet><item><key>doze</key><value>off</value></item><item><key>doze</key><value>on</value></item></tagSet>",
    "<tagSet><foo><key>doze</key><value>on</value></foo><item><foo><key>doze</key></foo></item></tagSet>",
    "<tagSet/>",
    "<groupSet><item><instanceId>i-0abc1236</instanceId><tagSet/></item></groupSet>",
    "<networkInterfaceSet><item><tagSet><item><key>doze</key><value>on</value></item></tagSet></item></networkInterfaceSet>",
    "<!-- <instanceId>i-0abc1237</instanceId> -->",
    "<operator a='&lt;/operator>'><managed>false</managed></operator>",
    " text &amp; more\n",
];

/// What stands before an instance, where it is not the first.
const BEFORE: &[&str] = &["", "\n", "</instancesSet><ownerId>1</ownerId></item><item><instancesSet>"];

/// By the SDK, from its own parser.
async fn by_the_sdk(endpoint: &Endpoint) -> Vec<Instance> {
    let answer = aws_sdk_ec2::Client::new(&config(endpoint)).describe_instances().send().await.expect("is an answer");
    answer.reservations().iter().flat_map(Reservation::instances).filter_map(translate).collect()
}

fn translate(described: &types::Instance) -> Option<Instance> {
    let filled = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    let reason = described.state_reason();
    let is_spot = described.instance_lifecycle().is_some_and(|lifecycle| lifecycle.as_str() == "spot")
        || filled(described.spot_instance_request_id()).is_some();
    let launched_at = described.launch_time().map(|at| Timestamp::new(at.secs(), 0).expect("is in our time"));
    Some(Instance {
        id: described.instance_id()?.parse().ok()?,
        state: InstanceState::from_name(described.state()?.name().map_or("", |name| name.as_str())),
        launched_at,
        instance_type: InstanceType::from_name(described.instance_type().map_or("", |name| name.as_str())),
        vcpus: described.cpu_options().and_then(|options| {
            let cores = u32::try_from(options.core_count?).ok()?;
            Some(cores * u32::try_from(options.threads_per_core?).ok()?)
        }),
        root_device: match described.root_device_type().map(types::DeviceType::as_str) {
            Some("ebs") => RootDevice::Ebs,
            Some("instance-store") => RootDevice::InstanceStore,
            _ => RootDevice::Unknown,
        },
        market: if is_spot { Market::SpotUnknown } else { Market::OnDemand },
        stop_protection: StopProtection::Unread,
        transition: Transition {
            code: filled(reason.and_then(types::StateReason::code)),
            message: filled(reason.and_then(types::StateReason::message)),
            at: described.state_transition_reason().and_then(|text| {
                let (_, time) = text.strip_suffix(" GMT)")?.rsplit_once('(')?;
                Some(time.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
            }),
        },
        tags: described
            .tags()
            .iter()
            .filter_map(|tag| Some((tag.key().filter(|key| is_read(key))?, tag.value().unwrap_or_default())))
            .collect(),
    })
}

/// By the adapter.
async fn by_doze(endpoint: &Endpoint) -> Vec<Instance> {
    endpoint.fleet().await.opted_in().await.expect("is an answer")
}

/// An endpoint whose instances have these fields, and no Spot request that anybody knows of.
fn endpoint(instances: &str) -> Endpoint {
    let list = format!("<reservationSet><item><instancesSet>{instances}</instancesSet></item></reservationSet>");
    Endpoint::start(move |call| match call.operation.as_str() {
        "DescribeInstances" => ec2::response("DescribeInstances", &list, None),
        _ => Answer::ec2_error(400, "InvalidSpotInstanceRequestID.NotFound", "There is none."),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_instance_is_understood_as_the_sdk_understands_it(
        instances in vec((select(BEFORE), vec(select(FIELDS), 0..20), any::<Index>()), 0..6),
    ) {
        let instances = instances.into_iter().map(|(before, mut fields, at)| {
            // Most have what makes them an instance.
            let at = at.index(fields.len() + 1);
            fields.insert(at, "<instanceId>i-0abc1238</instanceId><instanceState><name>running</name></instanceState>");
            format!("{before}<item>{}</item>", fields.concat())
        });
        let endpoint = endpoint(&instances.collect::<String>());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("is built");
        let (expected, read) = runtime.block_on(async { (by_the_sdk(&endpoint).await, by_doze(&endpoint).await) });
        prop_assert_eq!(read, expected);
    }
}

#[tokio::test]
async fn a_time_or_a_number_that_is_none_is_unknown_and_hides_no_other_instance() {
    let odd = "<item><instanceId>i-0abc1234</instanceId><launchTime>yesterday</launchTime>\
               <cpuOptions><coreCount>four</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions></item>";
    let other = "<item><instanceId>i-0abc1235</instanceId></item>";
    let read = by_doze(&endpoint(&[odd, other].concat())).await;
    assert_eq!(read.iter().map(|instance| instance.id.as_str()).collect::<Vec<_>>(), ["i-0abc1234", "i-0abc1235"]);
    assert_eq!((read[0].launched_at, read[0].vcpus), (None, None));
}
