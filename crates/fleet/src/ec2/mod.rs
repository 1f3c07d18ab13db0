//! EC2's answers about instances, without its SDK.

mod answer;
mod described;
mod markup;

pub use answer::Answer;
pub use described::Described;
