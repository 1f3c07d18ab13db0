//! `KeepAlarms` by `DescribeAlarms`, `PutMetricAlarm` and `DeleteAlarms`.

use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, Dimension, MetricAlarm, Statistic};

use super::{
    AwsFleet,
    alarms::{ALARMS_PER_PAGE, DESCRIBE},
    discover::INSTANCE_DIMENSION,
    error::api_error,
    pages::Pages,
};
use crate::{ApiError, IdleAlarm, KeepAlarms, KeptAlarm};

const PUT: &str = "cloudwatch:PutMetricAlarm";
const DELETE: &str = "cloudwatch:DeleteAlarms";
/// Idle is what does not exceed the limit.
const COMPARISON: ComparisonOperator = ComparisonOperator::LessThanOrEqualToThreshold;
/// Silence is no sign of idleness, and a stopped instance is silent.
const MISSING_DATA: &str = "missing";

impl KeepAlarms for AwsFleet {
    async fn kept_alarms(&self, prefix: &str) -> Result<Vec<KeptAlarm>, ApiError> {
        let mut alarms = Vec::new();
        let mut pages = Pages::default();
        loop {
            let call =
                self.cloudwatch().describe_alarms().alarm_name_prefix(prefix).alarm_types(AlarmType::MetricAlarm);
            let call = call.max_records(ALARMS_PER_PAGE).set_next_token(pages.token());
            let page = call.send().await.map_err(|error| api_error(DESCRIBE, &error))?;
            alarms.extend(page.metric_alarms.unwrap_or_default().into_iter().filter_map(kept));
            if !pages.turn(DESCRIBE, page.next_token)? {
                return Ok(alarms);
            }
        }
    }

    async fn put_alarm(&self, alarm: &IdleAlarm) -> Result<(), ApiError> {
        let dimension = Dimension::builder().name(INSTANCE_DIMENSION).value(&alarm.instance).build();
        let call = self.cloudwatch().put_metric_alarm().alarm_name(&alarm.name).alarm_description(&alarm.description);
        let call = call.namespace(&alarm.namespace).metric_name(&alarm.metric).dimensions(dimension);
        let call = call.statistic(Statistic::from(alarm.statistic.as_str())).period(alarm.period_seconds);
        let call = call.evaluation_periods(alarm.periods).datapoints_to_alarm(alarm.datapoints);
        let call = call.comparison_operator(COMPARISON).threshold(alarm.threshold);
        let call = call.treat_missing_data(MISSING_DATA).alarm_actions(&alarm.action);
        call.send().await.map_err(|error| api_error(PUT, &error))?;
        Ok(())
    }

    async fn remove_alarms(&self, names: &[String]) -> Result<(), ApiError> {
        let call = self.cloudwatch().delete_alarms().set_alarm_names(Some(names.to_vec()));
        match call.send().await.map_err(|error| api_error(DELETE, &error)) {
            // Somebody else was faster; whatever is left, the next look finds.
            Err(error) if error.code == "ResourceNotFound" => Ok(()),
            ended => ended.map(drop),
        }
    }
}

fn kept(alarm: MetricAlarm) -> Option<KeptAlarm> {
    Some(KeptAlarm { name: alarm.alarm_name.clone()?, alarm: idle_alarm(alarm) })
}

/// The alarm, if it is nothing beyond what `put_alarm` makes. Whether its actions are switched off is the user's business.
fn idle_alarm(alarm: MetricAlarm) -> Option<IdleAlarm> {
    let [dimension] = alarm.dimensions?.try_into().ok()?;
    let [action] = alarm.alarm_actions?.try_into().ok()?;
    let is_plain = alarm.comparison_operator? == COMPARISON
        && alarm.treat_missing_data.is_none_or(|treatment| treatment == MISSING_DATA)
        && alarm.ok_actions.is_none_or(|actions| actions.is_empty())
        && alarm.insufficient_data_actions.is_none_or(|actions| actions.is_empty())
        && dimension.name.as_deref() == Some(INSTANCE_DIMENSION);
    let periods = alarm.evaluation_periods?;
    is_plain.then_some(IdleAlarm {
        name: alarm.alarm_name?,
        description: alarm.alarm_description?,
        instance: dimension.value?,
        namespace: alarm.namespace?,
        metric: alarm.metric_name?,
        statistic: alarm.statistic?.as_str().to_owned(),
        period_seconds: alarm.period?,
        periods,
        datapoints: alarm.datapoints_to_alarm.unwrap_or(periods),
        threshold: alarm.threshold?,
        action,
    })
}
