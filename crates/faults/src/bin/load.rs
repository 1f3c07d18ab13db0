//! `load FOLDER`: sees what the functions make of much at once and of a long life, with the bootstraps in the folder.

use std::{
    env, fs,
    io::{self, Write as _},
    panic,
    process::ExitCode,
};

use faults::load::LOADS;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [folder] = &arguments[..] else { return fail("usage: load FOLDER") };
    let Ok(folder) = fs::canonicalize(folder) else { return fail(&format!("there is no folder {folder}")) };
    let mut failed = 0;
    for load in LOADS {
        let line = if let Ok(seen) = panic::catch_unwind(|| (load.bear)(&folder)) {
            format!("ok    {}: {seen}", load.what)
        } else {
            failed += 1;
            format!("FAIL  {}", load.what)
        };
        // Nobody may be reading.
        let _ = writeln!(io::stdout(), "{line}");
    }
    if failed == 0 { ExitCode::SUCCESS } else { fail(&format!("{failed} of {} do not hold", LOADS.len())) }
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "load: {message}");
    ExitCode::FAILURE
}
