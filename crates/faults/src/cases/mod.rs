//! The cases, by number.

mod calls;
mod events;
mod evidence;
mod instances;
mod pages;
mod starts;

use std::path::Path;

/// One thing that AWS or the world can do.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its number.
    pub number: u8,
    /// What happens.
    pub what: &'static str,
    /// What is to become of it.
    pub expected: &'static str,
    /// Shows it; panics if it is otherwise.
    pub show: fn(&Path),
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Case> {
    let mut all =
        [events::CASES, instances::CASES, calls::CASES, starts::CASES, evidence::CASES, pages::CASES].concat();
    all.sort_by_key(|case| case.number);
    all
}
