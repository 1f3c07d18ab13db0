//! Time in turns instead of seconds: a test says how long something takes without being slow, or failing on a slow machine.

use std::cell::Cell;

use tokio::task::yield_now;

/// How many turns a call takes, and how many have passed. Calls take none, if nothing is said.
#[derive(Default)]
pub struct Turns {
    a_call: u32,
    passed: Cell<u32>,
    left_waiting: Cell<u32>,
}

impl Turns {
    pub fn of_a_call(turns: u32) -> Self {
        Self { a_call: turns, ..Self::default() }
    }

    /// Lets a turn pass each time it is polled.
    pub async fn pass(&self) {
        loop {
            self.passed.update(|turns| turns + 1);
            yield_now().await;
        }
    }

    pub const fn passed(&self) -> u32 {
        self.passed.get()
    }

    /// The most turns for which a call was not gone on with, though it could have been.
    pub const fn left_waiting(&self) -> u32 {
        self.left_waiting.get()
    }

    /// Takes as many as a call does.
    pub async fn take(&self) {
        let end = self.passed.get() + self.a_call;
        while self.passed.get() < end {
            yield_now().await;
        }
        self.left_waiting.update(|longest| longest.max(self.passed.get() - end));
    }
}
