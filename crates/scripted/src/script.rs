//! What calls get instead of their normal answer.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{Answer, Call};

/// What becomes of one call.
#[derive(Clone, Debug)]
enum Fate {
    /// It is answered so, and has no effect.
    Instead(Answer),
    /// It has its effect, and is answered so all the same.
    After(Answer),
}

#[derive(Debug, Default)]
struct Fates {
    next: VecDeque<Fate>,
    then: Option<Fate>,
}

/// What the next calls of each operation get instead of their normal answer.
#[derive(Debug, Default)]
pub struct Script(Mutex<BTreeMap<String, Fates>>);

impl Script {
    /// The operation's next call is answered so, and has no effect.
    pub fn instead(&self, operation: &str, answer: Answer) {
        self.of(operation, |fates| fates.next.push_back(Fate::Instead(answer)));
    }

    /// The operation's next call has its effect, and is answered so.
    pub fn after(&self, operation: &str, answer: Answer) {
        self.of(operation, |fates| fates.next.push_back(Fate::After(answer)));
    }

    /// All calls of the operation that nothing else was said of are answered so, and have no effect.
    pub fn always(&self, operation: &str, answer: Answer) {
        self.of(operation, |fates| fates.then = Some(Fate::Instead(answer)));
    }

    /// From now on, everything gets its normal answer.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// The answer to a call, where `normal` gives the normal one, with its effect.
    pub fn answer(&self, call: &Call, normal: impl FnOnce() -> Answer) -> Answer {
        let fate = self.of(&call.operation, |fates| fates.next.pop_front().or_else(|| fates.then.clone()));
        match fate {
            Some(Fate::Instead(answer)) => answer,
            Some(Fate::After(answer)) => {
                normal();
                answer
            }
            None => normal(),
        }
    }

    fn of<T>(&self, operation: &str, change: impl FnOnce(&mut Fates) -> T) -> T {
        change(self.lock().entry(operation.to_owned()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Fates>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
