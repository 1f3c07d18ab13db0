//! The parts of the benchmark. Subjects take turns within each round, so that whatever else the machine does is spread over all.

use std::{
    fs, io,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    arguments::{Measure, Part},
    callgrind::{self, CallgrindError},
    endpoint::{Fleet, Options, Remote},
    figures::{Figures, Instructions, Size, Sweep},
    life::{Life, Place, Stillborn, Subject},
    subjects::Subjects,
};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MeasureError {
    /// A subject.
    #[error(transparent)]
    Stillborn(#[from] Stillborn),
    /// Its instructions.
    #[error(transparent)]
    Callgrind(#[from] CallgrindError),
    /// A file or the endpoint.
    #[error("failed to {0}")]
    Io(&'static str, #[source] io::Error),
    /// A subject saw another fleet than there was.
    #[error("{subject} answered about a fleet of {expected} instances: {answer}")]
    Answer {
        /// Which.
        subject: String,
        /// What it said.
        answer: String,
        /// How many instances there were.
        expected: usize,
    },
}

/// How much is done.
struct Effort {
    cold_rounds: usize,
    warm_rounds: usize,
    /// Invocations of functions that ask nobody, and of those that do.
    warm_invocations: [usize; 2],
    sweep_rounds: usize,
    /// The largest fleet that slow subjects sweep.
    slow_up_to: usize,
}

const FULL: Effort =
    Effort { cold_rounds: 31, warm_rounds: 5, warm_invocations: [2000, 200], sweep_rounds: 5, slow_up_to: 1000 };
const QUICK: Effort =
    Effort { cold_rounds: 7, warm_rounds: 2, warm_invocations: [2000, 50], sweep_rounds: 3, slow_up_to: 100 };

/// The sizes of the fleets that are swept.
pub(crate) const FLEETS: [usize; 4] = [10, 100, 1000, 10_000];
/// How long each call of a sweep takes.
pub(crate) const CALL: Duration = Duration::from_millis(30);
/// The fleet that starts are measured with.
pub(crate) const FLEET_OF_STARTS: usize = 10;
/// Whoever takes longer than this sweeps once.
const LONG: Duration = Duration::from_secs(10);
/// The longest that a subject may take.
pub(crate) const TIME: Duration = Duration::from_mins(10);
/// Invocations whose instructions are counted.
const COUNTED: usize = 100;

/// Measures what was asked for, and says on the way what it is at.
///
/// # Errors
/// A subject did not do what it is there for.
pub(crate) fn measure(asked: &Measure, say: &mut dyn FnMut(&str)) -> Result<Figures, MeasureError> {
    let effort = if asked.is_quick { QUICK } else { FULL };
    let logs = asked.out.join("logs");
    fs::create_dir_all(&logs).map_err(|error| MeasureError::Io("make the folder of the report", error))?;
    let mut bench =
        Bench { asked, effort, place: Place { folder: logs, time: TIME }, figures: Figures::default(), say };
    bench.starts()?;
    if asked.parts.contains(&Part::Sweep) {
        for instances in FLEETS {
            bench.sweeps(instances)?;
        }
    }
    Ok(bench.figures)
}

struct Bench<'a> {
    asked: &'a Measure,
    effort: Effort,
    place: Place,
    figures: Figures,
    say: &'a mut dyn FnMut(&str),
}

impl Bench<'_> {
    fn starts(&mut self) -> Result<(), MeasureError> {
        let mut endpoint = endpoint(Options { instances: FLEET_OF_STARTS, delay: Duration::ZERO, has_tls: true })?;
        let subjects = subjects(self.asked, &endpoint)?;
        let greeting = self.present(subjects.greeting());
        let scheduling = self.present(subjects.scheduling());
        let others = self.present(subjects.others());
        if self.asked.parts.contains(&Part::Cold) {
            for group in [&greeting, &scheduling, &others] {
                self.cold(group, &mut endpoint)?;
            }
        }
        if self.asked.parts.contains(&Part::Warm) {
            for (group, invocations) in [&greeting, &scheduling].into_iter().zip(self.effort.warm_invocations) {
                self.warm(group, invocations)?;
            }
        }
        if self.asked.parts.contains(&Part::Instructions) {
            self.instructions(&greeting, COUNTED)?;
            self.instructions(&scheduling, 0)?;
            self.instructions(&others, 0)?;
        }
        if self.asked.parts.contains(&Part::Sizes) {
            for subject in [greeting, scheduling, others].iter().flatten().filter(|subject| subject.is_binary) {
                self.size(subject)?;
            }
        }
        Ok(())
    }

    /// The subjects that were built.
    fn present(&mut self, subjects: Vec<Subject>) -> Vec<Subject> {
        let (present, absent): (Vec<_>, Vec<_>) =
            subjects.into_iter().partition(|subject| Path::new(&subject.command[0]).exists());
        for subject in absent {
            let line = format!("{}: there is no {}", subject.name, subject.command[0]);
            if !self.figures.left_out.contains(&line) {
                self.figures.left_out.push(line);
            }
        }
        present
    }

    /// The first round warms the disk's cache, and does not count.
    fn cold(&mut self, subjects: &[Subject], endpoint: &mut Remote) -> Result<(), MeasureError> {
        for round in 0..=self.effort.cold_rounds {
            (self.say)(&format!("starts, round {round} of {}", self.effort.cold_rounds));
            for subject in subjects {
                let life = self.place.live(subject, 1)?;
                let calls = endpoint.tally().map_err(|error| MeasureError::Io("ask the endpoint", error))?.total();
                if round > 0 {
                    self.figures.cold.entry(subject.name.clone()).or_default().add(&life, calls);
                }
            }
        }
        Ok(())
    }

    fn warm(&mut self, subjects: &[Subject], invocations: usize) -> Result<(), MeasureError> {
        for round in 1..=self.effort.warm_rounds {
            (self.say)(&format!("{invocations} invocations, round {round} of {}", self.effort.warm_rounds));
            for subject in subjects {
                let life = self.place.live(subject, invocations)?;
                self.figures.warm.entry(subject.name.clone()).or_default().add(&life);
            }
        }
        Ok(())
    }

    fn sweeps(&mut self, instances: usize) -> Result<(), MeasureError> {
        let mut endpoint = endpoint(Options { instances, delay: CALL, has_tls: false })?;
        let is_too_slow = |is_slow: bool| is_slow && instances > self.effort.slow_up_to;
        let (slow, others): (Vec<_>, Vec<_>) =
            subjects(self.asked, &endpoint)?.sweeping().into_iter().partition(|(_, is_slow)| is_too_slow(*is_slow));
        for (subject, _) in slow {
            self.figures.left_out.push(format!("{}: {instances} instances take it too long", subject.name));
        }
        let mut subjects = self.present(others.into_iter().map(|(subject, _)| subject).collect());
        for round in 1..=self.effort.sweep_rounds {
            (self.say)(&format!("sweeps of {instances}, round {round} of {}", self.effort.sweep_rounds));
            let mut quick = Vec::new();
            for subject in subjects {
                let began = Instant::now();
                let life = self.place.live(&subject, 1)?;
                has_considered(&subject, &life, instances)?;
                let tally = endpoint.tally().map_err(|error| MeasureError::Io("ask the endpoint", error))?;
                self.sweep_of(&subject, instances).add(&life, tally);
                if began.elapsed() < LONG {
                    quick.push(subject);
                }
            }
            subjects = quick;
        }
        Ok(())
    }

    fn sweep_of(&mut self, subject: &Subject, instances: usize) -> &mut Sweep {
        let sweeps = self.figures.sweeps.entry(subject.name.clone()).or_default();
        if sweeps.last().is_none_or(|sweep| sweep.instances != instances) {
            sweeps.push(Sweep { instances, ..Sweep::default() });
        }
        sweeps.last_mut().expect("one was just added where there was none")
    }

    /// Instructions of the start, and the mean of so many invocations.
    fn instructions(&mut self, subjects: &[Subject], invocations: usize) -> Result<(), MeasureError> {
        if !callgrind::is_installed() {
            let line = "instructions: valgrind is not installed (Debian: install valgrind)".to_owned();
            if !self.figures.left_out.contains(&line) {
                self.figures.left_out.push(line);
            }
            return Ok(());
        }
        for subject in subjects.iter().filter(|subject| subject.is_binary) {
            (self.say)(&format!("instructions of {}", subject.name));
            let init = self.count(subject, 0)?;
            let warm = match u64::try_from(invocations) {
                // The first invocation sets up what those after it find.
                Ok(counted @ 1..) => {
                    let (one, all) = (self.count(subject, 1)?, self.count(subject, invocations + 1)?);
                    Some(all.saturating_sub(one) / counted)
                }
                _ => None,
            };
            self.figures.instructions.insert(subject.name.clone(), Instructions { init, warm });
        }
        Ok(())
    }

    fn count(&self, subject: &Subject, invocations: usize) -> Result<u64, MeasureError> {
        Ok(callgrind::instructions(&callgrind::live(&self.place, &self.asked.out, subject, invocations)?)?)
    }

    fn size(&mut self, subject: &Subject) -> Result<(), MeasureError> {
        let program = &subject.command[0];
        let failed = |error| MeasureError::Io("find the size of a zip", error);
        let binary = fs::metadata(program).map_err(failed)?.len();
        let script = self.asked.scripts.join("zip_size.py");
        let output = Command::new(&self.asked.python).arg(script).arg(program).output().map_err(failed)?;
        let zip = String::from_utf8_lossy(&output.stdout).trim().parse();
        let zip = zip.map_err(|_| failed(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())))?;
        self.figures.sizes.insert(subject.name.clone(), Size { binary, zip });
        Ok(())
    }
}

fn endpoint(options: Options) -> Result<Remote, MeasureError> {
    Remote::start(options).map_err(|error| MeasureError::Io("start the endpoint", error))
}

fn subjects<'a>(asked: &'a Measure, endpoint: &Remote) -> Result<Subjects<'a>, MeasureError> {
    let subjects = Subjects::new(asked, endpoint.addresses.clone());
    subjects.map_err(|error| MeasureError::Io("write the endpoint's root certificate", error))
}

/// Whether it saw the fleet: a fast answer about something else is worth nothing. Custodian tells only what it selected.
fn has_considered(subject: &Subject, life: &Life, expected: usize) -> Result<(), MeasureError> {
    let answer: Value = serde_json::from_slice(&life.answer).unwrap_or_default();
    let considered = answer.pointer("/summary/considered").or_else(|| answer.get("considered")).and_then(Value::as_u64);
    let idle = answer.get("idle").and_then(Value::as_u64);
    let is_it = |found: Option<u64>, expected: usize| found.is_some() && found == u64::try_from(expected).ok();
    if is_it(considered, expected) || considered.is_none() && is_it(idle, Fleet { instances: expected }.idle()) {
        return Ok(());
    }
    let answer = String::from_utf8_lossy(&life.answer).chars().take(200).collect();
    Err(MeasureError::Answer { subject: subject.name.clone(), answer, expected })
}
