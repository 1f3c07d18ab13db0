#![doc = include_str!("../README.md")]

mod page;
mod problem;
mod sources;
mod visitor;

pub use page::{NAME, Page, VERSION};
pub use problem::{Problem, negotiated};
pub use sources::Sources;
pub use visitor::{Visitor, field, prefers_json, token};
