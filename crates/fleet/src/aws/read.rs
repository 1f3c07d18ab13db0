//! `ReadFleet` by `DescribeInstances` and `GetMetricData`.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use aws_sdk_ec2::types::{DeviceType, Filter};
use aws_smithy_types::DateTime;
use futures_util::{StreamExt, TryStreamExt, stream};
use idleness::{
    Datapoint, Evidence, Instance, InstanceId, InstanceState, MetricName, OPT_IN_TAG, Policy, RootDevice, Series,
    SeriesStatus, Statistic, Tags,
};
use jiff::Timestamp;

use super::{AwsFleet, error::api_error};
use crate::{ApiError, ReadFleet, queries_per_call};

const DESCRIBE: &str = "ec2:DescribeInstances";
const MEASURE: &str = "cloudwatch:GetMetricData";
/// The largest page; <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>.
const INSTANCES_PER_PAGE: i32 = 1000;
/// The most values one filter takes.
const IDS_PER_FILTER: usize = 200;
/// Each call at once is a connection of its own; more than this gains nothing.
const CALLS_AT_ONCE: usize = 8;

impl ReadFleet for AwsFleet {
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError> {
        self.describe(Filter::builder().name(format!("tag:{OPT_IN_TAG}")).values("on").build()).await
    }

    /// Asks by filter rather than by id, since one unknown id fails a whole call by id.
    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError> {
        let mut instances = Vec::new();
        for ids in ids.chunks(IDS_PER_FILTER) {
            let values = ids.iter().map(|id| id.as_str().to_owned()).collect();
            instances
                .extend(self.describe(Filter::builder().name("instance-id").set_values(Some(values)).build()).await?);
        }
        Ok(instances)
    }

    async fn evidence(
        &self,
        ids: &[InstanceId],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        let queries: Vec<Query> = ids.iter().flat_map(|instance| queries_for(instance, policy)).collect();
        let measured: Vec<Vec<Series>> = stream::iter(queries.chunks(queries_per_call(policy)))
            .map(|queries| self.measure(queries, policy, now))
            .buffered(CALLS_AT_ONCE)
            .try_collect()
            .await?;
        let mut evidence: BTreeMap<InstanceId, Evidence> = BTreeMap::new();
        for (query, series) in queries.iter().zip(measured.into_iter().flatten()) {
            evidence.entry(query.instance.clone()).or_default().insert(query.metric, series);
        }
        Ok(evidence)
    }
}

impl AwsFleet {
    async fn describe(&self, filter: Filter) -> Result<Vec<Instance>, ApiError> {
        let mut instances = Vec::new();
        let mut pages = Pages::default();
        loop {
            let call = self.ec2.describe_instances().filters(filter.clone()).max_results(INSTANCES_PER_PAGE);
            let page = call.set_next_token(pages.token()).send().await.map_err(|error| api_error(DESCRIBE, &error))?;
            // An answer without the list is no answer; an empty list is one.
            let reservations = page.reservations.ok_or_else(|| {
                ApiError::new(DESCRIBE, ApiError::BAD_ANSWER, "the answer has no list of reservations")
            })?;
            let described = reservations.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
            instances.extend(described.filter_map(instance));
            if !pages.turn(DESCRIBE, page.next_token)? {
                return Ok(instances);
            }
        }
    }

    /// One batch of queries, all its pages: one series a query, in the order of the queries.
    async fn measure(&self, queries: &[Query<'_>], policy: &Policy, now: Timestamp) -> Result<Vec<Series>, ApiError> {
        let window = policy.window(now);
        let wire_queries: Vec<MetricDataQuery> =
            queries.iter().enumerate().map(|(index, query)| query.to_wire(index, policy)).collect();
        let mut series = vec![Series::default(); queries.len()];
        let mut pages = Pages::default();
        loop {
            let page = self
                .cloudwatch
                .get_metric_data()
                .set_metric_data_queries(Some(wire_queries.clone()))
                .start_time(DateTime::from_secs(window.from.as_second()))
                .end_time(DateTime::from_secs(window.open_until.as_second()))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(pages.token())
                .send()
                .await
                .map_err(|error| api_error(MEASURE, &error))?;
            for message in page.messages.unwrap_or_default() {
                tracing::warn!(
                    operation = MEASURE,
                    code = message.code.unwrap_or_default(),
                    detail = message.value.unwrap_or_default(),
                    "CloudWatch added a message to its answer"
                );
            }
            for result in page.metric_data_results.unwrap_or_default() {
                let index = result.id.as_deref().and_then(Query::index);
                if let Some(series) = index.and_then(|index| series.get_mut(index)) {
                    extend(series, result);
                }
            }
            if !pages.turn(MEASURE, page.next_token)? {
                return Ok(series);
            }
        }
    }
}

/// The token from page to page. One that comes again would have us read the same pages for ever.
#[derive(Default)]
struct Pages {
    seen: Vec<String>,
}

impl Pages {
    fn token(&self) -> Option<String> {
        self.seen.last().cloned()
    }

    /// Takes the token of the page just read; whether there is another page.
    fn turn(&mut self, operation: &'static str, token: Option<String>) -> Result<bool, ApiError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(false) };
        if self.seen.contains(&token) {
            return Err(ApiError::new(operation, ApiError::BAD_ANSWER, "the pages of the answer go in a circle"));
        }
        self.seen.push(token);
        Ok(true)
    }
}

/// One metric of one instance.
struct Query<'a> {
    instance: &'a InstanceId,
    metric: MetricName,
    statistic: Statistic,
}

fn queries_for<'a>(instance: &'a InstanceId, policy: &'a Policy) -> impl Iterator<Item = Query<'a>> {
    policy.signals.iter().flat_map(move |signal| {
        signal.metrics.iter().map(move |metric| Query { instance, metric: *metric, statistic: signal.statistic })
    })
}

impl Query<'_> {
    fn to_wire(&self, index: usize, policy: &Policy) -> MetricDataQuery {
        let metric = Metric::builder()
            .namespace("AWS/EC2")
            .metric_name(self.metric.as_str())
            .dimensions(Dimension::builder().name("InstanceId").value(self.instance.as_str()).build())
            .build();
        let period = i32::try_from(policy.period.as_secs()).unwrap_or(i32::MAX);
        let stat = MetricStat::builder().metric(metric).period(period).stat(self.statistic.as_str()).build();
        MetricDataQuery::builder().id(format!("q{index}")).metric_stat(stat).return_data(true).build()
    }

    /// The inverse of the id given in `to_wire`.
    fn index(id: &str) -> Option<usize> {
        id.strip_prefix('q')?.parse().ok()
    }
}

/// Adds one page's part of a series. The last page's status is the series' status.
fn extend(series: &mut Series, result: MetricDataResult) {
    series.status = match result.status_code {
        Some(StatusCode::Complete) => SeriesStatus::Complete,
        Some(StatusCode::PartialData) => SeriesStatus::PartialData,
        Some(StatusCode::InternalError) => SeriesStatus::InternalError,
        Some(StatusCode::Forbidden) => SeriesStatus::Forbidden,
        _ => SeriesStatus::Absent,
    };
    let points = result.timestamps.unwrap_or_default().into_iter().zip(result.values.unwrap_or_default());
    series.points.extend(points.filter_map(|(at, value)| Some(Datapoint { at: timestamp(&at)?, value })));
}

/// An instance as EC2 describes it; `None` if it has no id that we could act on.
fn instance(described: aws_sdk_ec2::types::Instance) -> Option<Instance> {
    let state = described.state.and_then(|state| state.name);
    let tags = described.tags.unwrap_or_default();
    Some(Instance {
        id: described.instance_id?.parse().ok()?,
        state: state.map_or(InstanceState::Unknown, |name| InstanceState::from_name(name.as_str())),
        launched_at: described.launch_time.as_ref().and_then(timestamp),
        root_device: match described.root_device_type.as_ref().map(DeviceType::as_str) {
            Some("ebs") => RootDevice::Ebs,
            Some("instance-store") => RootDevice::InstanceStore,
            _ => RootDevice::Unknown,
        },
        tags: tags.into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect::<Tags>(),
    })
}

fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}
