//! Lives under callgrind, which counts the instructions of a process, and knows the functions that they are of.

use std::{
    collections::BTreeMap,
    fs, io,
    path::Path,
    process::{Command, Stdio},
};

use crate::life::{Place, Stillborn, Subject};

/// Why callgrind has counted nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallgrindError {
    /// The subject.
    #[error(transparent)]
    Stillborn(#[from] Stillborn),
    /// What it wrote.
    #[error("failed to read callgrind's counts")]
    Counts(#[source] io::Error),
}

/// Whether this machine has it.
pub(crate) fn is_installed() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// What callgrind writes about a life with so many events. Its file goes into that folder.
///
/// # Errors
/// The subject did not answer all of them, or nothing was written.
pub(crate) fn live(place: &Place, folder: &Path, subject: &Subject, events: usize) -> Result<String, CallgrindError> {
    let counts = folder.join("callgrind.out");
    let out = format!("--callgrind-out-file={}", counts.display());
    // As they stand in the binary, names are those of sections, too.
    let valgrind = ["valgrind", "--quiet", "--tool=callgrind", "--demangle=no", &out].map(str::to_owned);
    let command = [&valgrind[..], &subject.command].concat();
    // What another life left is not to be taken for what this one wrote.
    match fs::remove_file(&counts) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(CallgrindError::Counts(error)),
        _ => {}
    }
    place.live(&Subject { command, ..subject.clone() }, events)?;
    fs::read_to_string(&counts).map_err(CallgrindError::Counts)
}

/// The instructions of the whole life.
///
/// # Errors
/// Callgrind did not say.
pub(crate) fn instructions(counts: &str) -> Result<u64, CallgrindError> {
    let total = counts.lines().find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    let total = total.and_then(|total| total.trim().parse().ok());
    total.ok_or_else(|| CallgrindError::Counts(io::ErrorKind::InvalidData.into()))
}

/// The symbols of all functions that were called. A name is written once, `fn=(12) name`, and is `(12)` from then on.
pub(crate) fn called(counts: &str) -> impl Iterator<Item = &str> {
    let mut names = BTreeMap::new();
    for line in counts.lines() {
        let Some(function) = line.strip_prefix("fn=(").or_else(|| line.strip_prefix("cfn=(")) else { continue };
        if let Some((number, name)) = function.split_once(") ") {
            // A function that calls itself is counted by depth, as in `name'2`.
            names.insert(number, name.split('\'').next().unwrap_or(name));
        }
    }
    names.into_values()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: &str = "\
events: Ir
fn=(1) main
0 12
cfn=(2) _ZN5hello4mainE
calls=1 0
0 40
fn=(2)
0 30
fn=(3) _ZN5hello4walkE'2
0 10
totals: 52
";

    #[test]
    fn instructions_are_those_of_the_whole_life() {
        assert_eq!(instructions(COUNTS).ok(), Some(52));
        assert_eq!(instructions("summary: 7\n").ok(), Some(7));
        assert!(instructions("events: Ir\n").is_err());
    }

    #[test]
    fn each_function_is_named_once() {
        assert_eq!(called(COUNTS).collect::<Vec<_>>(), ["main", "_ZN5hello4mainE", "_ZN5hello4walkE"]);
    }
}
