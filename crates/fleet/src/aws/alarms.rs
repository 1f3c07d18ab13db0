//! `ReadAlarms` by `DescribeAlarms` and `DescribeAlarmContributors`.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::types::{AlarmType, Dimension, MetricAlarm};

use super::{AwsFleet, discover::INSTANCE_DIMENSION, error::api_error, pages::Pages};
use crate::{Alarm, ApiError, ReadAlarms, Watches};

pub(super) const DESCRIBE: &str = "cloudwatch:DescribeAlarms";
const DESCRIBE_CONTRIBUTORS: &str = "cloudwatch:DescribeAlarmContributors";
/// The most names one call takes, and the largest page.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const NAMES_PER_CALL: usize = 100;
pub(super) const ALARMS_PER_PAGE: i32 = 100;

impl ReadAlarms for AwsFleet {
    async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, ApiError> {
        let mut alarms = Vec::new();
        for names in names.chunks(NAMES_PER_CALL) {
            let mut pages = Pages::default();
            loop {
                let call = self.cloudwatch().describe_alarms().set_alarm_names(Some(names.to_vec()));
                let call = call.alarm_types(AlarmType::MetricAlarm).alarm_types(AlarmType::CompositeAlarm);
                let call = call.max_records(ALARMS_PER_PAGE).set_next_token(pages.token());
                let page = call.send().await.map_err(|error| api_error(DESCRIBE, &error))?;
                alarms.extend(page.metric_alarms.unwrap_or_default().into_iter().filter_map(metric_alarm));
                let composites = page.composite_alarms.unwrap_or_default().into_iter();
                alarms.extend(
                    composites.filter_map(|alarm| Some(Alarm { name: alarm.alarm_name?, watches: Watches::Alarms })),
                );
                if !pages.turn(DESCRIBE, page.next_token)? {
                    break;
                }
            }
        }
        Ok(alarms)
    }

    /// CloudWatch tells no more than the children's names here, and takes no other parameter beside the parent's.
    async fn children(&self, alarm: &str) -> Result<Vec<String>, ApiError> {
        let mut names = Vec::new();
        let mut pages = Pages::default();
        loop {
            let call = self.cloudwatch().describe_alarms().children_of_alarm_name(alarm);
            let call = call.max_records(ALARMS_PER_PAGE).set_next_token(pages.token());
            let page = call.send().await.map_err(|error| api_error(DESCRIBE, &error))?;
            names.extend(page.metric_alarms.unwrap_or_default().into_iter().filter_map(|child| child.alarm_name));
            names.extend(page.composite_alarms.unwrap_or_default().into_iter().filter_map(|child| child.alarm_name));
            if !pages.turn(DESCRIBE, page.next_token)? {
                return Ok(names);
            }
        }
    }

    async fn contributors(&self, alarm: &str) -> Result<BTreeSet<String>, ApiError> {
        let mut instances = BTreeSet::new();
        let mut pages = Pages::default();
        loop {
            let call = self.cloudwatch().describe_alarm_contributors().alarm_name(alarm);
            let page = call.set_next_token(pages.token()).send().await;
            let page = page.map_err(|error| api_error(DESCRIBE_CONTRIBUTORS, &error))?;
            let contributors = page.alarm_contributors.unwrap_or_default().into_iter();
            let attributes = contributors.filter_map(|contributor| contributor.contributor_attributes);
            instances.extend(attributes.filter_map(|mut attributes| attributes.remove(INSTANCE_DIMENSION)));
            if !pages.turn(DESCRIBE_CONTRIBUTORS, page.next_token)? {
                return Ok(instances);
            }
        }
    }
}

fn metric_alarm(alarm: MetricAlarm) -> Option<Alarm> {
    let queries = alarm.metrics.unwrap_or_default();
    let expressions = queries.iter().filter_map(|query| query.expression.as_deref());
    if expressions.into_iter().any(Watches::is_metrics_insights) {
        return Some(Alarm { name: alarm.alarm_name?, watches: Watches::Contributors });
    }
    let of_expressions = queries.into_iter().filter_map(|query| query.metric_stat?.metric?.dimensions);
    let dimensions = alarm.dimensions.into_iter().chain(of_expressions).flatten();
    let is_instance = |dimension: &Dimension| dimension.name.as_deref() == Some(INSTANCE_DIMENSION);
    let instances = dimensions.filter(is_instance).filter_map(|dimension| dimension.value).collect();
    Some(Alarm { name: alarm.alarm_name?, watches: Watches::Instances(instances) })
}
