//! Datapoints by `GetMetricData`.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode};
use aws_smithy_types::DateTime;
use futures_util::future::try_join_all;
use idleness::{
    Datapoint, Evidence, Instance, InstanceId, Measure, Part, Policy, Series, SeriesStatus, Signal, Window,
};
use jiff::Timestamp;

use super::{
    AwsFleet,
    describe::timestamp,
    discover::{Discovered, INSTANCE_DIMENSION},
    error::api_error,
    pages::Pages,
};
use crate::{
    ApiError,
    packing::{CallKind, call_kind, queries_per_call},
};

const MEASURE: &str = "cloudwatch:GetMetricData";

/// An instance, and what is asked about it.
pub(super) struct Asked<'a> {
    pub(super) instance: &'a Instance,
    pub(super) policy: &'a Policy,
    pub(super) measures: Vec<(&'a Signal, Measure)>,
}

/// One series of one instance.
struct Query<'a> {
    instance: &'a InstanceId,
    measure: &'a Measure,
    /// None where they are the instance's id alone: most are, and there are thousands.
    dimensions: Vec<Dimension>,
}

impl AwsFleet {
    /// Measures a part of what the policies ask for. Queries of the same window share calls.
    pub(super) async fn measure_all(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError> {
        let ask = |&(instance, policy)| Asked { instance, policy, measures: Policy::measures(policy, part, instance) };
        let asked: Vec<Asked<'_>> = subjects.iter().map(ask).collect();
        let discovered = self.discover(&asked).await?;
        let queries = queries_by_kind(&asked, &discovered, now);
        let batches = queries.iter().flat_map(|((window, points), queries)| {
            queries.chunks(queries_per_call(*points)).map(move |batch| (window, batch))
        });
        let measured = try_join_all(batches.clone().map(|(window, batch)| self.measure(batch, window))).await?;
        let nothing_yet = |Asked { instance, measures, .. }: &Asked<'_>| {
            (instance.id.clone(), Evidence::of_asked(measures.iter().map(|(_, measure)| measure.clone())))
        };
        let mut evidence: BTreeMap<InstanceId, Evidence> = asked.iter().map(nothing_yet).collect();
        for (query, series) in batches.flat_map(|(_, batch)| batch).zip(measured.into_iter().flatten()) {
            evidence.entry(query.instance.clone()).or_default().add(query.measure.clone(), series);
        }
        Ok(evidence)
    }

    /// One batch of queries, all its pages: one series a query, in the order of the queries.
    async fn measure(&self, queries: &[Query<'_>], window: &Window) -> Result<Vec<Series>, ApiError> {
        // It is never closed.
        let _turn = self.measuring.acquire().await;
        let mut series = vec![Series::default(); queries.len()];
        let mut pages = Pages::default();
        loop {
            let page = self
                .cloudwatch()
                .get_metric_data()
                .set_metric_data_queries(Some(to_wire(queries)))
                .start_time(DateTime::from_secs(window.from.as_second()))
                .end_time(DateTime::from_secs(window.open_until.as_second()))
                .scan_by(ScanBy::TimestampAscending)
                .set_next_token(pages.token())
                .send()
                .await
                .map_err(|error| api_error(MEASURE, &error))?;
            for message in page.messages() {
                tracing::warn!(
                    operation = MEASURE,
                    code = message.code().unwrap_or_default(),
                    detail = message.value().unwrap_or_default(),
                    "CloudWatch added a message to its answer"
                );
            }
            let no_list = || ApiError::new(MEASURE, ApiError::BAD_ANSWER, "the answer has no list of results");
            for result in page.metric_data_results.as_ref().ok_or_else(no_list)? {
                let index = result.id().and_then(Query::index);
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

/// All queries, by what they must have in common to share a call.
fn queries_by_kind<'a>(
    asked: &'a [Asked<'a>],
    discovered: &Discovered,
    now: Timestamp,
) -> BTreeMap<CallKind, Vec<Query<'a>>> {
    let mut queries: BTreeMap<CallKind, Vec<Query<'a>>> = BTreeMap::new();
    for Asked { instance, policy, measures } in asked {
        for (signal, measure) in measures {
            let of_series = |dimensions| Query { instance: &instance.id, measure, dimensions };
            let series = discovered.series(&measure.metric, instance).into_iter().map(of_series);
            queries.entry(call_kind(policy, signal, now)).or_default().extend(series);
        }
    }
    queries
}

fn to_wire(queries: &[Query<'_>]) -> Vec<MetricDataQuery> {
    queries.iter().enumerate().map(|(index, query)| query.to_wire(index)).collect()
}

impl Query<'_> {
    fn to_wire(&self, index: usize) -> MetricDataQuery {
        let Measure { metric, statistic, period } = self.measure;
        let own = || vec![Dimension::builder().name(INSTANCE_DIMENSION).value(self.instance.as_str()).build()];
        let dimensions = if self.dimensions.is_empty() { own() } else { self.dimensions.clone() };
        let metric = Metric::builder()
            .namespace(metric.namespace.as_ref())
            .metric_name(metric.name.as_ref())
            .set_dimensions(Some(dimensions))
            .build();
        let period = i32::try_from(period.as_secs()).unwrap_or(i32::MAX);
        let stat = MetricStat::builder().metric(metric).period(period).stat(statistic.as_str()).build();
        MetricDataQuery::builder().id(format!("q{index}")).metric_stat(stat).return_data(true).build()
    }

    /// The inverse of the id given in `to_wire`.
    fn index(id: &str) -> Option<usize> {
        id.strip_prefix('q')?.parse().ok()
    }
}

/// Adds one page's part of a series. The last page's status is the series' status.
fn extend(series: &mut Series, result: &MetricDataResult) {
    series.status = match result.status_code() {
        Some(StatusCode::Complete) => SeriesStatus::Complete,
        Some(StatusCode::PartialData) => SeriesStatus::PartialData,
        Some(StatusCode::InternalError) => SeriesStatus::InternalError,
        Some(StatusCode::Forbidden) => SeriesStatus::Forbidden,
        _ => SeriesStatus::Unanswered,
    };
    let points = result.timestamps().iter().zip(result.values());
    // They are kept for thousands of series.
    series.points.reserve_exact(points.len());
    series.points.extend(points.filter_map(|(at, value)| Some(Datapoint { at: timestamp(at)?, value: *value })));
}
