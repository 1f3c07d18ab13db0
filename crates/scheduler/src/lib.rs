#![doc = include_str!("../README.md")]

mod act;
mod batch;
mod digest;
mod entry;
mod event;
mod finish;
mod metrics;
mod notify;
mod report;
mod resolve;
mod run;
mod settings;
#[cfg(feature = "aws")]
mod topic;

pub use batch::{Answer, FailedMessage, answer};
pub use digest::Message;
pub use entry::{Decided, Entry};
pub use event::{Lookup, Purpose, Refusal, Request, Source, Target, Trigger, TriggerKind, parse};
pub use finish::{Failure, count, finish, record};
pub use metrics::metrics;
pub use notify::{LONGEST_TELLING, Notifier, Publish};
pub use report::{Notification, Report, Summary};
pub use run::{Run, RunError, run};

#[cfg(feature = "aws")]
pub use topic::Topic;

pub use crate::settings::{Links, Settings};
