#![doc = include_str!("../README.md")]

mod act;
mod event;
mod finish;
mod report;
mod run;
mod settings;

pub use event::{Refusal, Request, Source, Target, Trigger, TriggerKind, parse};
pub use finish::{Failure, finish};
pub use report::{Entry, Report, Summary};
pub use run::{RunError, run};

pub use crate::settings::Settings;
