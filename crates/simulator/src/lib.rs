#![doc = include_str!("../README.md")]

mod history;
mod metrics;
mod oracle;
mod play;
mod port;
mod sabotage;
mod shrink;
mod world;

pub use history::{Begin, Deed, History, Kind, Load, MachineSpec, Step, Trigger};
pub use oracle::Violation;
pub use play::{Tally, play};
pub use sabotage::Sabotage;
pub use shrink::shrink;
