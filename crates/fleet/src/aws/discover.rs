//! Which series a metric has whose dimensions nobody can guess: those of the CloudWatch agent, say.

use std::collections::BTreeMap;

use aws_sdk_cloudwatch::types::{Dimension, DimensionFilter, RecentlyActive};
use futures_util::{StreamExt, TryStreamExt, stream};
use idleness::{Dimensions, Instance, Metric};
use jiff::SignedDuration;

use super::{AwsFleet, CALLS_AT_ONCE, error::api_error, measure::Asked, pages::Pages};
use crate::ApiError;

const LIST: &str = "cloudwatch:ListMetrics";
pub(super) const INSTANCE_DIMENSION: &str = "InstanceId";
/// The one span that `ListMetrics` narrows its answer to. Without it the answer goes back two weeks.
const RECENTLY: SignedDuration = SignedDuration::from_hours(3);

/// The series of the metrics that had to be listed: by metric and instance, one list of dimensions a series.
#[derive(Default)]
pub(super) struct Discovered(BTreeMap<Metric, BTreeMap<String, Vec<Vec<Dimension>>>>);

impl Discovered {
    /// The dimensions of each series that the metric has of this instance; none where they are the instance's id alone.
    pub(super) fn series(&self, metric: &Metric, instance: &Instance) -> Vec<Vec<Dimension>> {
        let id = instance.id.as_str();
        match metric.dimensions {
            Dimensions::InstanceId => vec![Vec::new()],
            Dimensions::Discovered => {
                self.0.get(metric).and_then(|instances| instances.get(id)).cloned().unwrap_or_default()
            }
        }
    }
}

/// What is to be listed: of which metric, since when, and of which instance alone, if it is one.
struct Listing<'a> {
    metric: &'a Metric,
    only_recent: bool,
    only_instance: Option<&'a str>,
}

impl AwsFleet {
    /// Lists each metric that needs it once for all instances. Series that were silent for the whole lookback are left out
    /// as far as `ListMetrics` can tell: what was renamed or resized two weeks ago says nothing about today.
    pub(super) async fn discover(&self, asked: &[Asked<'_>]) -> Result<Discovered, ApiError> {
        let mut listings: BTreeMap<&Metric, Listing<'_>> = BTreeMap::new();
        for Asked { instance, policy, measures } in asked {
            let metrics = measures.iter().map(|(_, measure)| &measure.metric);
            for metric in metrics.filter(|metric| metric.dimensions == Dimensions::Discovered) {
                let only_recent = policy.lookback <= RECENTLY;
                let only_instance = Some(instance.id.as_str());
                let listing = listings.entry(metric).or_insert(Listing { metric, only_recent, only_instance });
                listing.only_recent &= only_recent;
                listing.only_instance = listing.only_instance.filter(|only| Some(*only) == only_instance);
            }
        }
        let listed: Vec<_> = stream::iter(listings.into_values())
            .map(|listing| async move { Ok::<_, ApiError>((listing.metric.clone(), self.list(&listing).await?)) })
            .buffered(CALLS_AT_ONCE)
            .try_collect()
            .await?;
        Ok(Discovered(listed.into_iter().collect()))
    }

    async fn list(&self, listing: &Listing<'_>) -> Result<BTreeMap<String, Vec<Vec<Dimension>>>, ApiError> {
        let filter = DimensionFilter::builder().name(INSTANCE_DIMENSION);
        let filter = filter.set_value(listing.only_instance.map(str::to_owned)).build();
        let mut found: BTreeMap<String, Vec<Vec<Dimension>>> = BTreeMap::new();
        let mut pages = Pages::default();
        loop {
            let page = self
                .cloudwatch()
                .list_metrics()
                .namespace(listing.metric.namespace.as_ref())
                .metric_name(listing.metric.name.as_ref())
                .dimensions(filter.clone())
                .set_recently_active(listing.only_recent.then_some(RecentlyActive::Pt3H))
                .set_next_token(pages.token())
                .send()
                .await
                .map_err(|error| api_error(LIST, &error))?;
            for metric in page.metrics.unwrap_or_default() {
                let dimensions = metric.dimensions.unwrap_or_default();
                let instance =
                    dimensions.iter().find(|dimension| dimension.name.as_deref() == Some(INSTANCE_DIMENSION));
                if let Some(instance) = instance.and_then(|dimension| dimension.value.clone()) {
                    found.entry(instance).or_default().push(dimensions);
                }
            }
            if !pages.turn(LIST, page.next_token)? {
                return Ok(found);
            }
        }
    }
}
