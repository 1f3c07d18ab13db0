//! What the functions ask of the fleet. Implemented by the AWS adapter, and by a fake in tests.
#![expect(async_fn_in_trait, reason = "the functions run on one thread, so no caller needs the futures to be `Send`")]

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{Stream, stream};
use idleness::{Evidence, Instance, InstanceId, Part, Policy, StopProtection};
use jiff::Timestamp;

use crate::{ApiError, Outcome, Refused};

/// Reads: nothing here changes anything.
pub trait ReadFleet {
    /// All instances with the tag `doze=on`, in whatever state.
    ///
    /// # Errors
    /// EC2 did not show the whole fleet; a part of it is never returned.
    async fn opted_in(&self) -> Result<Vec<Instance>, ApiError>;

    /// The same, page by page, so that something can be done about one while the next is described. An instance that moves from
    /// one page to the next meanwhile is in both. After an error come no more pages, and those before it are not the fleet.
    fn opted_in_by_page(&self) -> impl Stream<Item = Result<Vec<Instance>, ApiError>> {
        stream::once(self.opted_in())
    }

    /// The instances of these ids, opted in or not. An id that EC2 does not know is absent from the answer.
    ///
    /// # Errors
    /// EC2 did not answer.
    async fn instances(&self, ids: &[InstanceId]) -> Result<Vec<Instance>, ApiError>;

    /// What a part of the signals of each instance's policy measured in the window that ends `now`, and what was asked for that.
    /// A series that CloudWatch did not return is absent, which is never proof of anything.
    ///
    /// # Errors
    /// CloudWatch did not answer one of the calls.
    async fn evidence(
        &self,
        subjects: &[(&Instance, &Policy)],
        part: Part,
        now: Timestamp,
    ) -> Result<BTreeMap<InstanceId, Evidence>, ApiError>;

    /// How many sessions of AWS Systems Manager are open on each of the instances, zero included. If not all sessions could
    /// be read, all instances are absent: unread sessions are missing data, and keep those that they are about.
    async fn sessions(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, u32>;

    /// Whether stop protection is on. An instance of which EC2 did not say is absent: EC2 itself refuses to stop it.
    async fn stop_protection(&self, ids: &[InstanceId]) -> BTreeMap<InstanceId, StopProtection>;
}

/// Where an instance can be reached.
pub trait ReadAddresses {
    /// The public DNS name or address, else the private one. `None` if the instance has none, or does not exist.
    ///
    /// # Errors
    /// EC2 did not answer.
    async fn address(&self, id: &InstanceId) -> Result<Option<String>, ApiError>;
}

/// Looks up what an alarm is about, where its event does not say.
pub trait ReadAlarms {
    /// The alarms of these names. A name that CloudWatch does not know is absent from the answer.
    ///
    /// # Errors
    /// CloudWatch did not answer.
    async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, ApiError>;

    /// The names of the alarms that the rule of a composite alarm mentions.
    ///
    /// # Errors
    /// CloudWatch did not answer, or knows no composite alarm of that name.
    async fn children(&self, alarm: &str) -> Result<Vec<String>, ApiError>;

    /// The values of the dimension `InstanceId` of all contributors of an alarm over many time series.
    ///
    /// # Errors
    /// CloudWatch did not answer, or knows no such alarm of that name.
    async fn contributors(&self, alarm: &str) -> Result<BTreeSet<String>, ApiError>;
}

/// An alarm, as far as it leads to instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// What it watches.
    pub watches: Watches,
}

/// What an alarm watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watches {
    /// Metrics with these values of the dimension `InstanceId`. None, if its metrics have no such dimension.
    Instances(BTreeSet<String>),
    /// Many time series at once: its contributors name the instances.
    Contributors,
    /// Other alarms.
    Alarms,
}

impl Watches {
    /// Whether a metric expression is a query of CloudWatch Metrics Insights, which finds its time series itself.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html>
    #[must_use]
    pub fn is_metrics_insights(expression: &str) -> bool {
        let first_word = expression.split_whitespace().next().unwrap_or_default();
        first_word.eq_ignore_ascii_case("SELECT")
    }
}

/// Keeps the alarms that Doze makes itself.
pub trait KeepAlarms {
    /// All alarms whose names begin so.
    ///
    /// # Errors
    /// CloudWatch did not show all of them; a part is never returned.
    async fn kept_alarms(&self, prefix: &str) -> Result<Vec<KeptAlarm>, ApiError>;

    /// Makes an alarm, or makes it anew.
    ///
    /// # Errors
    /// CloudWatch refused it, or did not answer.
    async fn put_alarm(&self, alarm: &IdleAlarm) -> Result<(), ApiError>;

    /// Takes alarms away, 100 at most. One that is gone already is no error.
    ///
    /// # Errors
    /// CloudWatch refused, or did not answer.
    async fn remove_alarms(&self, names: &[String]) -> Result<(), ApiError>;
}

/// An alarm over one metric of one instance, with one action.
#[derive(Clone, Debug, PartialEq)]
pub struct IdleAlarm {
    /// Its name, unique in the account and Region.
    pub name: String,
    /// What people read about it.
    pub description: String,
    /// The value of the dimension `InstanceId`, the only one.
    pub instance: String,
    /// The metric's namespace.
    pub namespace: String,
    /// The metric's name.
    pub metric: String,
    /// The statistic, by CloudWatch's name.
    pub statistic: String,
    /// The length of one datapoint, in seconds.
    pub period_seconds: i32,
    /// How many periods are looked at.
    pub periods: i32,
    /// In how many of them the value must be at most the threshold. Missing ones are not.
    pub datapoints: i32,
    /// The largest value that still counts as idle, in the metric's unit.
    pub threshold: f64,
    /// The ARN of its only action.
    pub action: String,
}

/// An alarm that is there.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAlarm {
    /// Its name.
    pub name: String,
    /// What it is. `None` if it is none that Doze could have made: somebody changed it.
    pub alarm: Option<IdleAlarm>,
}

/// Changes, each outcome by instance: one failure never stops the rest.
pub trait ChangeFleet {
    /// Whether there is time to begin a further change, and to see it through. By default there is always.
    fn has_time(&self) -> bool {
        true
    }

    /// Stops the instances: never by force, never with hibernation. One outcome an id.
    async fn stop(&self, ids: &[InstanceId]) -> Vec<Outcome>;

    /// Starts the instances. One outcome an id; `Owed` where EC2 has no capacity.
    async fn start(&self, ids: &[InstanceId]) -> Vec<Outcome>;

    /// Puts tags on the instances, and returns those that refused.
    async fn tag(&self, ids: &[InstanceId], tags: &[(&str, &str)]) -> Vec<Refused>;

    /// Takes tags off the instances, and returns those that refused.
    async fn untag(&self, ids: &[InstanceId], keys: &[&str]) -> Vec<Refused>;
}
