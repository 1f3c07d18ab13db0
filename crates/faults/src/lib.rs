#![doc = include_str!("../README.md")]
#![expect(clippy::missing_panics_doc, reason = "for tests: what does not hold, panics")]

pub mod cases;
pub mod elsewhere;
mod http;
pub mod load;
pub mod runtime;
pub mod scene;
