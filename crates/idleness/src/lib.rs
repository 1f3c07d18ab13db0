#![doc = include_str!("../README.md")]

mod decision;
mod evidence;
mod instance;
mod plan;
mod policy;
mod wishes;

pub use decision::{Decision, Reason, Verdict, decide, needs_evidence};
pub use evidence::{Datapoint, Evidence, Finding, Series, SeriesStatus};
pub use instance::{Instance, InstanceId, InstanceState, InvalidInstanceId, OPT_IN_TAG, RootDevice, Tags};
pub use plan::{
    Caps, Census, Mode, Plan, STOPPED_AT_TAG, STOPPED_BECAUSE_TAG, UnknownMode, plan, was_stopped_within_the_hour,
};
pub use policy::{InvalidPercent, MetricName, Percent, Policy, Signal, Statistic, Unit, UnknownPolicy, Window};
