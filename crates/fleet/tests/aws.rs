//! The AWS adapter against a scripted endpoint: paging, packing, batches, and everything that is not an answer.

#[path = "support/mod.rs"]
mod support;

use ciborium::Value as Cbor;
use fleet::{ApiError, ChangeFleet, OutcomeResult, ReadFleet};
use idleness::{InstanceId, InstanceState, MetricName, Policy, RootDevice, SeriesStatus};
use jiff::Timestamp;
use support::{Answer, Call, Endpoint, field};

fn id(number: usize) -> InstanceId {
    format!("i-{number:017x}").parse().expect("valid")
}

fn ids(count: usize) -> Vec<InstanceId> {
    (0..count).map(id).collect()
}

fn now() -> Timestamp {
    "2026-11-21T20:03:17Z".parse().expect("valid")
}

fn instance_xml(number: usize) -> String {
    format!(
        "<item><reservationId>r-1</reservationId><instancesSet><item><instanceId>{}</instanceId>\
         <instanceState><code>16</code><name>running</name></instanceState>\
         <launchTime>2026-11-21T08:00:00.000Z</launchTime><rootDeviceType>instance-store</rootDeviceType>\
         <tagSet><item><key>doze</key><value>on</value></item><item><key>Name</key><value>a &lt;b&gt;</value></item></tagSet>\
         </item></instancesSet></item>",
        id(number)
    )
}

fn describe_xml(numbers: impl IntoIterator<Item = usize>, next: Option<&str>) -> Answer {
    let items = numbers.into_iter().map(instance_xml).collect::<Vec<_>>().concat();
    let next = next.map(|token| format!("<nextToken>{token}</nextToken>")).unwrap_or_default();
    Answer::xml(&format!(
        "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         <reservationSet>{items}</reservationSet>{next}</DescribeInstancesResponse>"
    ))
}

#[tokio::test]
async fn the_fleet_is_read_page_by_page_and_an_empty_page_is_no_end() {
    let endpoint =
        Endpoint::in_turn([describe_xml(0..2, Some("two")), describe_xml([], Some("three")), describe_xml(2..3, None)]);
    let fleet = endpoint.fleet().await.opted_in().await.expect("all pages are read");
    assert_eq!(fleet.iter().map(|instance| instance.id.clone()).collect::<Vec<_>>(), ids(3));
    assert_eq!(fleet[0].state, InstanceState::Running);
    assert_eq!(fleet[0].launched_at, Some("2026-11-21T08:00:00Z".parse().expect("valid")));
    assert_eq!(fleet[0].root_device, RootDevice::InstanceStore);
    assert_eq!((fleet[0].tags.get("doze"), fleet[0].tags.get("Name")), (Some("on"), Some("a <b>")));
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 3);
    for call in &calls {
        assert_eq!(call.operation, "DescribeInstances");
        assert_eq!(call.values("Filter.1.Name"), ["tag:doze"]);
        assert_eq!(call.values("Filter.1.Value"), ["on"]);
        assert_eq!(call.values("MaxResults"), ["1000"]);
    }
    assert_eq!(calls[0].values("NextToken"), Vec::<&str>::new());
    assert_eq!(calls[2].values("NextToken"), ["three"]);
}

#[tokio::test]
async fn single_instances_are_asked_for_by_filter() {
    let endpoint = Endpoint::in_turn([describe_xml([7], None)]);
    let found = endpoint.fleet().await.instances(&[id(7), id(8)]).await.expect("is read");
    assert_eq!(found.len(), 1, "an unknown id is absent, and no error");
    let call = &endpoint.calls()[0];
    assert_eq!(call.values("Filter.1.Name"), ["instance-id"]);
    assert_eq!(call.values("Filter.1.Value").len(), 2);
    assert!(call.values("InstanceId").is_empty());
}

#[tokio::test]
async fn pages_that_go_in_a_circle_end_in_an_error() {
    let endpoint = Endpoint::start(|call| {
        let next = if call.values("NextToken") == ["a"] { "b" } else { "a" };
        describe_xml(0..1, Some(next))
    });
    let error = endpoint.fleet().await.opted_in().await.expect_err("must not loop");
    assert_eq!(error.code, ApiError::BAD_ANSWER);
    assert_eq!(endpoint.calls().len(), 3);
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_never_an_empty_fleet() {
    for body in
        ["", "<html><body>Sign in</body></html>", "<DescribeInstancesResponse>", "{}", "<DescribeInstancesResponse/>"]
    {
        let endpoint = Endpoint::start(move |_| Answer::xml(body));
        let read = endpoint.fleet().await.opted_in().await;
        assert!(read.is_err(), "{body:?} was read as {read:?}");
    }
}

#[tokio::test]
async fn throttling_is_retried_and_then_named() {
    let throttled = || Answer::ec2_error(503, "RequestLimitExceeded", "Request limit exceeded.");
    let endpoint = Endpoint::in_turn([throttled(), throttled(), describe_xml(0..1, None)]);
    assert_eq!(endpoint.fleet().await.opted_in().await.expect("the third try is answered").len(), 1);

    let endpoint = Endpoint::start(move |_| throttled());
    let error = endpoint.fleet().await.opted_in().await.expect_err("it never ends");
    assert_eq!(error.to_string(), "ec2:DescribeInstances failed: RequestLimitExceeded: Request limit exceeded.");
    assert_eq!(endpoint.calls().len(), 4, "retries are bounded");
}

#[tokio::test]
async fn a_broken_connection_has_a_name() {
    let endpoint = Endpoint::start(|_| Answer::HangUp);
    let error = endpoint.fleet().await.opted_in().await.expect_err("nobody answers");
    assert_eq!(error.code, ApiError::NO_CONNECTION);
    assert!(!error.message.is_empty());
}

/// A `GetMetricData` answer: for each query of the call, whatever `result` says.
fn metric_data(call: &Call, next: Option<&str>, result: impl Fn(usize) -> (&'static str, Vec<f64>)) -> Answer {
    let queries = call.field("MetricDataQueries").and_then(Cbor::as_array).expect("has queries").len();
    let start = "2026-11-21T19:00:00Z".parse::<Timestamp>().expect("valid").as_second();
    let text = |text: &str| Cbor::Text(text.to_owned());
    let results = (0..queries).map(|index| {
        let (status, values) = result(index);
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century fit")]
        let times = (0..values.len())
            .map(|i| Cbor::Tag(1, Box::new(Cbor::Float((start + 300 * i64::try_from(i).expect("small")) as f64))));
        Cbor::Map(vec![
            (text("Id"), text(&format!("q{index}"))),
            (text("StatusCode"), text(status)),
            (text("Timestamps"), Cbor::Array(times.collect())),
            (text("Values"), Cbor::Array(values.into_iter().map(Cbor::Float).collect())),
        ])
    });
    let mut body =
        vec![(text("MetricDataResults"), Cbor::Array(results.collect())), (text("Messages"), Cbor::Array(Vec::new()))];
    if let Some(token) = next {
        body.push((text("NextToken"), text(token)));
    }
    Answer::cbor(&Cbor::Map(body))
}

#[tokio::test]
async fn metrics_are_asked_for_in_full_batches_never_one_call_an_instance() {
    let endpoint = Endpoint::start(|call| metric_data(call, None, |_| ("Complete", vec![0.5; 12])));
    let policy = Policy::dev_box();
    let evidence = endpoint.fleet().await.evidence(&ids(250), &policy, now()).await.expect("is measured");
    assert_eq!(evidence.len(), 250);
    let series = evidence[&id(249)].series(MetricName::EbsWriteOps).expect("every metric is there");
    assert_eq!((series.status, series.points.len()), (SeriesStatus::Complete, 12));

    // 250 instances with 5 metrics each, 500 queries a call.
    let calls = endpoint.calls();
    let mut sizes: Vec<_> = calls
        .iter()
        .map(|call| call.field("MetricDataQueries").and_then(Cbor::as_array).expect("has queries").len())
        .collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [250, 500, 500]);
}

#[tokio::test]
async fn a_query_names_metric_instance_period_and_statistic() {
    let endpoint = Endpoint::start(|call| metric_data(call, None, |_| ("Complete", Vec::new())));
    endpoint.fleet().await.evidence(&ids(1), &Policy::dev_box(), now()).await.expect("is measured");
    let call = &endpoint.calls()[0];
    let queries = call.field("MetricDataQueries").and_then(Cbor::as_array).expect("has queries");
    let described: Vec<String> = queries
        .iter()
        .map(|query| {
            let stat = field(query, "MetricStat").expect("has a statistic");
            let metric = field(stat, "Metric").expect("has a metric");
            let dimension = &field(metric, "Dimensions").and_then(Cbor::as_array).expect("has dimensions")[0];
            let text = |map: &Cbor, name: &str| field(map, name).and_then(Cbor::as_text).unwrap_or_default().to_owned();
            format!(
                "{} {} {}={} {} {:?}",
                text(metric, "Namespace"),
                text(metric, "MetricName"),
                text(dimension, "Name"),
                text(dimension, "Value"),
                text(stat, "Stat"),
                field(stat, "Period").and_then(Cbor::as_integer).map(i128::from)
            )
        })
        .collect();
    assert_eq!(
        described,
        [
            "AWS/EC2 CPUUtilization InstanceId=i-00000000000000000 Maximum Some(300)",
            "AWS/EC2 NetworkIn InstanceId=i-00000000000000000 Sum Some(300)",
            "AWS/EC2 NetworkOut InstanceId=i-00000000000000000 Sum Some(300)",
            "AWS/EC2 EBSReadOps InstanceId=i-00000000000000000 Sum Some(300)",
            "AWS/EC2 EBSWriteOps InstanceId=i-00000000000000000 Sum Some(300)",
        ]
    );
    let seconds = |name: &str| match call.field(name) {
        Some(Cbor::Tag(1, seconds)) => match **seconds {
            Cbor::Integer(seconds) => i128::from(seconds),
            #[expect(clippy::cast_possible_truncation, reason = "the test asks for whole seconds of this century")]
            Cbor::Float(seconds) => seconds as i128,
            ref other => panic!("{name} is {other:?}"),
        },
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!(seconds("EndTime") - seconds("StartTime"), 65 * 60, "an hour, and the period still running");
}

#[tokio::test]
async fn the_pages_of_one_answer_are_put_together_and_the_last_status_counts() {
    let endpoint = Endpoint::start(|call| match call.field("NextToken") {
        None => metric_data(call, Some("more"), |_| ("PartialData", vec![1.0; 3])),
        Some(_) => {
            metric_data(
                call,
                None,
                |index| if index == 0 { ("Complete", vec![2.0; 9]) } else { ("Forbidden", Vec::new()) },
            )
        }
    });
    let evidence = endpoint.fleet().await.evidence(&ids(1), &Policy::dev_box(), now()).await.expect("is measured");
    let cpu = evidence[&id(0)].series(MetricName::CpuUtilization).expect("is there");
    assert_eq!((cpu.status, cpu.points.len()), (SeriesStatus::Complete, 12));
    assert_eq!(evidence[&id(0)].series(MetricName::NetworkIn).expect("is there").status, SeriesStatus::Forbidden);
}

#[tokio::test]
async fn a_metric_that_the_answer_does_not_mention_is_absent() {
    let empty = Cbor::Map(vec![(Cbor::Text("MetricDataResults".to_owned()), Cbor::Array(Vec::new()))]);
    let endpoint = Endpoint::start(move |_| Answer::cbor(&empty));
    let evidence = endpoint.fleet().await.evidence(&ids(1), &Policy::dev_box(), now()).await.expect("is answered");
    assert_eq!(
        evidence[&id(0)].series(MetricName::CpuUtilization).expect("was asked for").status,
        SeriesStatus::Absent
    );
}

fn stop_xml(ids: &[&str]) -> Answer {
    stop_xml_to("stopping", ids)
}

fn stop_xml_to(state: &str, ids: &[&str]) -> Answer {
    let item = |id: &&str| {
        format!(
            "<item><instanceId>{id}</instanceId><currentState><code>0</code><name>{state}</name></currentState>\
             <previousState><code>16</code><name>running</name></previousState></item>"
        )
    };
    let items = ids.iter().map(item).collect::<Vec<_>>().concat();
    Answer::xml(&format!(
        "<StopInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>\
         <instancesSet>{items}</instancesSet></StopInstancesResponse>"
    ))
}

#[tokio::test]
async fn one_bad_id_does_not_hold_up_the_others() {
    let endpoint = Endpoint::start(|call| {
        let ids = call.values("InstanceId");
        let bad = id(30).to_string();
        if ids.contains(&bad.as_str()) {
            return Answer::ec2_error(
                400,
                "InvalidInstanceID.NotFound",
                &format!("The instance ID '{bad}' does not exist"),
            );
        }
        stop_xml(&ids)
    });
    let outcomes = endpoint.fleet().await.stop(&ids(60)).await;
    assert_eq!(outcomes.len(), 60);
    assert_eq!(outcomes.iter().filter(|outcome| outcome.result == OutcomeResult::Done).count(), 59);
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_failed()).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].instance, id(30));
    assert!(matches!(&failed[0].result, OutcomeResult::Failed { code, .. } if code == "InvalidInstanceID.NotFound"));
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 3, "50, the same without the bad one, and the last 10");
    for call in &calls {
        assert_eq!(call.operation, "StopInstances");
        assert!(
            call.values("Force").is_empty()
                && call.values("Hibernate").is_empty()
                && call.values("SkipOsShutdown").is_empty()
        );
    }
}

#[tokio::test]
async fn a_stop_says_from_which_state_to_which() {
    let endpoint = Endpoint::in_turn([stop_xml(&[id(0).as_str()])]);
    let outcomes = endpoint.fleet().await.stop(&ids(1)).await;
    assert_eq!((outcomes[0].from, outcomes[0].to), (Some(InstanceState::Running), Some(InstanceState::Stopping)));
}

#[tokio::test]
async fn an_accepted_stop_that_does_not_mention_the_instance_is_not_a_stop() {
    let still_running = stop_xml_to("running", &[id(0).as_str()]);
    for answer in [stop_xml(&[]), Answer::xml(""), Answer::xml("<html/>"), stop_xml(&[id(9).as_str()]), still_running] {
        let endpoint = Endpoint::in_turn([answer]);
        let outcomes = endpoint.fleet().await.stop(&ids(1)).await;
        assert_eq!(outcomes.len(), 1);
        assert!(outcomes[0].is_failed(), "{:?}", outcomes[0]);
    }
}

#[tokio::test]
async fn a_denial_is_not_retried_and_its_encoded_message_is_dropped() {
    let endpoint = Endpoint::start(|call| {
        let message = format!(
            "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/r/s is not authorized to \
             perform: ec2:StopInstances on resource: arn:aws:ec2:eu-west-1:1:instance/{}. Encoded authorization failure \
             message: 4GIOHlTkIaWHQD0Q0m6XSnuUMCm",
            call.values("InstanceId")[0]
        );
        Answer::ec2_error(403, "UnauthorizedOperation", &message)
    });
    let outcomes = endpoint.fleet().await.stop(&ids(1)).await;
    let OutcomeResult::Failed { code, message } = &outcomes[0].result else { panic!("{outcomes:?}") };
    assert_eq!(code, "UnauthorizedOperation");
    assert!(message.contains("ec2:StopInstances") && message.contains(id(0).as_str()) && !message.contains("4GIOH"));
    assert_eq!(endpoint.calls().len(), 1);
}

#[tokio::test]
async fn tags_go_to_all_instances_of_a_batch_in_one_call() {
    let done = "<CreateTagsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><return>true</return></CreateTagsResponse>";
    let endpoint = Endpoint::start(move |_| Answer::xml(done));
    let tags = [("doze:stopped-at", "2026-11-21T20:03:17Z"), ("doze:stopped-because", "idle")];
    assert!(endpoint.fleet().await.tag(&ids(3), &tags).await.is_empty());
    let calls = endpoint.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].values("ResourceId").len(), 3);
    assert_eq!(calls[0].values("Tag.1"), ["doze:stopped-at", "2026-11-21T20:03:17Z"]);
    assert_eq!(calls[0].values("Tag.2"), ["doze:stopped-because", "idle"]);
}

#[tokio::test]
async fn tags_are_taken_off_by_their_keys_alone() {
    let done = "<DeleteTagsResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><return>true</return></DeleteTagsResponse>";
    let endpoint = Endpoint::start(move |_| Answer::xml(done));
    assert!(endpoint.fleet().await.untag(&ids(2), &["doze:stopped-at"]).await.is_empty());
    let call = &endpoint.calls()[0];
    assert_eq!((call.operation.as_str(), call.values("ResourceId").len()), ("DeleteTags", 2));
    assert_eq!(call.values("Tag."), ["doze:stopped-at"]);
}
