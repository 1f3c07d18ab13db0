#![doc = include_str!("../README.md")]

#[cfg(feature = "aws")]
mod aws;
mod detail;
mod ec2;
mod error;
mod isolate;
mod outcome;
mod packing;
mod port;
mod sight;
mod survey;

#[cfg(feature = "aws")]
pub use aws::{AwsFleet, api_error};
pub use detail::Detail;
pub use ec2::{Answer, Described};
pub use error::ApiError;
pub use isolate::{CALLS_FOR_STARTS, CALLS_PER_BATCH, IDS_PER_BATCH, Refused, in_batches, in_bounded_batches};
pub use outcome::{Action, Outcome, OutcomeResult};
pub use packing::{DATAPOINTS_PER_CALL, QUERIES_PER_CALL, queries_per_call};
pub use port::{Alarm, ChangeFleet, IdleAlarm, KeepAlarms, KeptAlarm, ReadAddresses, ReadAlarms, ReadFleet, Watches};
pub use sight::{Depth, Scope, Sight};
