//! One life of a function: started, given its events, measured, ended.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{
    process::Process,
    runtime_api::{RuntimeApi, Unfinished},
};

/// A command that serves a Runtime API, and what it is told.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its name in the tables.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Whether the program is its own, and no interpreter.
    pub is_binary: bool,
    /// Its environment, but for the address of the Runtime API.
    pub variables: Vec<(String, String)>,
    /// The event that it gets; `None` if it gets none.
    pub event: Option<Vec<u8>>,
}

/// What a life took.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    /// From the start of the process to its first request for an event.
    pub first_poll: Duration,
    /// CPU time until then.
    pub init_cpu: Duration,
    /// From the start of the process to its first answer, but for the time in which it waited for its event; `None` if it was given no event.
    pub first_answer: Option<Duration>,
    /// From each event after the first to its answer.
    pub warm: Vec<Duration>,
    /// CPU time of each of these, on average; `None` if there were none.
    pub warm_cpu: Option<Duration>,
    /// The most memory that was resident, in bytes.
    pub peak_memory: u64,
    /// How many threads there were at the end.
    pub threads: usize,
    /// How many connections to the Runtime API were opened.
    pub connections: usize,
    /// The last answer.
    pub answer: Vec<u8>,
}

/// Why a life came to nothing.
#[derive(Debug, thiserror::Error)]
#[error("{subject} was not measured; what it wrote is in {}", log.display())]
pub(crate) struct Stillborn {
    subject: String,
    log: PathBuf,
    #[source]
    cause: Cause,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    /// The process, or the Runtime API.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The function.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

/// Where lives take place: what a function writes goes into this folder, and it must be done within that time.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The folder.
    pub folder: PathBuf,
    /// The time.
    pub time: Duration,
}

impl Place {
    /// Lives one life with so many events. The process is asked to end, since callgrind writes what it counted only then.
    ///
    /// # Errors
    /// The function did not answer all of them.
    pub(crate) fn live(&self, subject: &Subject, events: usize) -> Result<Life, Stillborn> {
        let log = self.log(subject);
        self.measure(subject, events, &log).map_err(|cause| Stillborn { subject: subject.name.clone(), log, cause })
    }

    fn log(&self, subject: &Subject) -> PathBuf {
        let name = subject.name.replace(|character: char| !character.is_ascii_alphanumeric(), "-");
        self.folder.join(format!("{name}.log"))
    }

    fn measure(&self, subject: &Subject, events: usize, log: &Path) -> Result<Life, Cause> {
        let runtime = RuntimeApi::listen(subject.event.iter().flat_map(|event| vec![event.clone(); events]).collect())?;
        let address = ("AWS_LAMBDA_RUNTIME_API".to_owned(), runtime.address().to_owned());
        let variables = [&subject.variables[..], &[address]].concat();
        let started = Instant::now();
        let mut process = Process::start(&subject.command, &variables, &self.folder, log)?;
        runtime.watch(process.cpu_clock());
        let done = runtime.finish(self.time, || process.is_running())?;
        let cpu = process.cpu_clock().read()?;
        let first_poll = done.first_poll.unwrap_or(started) - started;
        let warm: Vec<Duration> = done.invocations.iter().skip(1).map(|one| one.answered - one.sent).collect();
        let warm_cpu = (done.cpu.get(1).map(|first| cpu.saturating_sub(*first)))
            .and_then(|cpu| cpu.checked_div(u32::try_from(warm.len()).ok()?));
        let life = Life {
            first_poll,
            init_cpu: done.cpu.first().copied().unwrap_or(cpu),
            first_answer: done.invocations.first().map(|first| first_poll + (first.answered - first.sent)),
            warm,
            warm_cpu,
            peak_memory: process.peak_memory()?,
            threads: process.threads()?,
            connections: done.connections,
            answer: done.answer,
        };
        process.end()?;
        Ok(life)
    }
}
