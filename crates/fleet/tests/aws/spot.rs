//! What kind of Spot request an instance was bought by. Whatever is not found out stays unknown.

use crate::support::{
    Answer, Endpoint, Pointed as _,
    ec2::{self, OPTED_IN, RUNNING, STOPPED},
};
use fleet::ReadFleet;
use idleness::Market;

const SPOT: &str = "<instanceLifecycle>spot</instanceLifecycle>";
const REQUESTS: &str = "DescribeSpotInstanceRequests";

fn request_of(number: usize) -> String {
    format!("<spotInstanceRequestId>sir-{number}</spotInstanceRequestId>")
}

/// A Spot instance in this state, with these tags.
fn spot_instance(number: usize, state: &str, tags: &str) -> String {
    ec2::instance(number, &[state, tags, SPOT, &request_of(number)])
}

/// Running Spot instances that opted in.
fn spot_instances(count: usize) -> Answer {
    ec2::instances((0..count).map(|number| spot_instance(number, RUNNING, OPTED_IN)), None)
}

/// Spot requests: number and kind.
fn requests<'a>(requests: impl IntoIterator<Item = (usize, &'a str)>, next: Option<&str>) -> Answer {
    let item = |(number, kind): (usize, &str)| format!("<item>{}<type>{kind}</type></item>", request_of(number));
    let items = requests.into_iter().map(item).collect::<Vec<_>>().concat();
    ec2::response(REQUESTS, &format!("<spotInstanceRequestSet>{items}</spotInstanceRequestSet>"), next)
}

/// How the instances were bought, in the order of their description.
async fn markets(endpoint: &Endpoint) -> Vec<Market> {
    let fleet = endpoint.fleet().await.opted_in().await.expect("the instances are described all the same");
    fleet.into_iter().map(|instance| instance.market).collect()
}

#[tokio::test]
async fn requests_are_looked_up_for_running_instances_that_opted_in_alone() {
    let off = "<tagSet><item><key>doze</key><value>off</value></item></tagSet>";
    let described = ec2::instances(
        [
            spot_instance(0, RUNNING, OPTED_IN),
            spot_instance(1, STOPPED, OPTED_IN),
            spot_instance(2, RUNNING, off),
            spot_instance(3, RUNNING, ""),
            ec2::instance(4, &[RUNNING, OPTED_IN]),
            spot_instance(5, RUNNING, OPTED_IN),
        ],
        None,
    );
    let endpoint = Endpoint::in_turn([described, requests((0..6).map(|number| (number, "persistent")), None)]);
    let (unknown, persistent) = (Market::SpotUnknown, Market::SpotPersistent);
    let expected = [persistent, unknown, unknown, unknown, Market::OnDemand, persistent];
    assert_eq!(markets(&endpoint).await, expected);
    let calls = endpoint.calls_of(REQUESTS);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].values("Filter.1.Name"), ["spot-instance-request-id"]);
    assert_eq!(calls[0].values("Filter.1.Value"), ["sir-0", "sir-5"]);
    assert_eq!(calls[0].values("MaxResults"), ["1000"]);
    assert!(calls[0].values("SpotInstanceRequestId").is_empty(), "one unknown id would fail the call");
}

#[tokio::test]
async fn nothing_is_looked_up_where_no_instance_could_be_stopped() {
    let without_request = ec2::instance(0, &[RUNNING, OPTED_IN, SPOT]);
    let empty_request = ec2::instance(1, &[RUNNING, OPTED_IN, SPOT, "<spotInstanceRequestId/>"]);
    let endpoint = Endpoint::in_turn([ec2::instances(
        [without_request, empty_request, spot_instance(2, STOPPED, OPTED_IN), ec2::instance(3, &[RUNNING, OPTED_IN])],
        None,
    )]);
    let unknown = Market::SpotUnknown;
    assert_eq!(markets(&endpoint).await, [unknown, unknown, unknown, Market::OnDemand]);
    assert_eq!(endpoint.calls().len(), 1);
}

#[tokio::test]
async fn the_kind_is_what_the_request_says_and_nothing_else() {
    let kinds = [(0, "persistent"), (1, "one-time"), (2, "perpetual"), (3, ""), (9, "persistent")];
    let endpoint = Endpoint::in_turn([spot_instances(5), requests(kinds, None)]);
    let unknown = Market::SpotUnknown;
    let expected = [Market::SpotPersistent, Market::SpotOneTime, unknown, unknown, unknown];
    assert_eq!(markets(&endpoint).await, expected, "the last one is missing in the answer");
}

#[tokio::test]
async fn a_request_without_a_kind_or_an_id_says_nothing() {
    let set = format!(
        "<spotInstanceRequestSet><item>{}</item><item><type>persistent</type></item></spotInstanceRequestSet>",
        request_of(0)
    );
    let endpoint = Endpoint::in_turn([spot_instances(2), ec2::response(REQUESTS, &set, None)]);
    assert_eq!(markets(&endpoint).await, [Market::SpotUnknown; 2]);
}

#[tokio::test]
async fn other_lifecycles_are_not_spot() {
    for lifecycle in ["scheduled", "capacity-block"] {
        let lifecycle = format!("<instanceLifecycle>{lifecycle}</instanceLifecycle>");
        let endpoint = Endpoint::in_turn([ec2::instances([ec2::instance(0, &[RUNNING, OPTED_IN, &lifecycle])], None)]);
        assert_eq!(markets(&endpoint).await, [Market::OnDemand]);
    }
}

#[tokio::test]
async fn an_instance_with_a_request_counts_as_spot_whatever_its_lifecycle() {
    let described = ec2::instances([ec2::instance(0, &[RUNNING, OPTED_IN, &request_of(0)])], None);
    let endpoint = Endpoint::in_turn([described, requests([(0, "one-time")], None)]);
    assert_eq!(markets(&endpoint).await, [Market::SpotOneTime]);
}

#[tokio::test]
async fn a_look_up_that_fails_hides_no_instance_and_tells_no_kind() {
    let denied = Answer::ec2_error(403, "UnauthorizedOperation", "You are not authorized.");
    for answer in ec2::nonsense(REQUESTS).into_iter().chain([denied]) {
        let endpoint = Endpoint::in_turn([spot_instances(2), answer]);
        assert_eq!(markets(&endpoint).await, [Market::SpotUnknown; 2]);
        assert_eq!(endpoint.calls().len(), 2);
    }
}

#[tokio::test]
async fn all_pages_of_requests_are_read_and_an_empty_one_is_no_end() {
    let pages =
        [requests([(1, "one-time")], Some("two")), requests([], Some("three")), requests([(0, "persistent")], None)];
    let endpoint = Endpoint::in_turn([spot_instances(2)].into_iter().chain(pages));
    assert_eq!(markets(&endpoint).await, [Market::SpotPersistent, Market::SpotOneTime]);
    let tokens: Vec<_> = endpoint.calls_of(REQUESTS).iter().map(|call| call.values("NextToken").join(",")).collect();
    assert_eq!(tokens, ["", "two", "three"]);
}

#[tokio::test]
async fn of_pages_that_go_in_a_circle_nothing_is_believed() {
    let endpoint = Endpoint::start(|call| match call.operation.as_str() {
        "DescribeInstances" => spot_instances(1),
        _ => requests([(0, "persistent")], Some("again")),
    });
    assert_eq!(markets(&endpoint).await, [Market::SpotUnknown]);
    assert_eq!(endpoint.calls_of(REQUESTS).len(), 2);
}

#[tokio::test]
async fn one_filter_takes_two_hundred_requests_and_one_failed_call_hides_only_its_own() {
    let endpoint = Endpoint::start(|call| match call.operation.as_str() {
        "DescribeInstances" => spot_instances(201),
        _ if call.values("Filter.1.Value").len() == 200 => {
            Answer::ec2_error(403, "UnauthorizedOperation", "You are not authorized.")
        }
        _ => requests([(200, "persistent")], None),
    });
    let markets = markets(&endpoint).await;
    assert_eq!(markets[..200], [Market::SpotUnknown; 200]);
    assert_eq!(markets[200], Market::SpotPersistent);
    assert_eq!(endpoint.calls_of(REQUESTS).len(), 2);
}
