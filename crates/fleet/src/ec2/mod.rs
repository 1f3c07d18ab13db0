//! EC2's answers about instances, without its SDK.

mod answer;
mod described;
mod markup;
mod place;

pub use answer::Answer;
pub use described::Described;
