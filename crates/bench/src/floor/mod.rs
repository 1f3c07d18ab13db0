//! The least that a function in Rust does: no framework, no SDK, one thread as long as there is one thing to do, and of every answer
//! only what is needed. No function of Doze could be built like this, for it tries nothing again and doubts nothing; what one
//! costs beside it, is what all the rest costs.

mod aws;
mod runtime;
mod sign;
mod sweep;

pub use aws::{Account, AwsError};
pub use runtime::{RuntimeError, serve};
pub use sweep::{Sweeper, Swept};

/// A variable of the function's environment.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the floor has no settings but Lambda's own variables")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
