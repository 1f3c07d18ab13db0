#![doc = include_str!("../README.md")]

mod changes;
mod clock;
mod deployment;
#[cfg(feature = "aws")]
mod put;
mod report;
mod request;
mod run;
mod settings;
mod wanted;

pub use changes::{Changes, changes};
pub use clock::{Clock, Stopwatch};
pub use deployment::{Order, Reply, RequestType, Status};
#[cfg(feature = "aws")]
pub use put::{Mailbox, NotDelivered};
pub use report::{Failed, Report};
pub use request::{Refusal, Request};
pub use run::{Halt, keep, remove};
pub use settings::Settings;
pub use wanted::{Naming, wanted};
