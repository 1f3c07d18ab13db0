//! What a function answers from.

use capability::Keys;

/// The fleet, and the keys of the tokens. Without keys nobody is let in.
#[derive(Debug)]
pub struct Sources<F, S> {
    /// The fleet, or as much of it as the function needs.
    pub fleet: F,
    /// The keys.
    pub keys: Option<Keys<S>>,
}
