#![doc = include_str!("../README.md")]

mod page;
mod problem;
mod visitor;

pub use page::{NAME, Page, VERSION};
pub use problem::Problem;
pub use visitor::{Visitor, field, prefers_json, token};
