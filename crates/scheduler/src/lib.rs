#![doc = include_str!("../README.md")]

mod act;
mod entry;
mod event;
mod finish;
mod report;
mod resolve;
mod run;
mod settings;
mod sight;

pub use entry::{Decided, Entry};
pub use event::{Lookup, Purpose, Refusal, Request, Source, Target, Trigger, TriggerKind, parse};
pub use finish::{Failure, finish};
pub use report::{Report, Summary};
pub use run::{Run, RunError, run};

pub use crate::settings::Settings;
