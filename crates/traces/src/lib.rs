#![doc = include_str!("../README.md")]

mod activity;
mod background;
mod case;
pub mod catalogue;
mod cloudwatch;
mod evaluation;
mod figures;
mod history;
mod machine;
mod random;
pub mod report;
mod trace;
mod when;

pub use activity::{Activity, Amounts, GpuWork, Pace, QUANTITIES, Quantity};
pub use case::Case;
pub use cloudwatch::{CloudWatch, Sampling};
pub use evaluation::{Judgement, Score, evaluate, judgements_of, policies};
pub use figures::{Figure, figures};
pub use history::{GpuSample, History};
pub use machine::{Companion, Hypervisor, Machine, Monitoring, System};
pub use random::{Random, Spread};
pub use trace::{Clock, Fault, Label, Scope, Trace, Visibility};
pub use when::{DAYS, Days, HOURS, MinuteNumber, When};
