//! The lines of a run in the log: one for each stop, start, announcement and failure, and the report last.

use std::collections::BTreeMap;

use fleet::Outcome;
use idleness::{Announcement, Decision, InstanceId, Mode, Reason, Record, Verdict};
use jiff::Timestamp;
use journal::Level;
use serde::{Serialize, Serializer};

use crate::{
    event::Trigger,
    report::{KEEPS_LISTED, Report, Summary, json_bytes},
    run::Run,
};

/// The most that one line of the log may take, in bytes of JSON. CloudWatch Logs cuts an event at 256 KB.
const LINE_BYTES: usize = 200_000;

/// One line of the log.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Entry<'a> {
    /// A decision, and what came of it.
    Decision(Decided<'a>),
    /// The whole report.
    Report(&'a Report),
    /// The report without its decisions and outcomes, where the line would grow too long: the stops have lines of their
    /// own, and the keeps stay counted.
    #[expect(missing_docs, reason = "the fields are those of the report")]
    ShortReport { mode: Mode, trigger: &'a Trigger, at: Timestamp, summary: &'a Summary },
}

/// A decision and what came of it. In the log it stands with everything it was made from, as a `Record`; without that where
/// the line would grow too long, or the instance was not seen.
#[derive(Clone, Debug)]
pub struct Decided<'a> {
    decision: &'a Decision,
    outcomes: Vec<&'a Outcome>,
    run: &'a Run,
}

#[derive(Serialize)]
struct Line<'a, T> {
    #[serde(flatten)]
    decision: T,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    outcomes: &'a [&'a Outcome],
}

impl Run {
    /// The run's lines for the log: one a decision, but for keeps beyond the first 1,000, and the report last. Which of them
    /// are written is up to their levels.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut outcomes: BTreeMap<&InstanceId, Vec<&Outcome>> = BTreeMap::new();
        for outcome in &self.report.outcomes {
            outcomes.entry(&outcome.instance).or_default().push(outcome);
        }
        let decisions = self.decisions.iter().map(move |decision| {
            let outcomes = outcomes.remove(&decision.instance).unwrap_or_default();
            Entry::Decision(Decided { decision, outcomes, run: self })
        });
        let mut keeps = 0;
        let is_logged = move |entry: &Entry<'_>| {
            keeps += usize::from(entry.level() == Level::Debug);
            entry.level() > Level::Debug || keeps <= KEEPS_LISTED
        };
        decisions.filter(is_logged).chain([self.report_entry()])
    }

    fn report_entry(&self) -> Entry<'_> {
        let report = &self.report;
        if json_bytes(report) <= LINE_BYTES {
            return Entry::Report(report);
        }
        let Report { mode, trigger, at, summary, .. } = report;
        Entry::ShortReport { mode: *mode, trigger, at: *at, summary }
    }
}

impl Entry<'_> {
    /// How much the line matters: a failed action is an error; a keep that changed nothing is for a closer look.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::Decision(Decided { outcomes, .. }) if outcomes.iter().any(|outcome| outcome.is_failed()) => {
                Level::Error
            }
            Self::Decision(Decided { decision, .. }) => match (decision.verdict, decision.announcement) {
                // A circle, or a name that nobody has, keeps an instance waiting for good.
                (Verdict::Keep, None) if decision.reason == Reason::WaitsForOthers => Level::Info,
                (Verdict::Keep, None | Some(Announcement::Running { .. })) => Level::Debug,
                (Verdict::Stop | Verdict::Start, _) | (_, Some(_)) => Level::Info,
            },
            Self::Report(_) | Self::ShortReport { .. } => Level::Info,
        }
    }

    /// What kind of line it is.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self {
            Self::Decision(Decided { run, .. }) if run.report.explanation.is_some() => "explanation",
            Self::Decision(Decided { decision, .. }) => match (decision.verdict, decision.announcement) {
                (Verdict::Stop, _) => "stop",
                (Verdict::Start, _) => "start",
                (Verdict::Keep, Some(Announcement::New { .. })) => "announcement",
                (Verdict::Keep, Some(Announcement::Withdrawn)) => "withdrawal",
                (Verdict::Keep, None | Some(Announcement::Running { .. })) => "keep",
            },
            Self::Report(_) | Self::ShortReport { .. } => "report",
        }
    }
}

impl Serialize for Decided<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { decision, outcomes, run } = self;
        let record = run.sight.record(decision, &run.rules, run.report.at);
        match record.filter(|record| json_bytes(record) <= LINE_BYTES) {
            Some(record) => Line::<Record> { decision: record, outcomes }.serialize(serializer),
            None => Line { decision, outcomes }.serialize(serializer),
        }
    }
}
