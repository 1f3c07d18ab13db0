//! What the log and CloudWatch keep of a click.

use std::io;

use idleness::{InstanceId, InstanceState};
use jiff::Timestamp;
use journal::{Level, Metrics, write};
use serde::Serialize;

use crate::{
    act::{Done, Ending},
    order::Deed,
};

#[derive(Serialize)]
struct Line<'a> {
    instance: &'a InstanceId,
    result: Ending,
    state: InstanceState,
    keep_until: Option<Timestamp>,
}

/// Writes down what was done. A log that cannot be written must not undo it.
pub(crate) fn record(instance: &InstanceId, deed: Deed, done: &Done, function: Option<&str>, now: Timestamp) {
    let line = Line { instance, result: done.ending, state: done.state, keep_until: done.keep_until };
    let _: io::Result<()> = write(Level::Info, deed.as_str(), &line);
    if let Some(metrics) = function.and_then(|function| metrics(deed, done, &Metrics::new(function, now))) {
        let _: io::Result<()> = metrics.write();
    }
}

/// What CloudWatch counts of a click: starts and wishes that came true.
fn metrics(deed: Deed, done: &Done, none: &Metrics) -> Option<Metrics> {
    let name = match deed {
        Deed::Start => "Starts",
        Deed::KeepAwake { .. } => "KeptAwake",
    };
    (done.ending == Ending::Done).then(|| none.clone().count(name, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_came_true_is_counted() {
        let none = Metrics::new("doze-wake", Timestamp::UNIX_EPOCH);
        let done = |ending| Done { ending, state: InstanceState::Running, keep_until: None, next: String::new() };
        assert_eq!(metrics(Deed::Start, &done(Ending::Done), &none), Some(none.clone().count("Starts", 1)));
        let kept = metrics(Deed::KeepAwake { hours: 4 }, &done(Ending::Done), &none);
        assert_eq!(kept, Some(none.clone().count("KeptAwake", 1)));
        for ending in [Ending::Already, Ending::Owed, Ending::DryRun] {
            assert_eq!(metrics(Deed::Start, &done(ending), &none), None, "{ending:?}");
        }
    }
}
