//! Instances as EC2 describes them: paging, filters, every field, and everything that is not an answer.

use crate::support::{
    Answer, Endpoint, Pointed as _, at,
    ec2::{self, OPTED_IN, RUNNING},
    id, ids,
};
use fleet::{ApiError, ReadAddresses, ReadFleet};
use idleness::{Instance, InstanceState, InstanceType, Market, RootDevice, StopProtection, Transition};

fn page(numbers: impl IntoIterator<Item = usize>, next: Option<&str>) -> Answer {
    ec2::instances(numbers.into_iter().map(|number| ec2::instance(number, &[RUNNING, OPTED_IN])), next)
}

/// The one instance that EC2 describes by these fields.
async fn described(fields: &[&str]) -> Instance {
    let endpoint = Endpoint::in_turn([ec2::instances([ec2::instance(0, fields)], None)]);
    let mut fleet = endpoint.fleet().await.opted_in().await.expect("is read");
    assert_eq!(fleet.len(), 1);
    fleet.remove(0)
}

#[tokio::test]
async fn the_fleet_is_read_page_by_page_and_an_empty_page_is_no_end() {
    let endpoint = Endpoint::in_turn([page(0..2, Some("two")), page([], Some("three")), page(2..3, None)]);
    let fleet = endpoint.fleet().await.opted_in().await.expect("all pages are read");
    assert_eq!(fleet.iter().map(|instance| instance.id.clone()).collect::<Vec<_>>(), ids(3));
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 3);
    for call in &calls {
        assert_eq!(call.operation, "DescribeInstances");
        assert_eq!(call.values("Filter.1.Name"), ["tag:doze"]);
        assert_eq!(call.values("Filter.1.Value"), ["on"]);
        assert_eq!(call.values("MaxResults"), ["1000"]);
    }
    assert_eq!(calls[0].values("NextToken"), Vec::<&str>::new());
    assert_eq!((calls[1].values("NextToken"), calls[2].values("NextToken")), (vec!["two"], vec!["three"]));
}

#[tokio::test]
async fn the_last_change_of_state_is_read_with_its_reason_and_time() {
    let transition = |code: Option<&str>, message: Option<&str>, time: Option<&str>| Transition {
        code: code.map(str::to_owned),
        message: message.map(str::to_owned),
        at: time.map(at),
    };
    let reason =
        "<stateReason><code>Client.InternalError</code><message>Client error on launch</message></stateReason>";
    for (fields, expected) in [
        ("", transition(None, None, None)),
        ("<reason/><stateReason/>", transition(None, None, None)),
        (reason, transition(Some("Client.InternalError"), Some("Client error on launch"), None)),
        (
            "<reason>User initiated (2026-11-20 18:04:05 GMT)</reason>",
            transition(None, None, Some("2026-11-20T18:04:05Z")),
        ),
        ("<reason>User initiated (2026-11-20 18:04:05 CET)</reason>", transition(None, None, None)),
        ("<reason>User initiated (yesterday GMT)</reason>", transition(None, None, None)),
    ] {
        assert_eq!(described(&[ec2::STOPPED, OPTED_IN, fields]).await.transition, expected, "{fields}");
    }
}

#[tokio::test]
async fn the_address_to_connect_to_is_public_if_there_is_one() {
    let private = "<privateDnsName>ip-10-0-0-1.internal</privateDnsName><privateIpAddress>10.0.0.1</privateIpAddress>";
    let public = "<dnsName>ec2-192-0-2-1.example</dnsName><ipAddress>192.0.2.1</ipAddress>";
    for (fields, expected) in [
        (format!("{private}{public}"), Some("ec2-192-0-2-1.example")),
        (format!("{private}<dnsName/><ipAddress>192.0.2.1</ipAddress>"), Some("192.0.2.1")),
        (format!("{private}<ipv6Address>2001:db8::1</ipv6Address>"), Some("2001:db8::1")),
        (private.to_owned(), Some("ip-10-0-0-1.internal")),
        ("<privateDnsName/><privateIpAddress>10.0.0.1</privateIpAddress>".to_owned(), Some("10.0.0.1")),
        (String::new(), None),
    ] {
        let endpoint = Endpoint::in_turn([ec2::instances([ec2::instance(0, &[RUNNING, &fields])], None)]);
        let address = endpoint.fleet().await.address(&id(0)).await.expect("is read");
        assert_eq!(address.as_deref(), expected);
    }
    let endpoint = Endpoint::in_turn([page([], None)]);
    assert_eq!(endpoint.fleet().await.address(&id(0)).await, Ok(None), "an unknown instance has none");
}

#[tokio::test]
async fn every_field_that_a_decision_needs_is_read() {
    let instance = described(&[
        RUNNING,
        "<launchTime>2026-11-21T08:00:00.000Z</launchTime><rootDeviceType>ebs</rootDeviceType>",
        "<instanceType>g5.48xlarge</instanceType>",
        "<cpuOptions><coreCount>96</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions>",
        "<tagSet><item><key>doze</key><value>on</value></item>\
         <item><key>Name</key><value>a &lt;b&gt;</value></item><item><key>doze:empty</key><value/></item></tagSet>",
    ])
    .await;
    let expected = Instance {
        id: id(0),
        state: InstanceState::Running,
        launched_at: Some(at("2026-11-21T08:00:00Z")),
        instance_type: InstanceType::from_name("g5.48xlarge"),
        vcpus: Some(192),
        root_device: RootDevice::Ebs,
        market: Market::OnDemand,
        stop_protection: StopProtection::Unread,
        transition: Transition::default(),
        tags: [("doze", "on"), ("Name", "a <b>"), ("doze:empty", "")].into_iter().collect(),
    };
    assert_eq!(instance, expected);
}

#[tokio::test]
async fn every_tag_that_a_gate_reads_is_kept_and_no_other() {
    let read = [
        "doze",
        "doze:keep-until",
        "doze:anything",
        "Name",
        "aws:autoscaling:groupName",
        "eks:cluster-name",
        "aws:eks:cluster-name",
        "kubernetes.io/cluster/prod",
        "aws:ecs:clusterName",
    ];
    let foreign = ["name", "dozen", "password", "team", "aws:cloudformation:stack-name"];
    let tag = |key: &&str| format!("<item><key>{key}</key><value>x</value></item>");
    let tags = read.iter().chain(&foreign).map(tag).collect::<Vec<_>>().concat();
    let instance = described(&[&format!("<tagSet>{tags}</tagSet>")]).await;
    assert_eq!(instance.tags, read.iter().map(|key| (*key, "x")).collect());
}

#[tokio::test]
async fn what_ec2_does_not_say_is_unknown() {
    let instance = described(&[]).await;
    assert_eq!(instance.state, InstanceState::Unknown);
    assert_eq!((instance.launched_at, instance.vcpus), (None, None));
    assert_eq!(instance.instance_type, InstanceType::default());
    assert_eq!(instance.root_device, RootDevice::Unknown);
    assert!(!instance.tags.opted_in());
}

#[tokio::test]
async fn a_value_that_ec2_has_added_since_is_unknown() {
    let instance = described(&[
        "<instanceState><code>96</code><name>hibernating</name></instanceState>",
        "<rootDeviceType>tape</rootDeviceType><instanceType>zz9.plural</instanceType>",
    ])
    .await;
    assert_eq!((instance.state, instance.root_device), (InstanceState::Unknown, RootDevice::Unknown));
    assert_eq!(instance.instance_type, InstanceType::from_name("zz9.plural"), "a type keeps its name");
}

#[tokio::test]
async fn an_instance_store_root_is_told_from_a_volume() {
    let instance = described(&["<rootDeviceType>instance-store</rootDeviceType>"]).await;
    assert_eq!(instance.root_device, RootDevice::InstanceStore);
}

#[tokio::test]
async fn virtual_cpus_are_cores_times_threads_and_nonsense_is_unknown() {
    let options = [
        ("<coreCount>2</coreCount><threadsPerCore>1</threadsPerCore>", Some(2)),
        ("<coreCount>4</coreCount><threadsPerCore>2</threadsPerCore>", Some(8)),
        ("<coreCount>4</coreCount>", None),
        ("<threadsPerCore>2</threadsPerCore>", None),
        ("", None),
        ("<coreCount>0</coreCount><threadsPerCore>2</threadsPerCore>", None),
        ("<coreCount>-4</coreCount><threadsPerCore>2</threadsPerCore>", None),
        ("<coreCount>2147483647</coreCount><threadsPerCore>2147483647</threadsPerCore>", None),
    ];
    for (options, vcpus) in options {
        let instance = described(&[&format!("<cpuOptions>{options}</cpuOptions>")]).await;
        assert_eq!(instance.vcpus, vcpus, "{options}");
    }
}

#[tokio::test]
async fn an_instance_without_an_id_to_act_on_is_left_out() {
    let odd = ["<instanceId>i-1</instanceId>", "<instanceId>vm-0123456789abcdef0</instanceId>", ""];
    let odd = odd.map(|id| format!("<item><instancesSet><item>{id}{RUNNING}{OPTED_IN}</item></instancesSet></item>"));
    let endpoint = Endpoint::in_turn([ec2::instances(odd.into_iter().chain([ec2::instance(7, &[RUNNING])]), None)]);
    let fleet = endpoint.fleet().await.opted_in().await.expect("is read");
    assert_eq!(fleet.into_iter().map(|instance| instance.id).collect::<Vec<_>>(), [id(7)]);
}

#[tokio::test]
async fn all_instances_of_a_reservation_are_read() {
    let item = |number| format!("<item><instanceId>{}</instanceId></item>", id(number));
    let reservation = format!("<item><instancesSet>{}{}</instancesSet></item>", item(0), item(1));
    let endpoint = Endpoint::in_turn([ec2::instances([reservation, "<item><instancesSet/></item>".to_owned()], None)]);
    assert_eq!(endpoint.fleet().await.opted_in().await.expect("is read").len(), 2);
}

#[tokio::test]
async fn single_instances_are_asked_for_by_filter() {
    let endpoint = Endpoint::in_turn([page([7], None)]);
    let found = endpoint.fleet().await.instances(&[id(7), id(8)]).await.expect("is read");
    assert_eq!(found.len(), 1, "an unknown id is absent, and no error");
    let call = &endpoint.calls()[0];
    assert_eq!(call.values("Filter.1.Name"), ["instance-id"]);
    assert_eq!(call.values("Filter.1.Value"), [id(7).as_str(), id(8).as_str()]);
    assert!(call.values("InstanceId").is_empty());
}

#[tokio::test]
async fn one_filter_takes_no_more_than_two_hundred_ids() {
    let endpoint = Endpoint::always(page([], None));
    let fleet = endpoint.fleet().await;
    fleet.instances(&ids(401)).await.expect("is read");
    let sizes: Vec<_> = endpoint.calls().iter().map(|call| call.values("Filter.1.Value").len()).collect();
    assert_eq!(sizes, [200, 200, 1]);
    assert!(fleet.instances(&[]).await.expect("needs no answer").is_empty());
    assert_eq!(endpoint.calls().len(), 3, "about nothing, nothing is asked");
}

#[tokio::test]
async fn pages_that_go_in_a_circle_end_in_an_error() {
    let endpoint = Endpoint::start(|call| {
        let next = if call.values("NextToken") == ["a"] { "b" } else { "a" };
        page(0..1, Some(next))
    });
    let error = endpoint.fleet().await.opted_in().await.expect_err("must not loop");
    assert_eq!(error.code, ApiError::BAD_ANSWER);
    assert_eq!(endpoint.calls().len(), 3);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_never_an_empty_fleet() {
    for answer in ec2::nonsense("DescribeInstances") {
        let fleet = Endpoint::always(answer).fleet().await;
        let read = fleet.opted_in().await;
        assert!(read.is_err(), "was read as {read:?}");
        let read = fleet.instances(&[id(0)]).await;
        assert!(read.is_err(), "was read as {read:?}");
    }
}

#[tokio::test]
async fn a_fleet_of_which_one_page_fails_is_not_returned_in_part() {
    let denied = Answer::ec2_error(403, "UnauthorizedOperation", "You are not authorized.");
    for second in ec2::nonsense("DescribeInstances").into_iter().chain([denied]) {
        let endpoint = Endpoint::in_turn([page(0..2, Some("two")), second]);
        assert!(endpoint.fleet().await.opted_in().await.is_err());
    }
}

#[tokio::test]
async fn throttling_is_retried_and_then_named() {
    let throttled = || Answer::ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.");
    let endpoint = Endpoint::in_turn([throttled(), throttled(), page(0..1, None)]);
    assert_eq!(endpoint.fleet().await.opted_in().await.expect("the third try is answered").len(), 1);

    let endpoint = Endpoint::always(throttled());
    let error = endpoint.fleet().await.opted_in().await.expect_err("it never ends");
    assert_eq!(error.to_string(), "ec2:DescribeInstances failed: RequestLimitExceeded: Request limit exceeded.");
    assert_eq!(endpoint.calls().len(), 4, "retries are bounded");
}

#[tokio::test]
async fn a_broken_connection_has_a_name() {
    let endpoint = Endpoint::always(Answer::HangUp);
    let error = endpoint.fleet().await.opted_in().await.expect_err("nobody answers");
    assert_eq!(error.code, ApiError::NO_CONNECTION);
    assert!(!error.message.is_empty());
}

#[tokio::test]
async fn an_answer_that_was_cut_is_no_answer() {
    let group = "<tagSet><item><key>doze</key><value>on</value></item>\
                 <item><key>aws:autoscaling:groupName</key><value>web</value></item></tagSet>";
    let Answer::Body(status, header, body) = ec2::instances([ec2::instance(0, &[RUNNING, group])], Some("two")) else {
        unreachable!("it has a body")
    };
    for length in 0..body.len() {
        let cut = Answer::Body(status, header.clone(), body[..length].to_vec());
        let read = Endpoint::in_turn([cut, page([], None)]).fleet().await.opted_in().await;
        assert!(read.is_err(), "{:?} was read as {read:?}", String::from_utf8_lossy(&body[..length]));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_asked_for_again() {
    let whole = || page([0], None);
    let endpoint = Endpoint::in_turn([Answer::Torn(Box::new(whole())), whole()]);
    let read = endpoint.fleet().await.opted_in().await.expect("the second answer is whole");
    assert_eq!((read.len(), endpoint.calls().len()), (1, 2));
}

#[tokio::test]
async fn negative_counts_are_no_virtual_cpus() {
    let options = "<cpuOptions><coreCount>-2</coreCount><threadsPerCore>-2</threadsPerCore></cpuOptions>";
    assert_eq!(described(&[options]).await.vcpus, None);
}
