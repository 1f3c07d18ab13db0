#![doc = include_str!("../README.md")]

mod announcement;
mod custom;
mod decision;
mod evidence;
mod explanation;
mod finding;
mod gates;
mod instance;
mod metric;
mod next;
mod order;
mod percent;
mod plan;
mod policies;
mod policy;
mod presets;
mod record;
mod savings;
mod schedule;
mod starting;
mod tags;
mod wishes;

pub use announcement::Announcement;
pub use decision::{
    Decision, Reason, Rules, Verdict, can_be_counted, can_ever_be_stopped, decide, needs_evidence, needs_rest,
    needs_sessions,
};
pub use evidence::{Datapoint, Evidence, Series, SeriesStatus};
pub use explanation::{Explanation, Step, explain};
pub use finding::{Finding, Share};
pub use instance::{
    Instance, InstanceId, InstanceState, InstanceType, InvalidInstanceId, Market, RootDevice, StopProtection,
    Transition,
};
pub use metric::{Dimensions, Measure, Metric, Statistic, Unit};
pub use next::{Next, NextAction, next};
pub use order::{Turn, in_order, never_starts, requested, starting_after, starts_after_others};
pub use percent::{InvalidPercent, Percent};
pub use plan::{
    Caps, Census, Mode, Place, Plan, STOP_AT_TAG, STOPPED_AT_TAG, STOPPED_BECAUSE_TAG, UnknownMode, plan,
    was_stopped_within_the_hour,
};
pub use policies::{InvalidPolicies, Policies, UnknownPolicy};
pub use policy::{Hardware, Part, Policy, Presence, Signal, Window};
pub use record::Record;
pub use savings::{InvalidPrices, Prices, Savings};
pub use schedule::{BadSchedule, Schedule};
pub use starting::{given_up_since, is_start_owed, is_start_settled, is_start_tried, unreadable_tag};
pub use tags::{NAME_TAG, OPT_IN_TAG, Tags, is_read};
pub use wishes::{KEEP_UNTIL_TAG, START_OWED_SINCE_TAG, START_TRIED_AT_TAG};
