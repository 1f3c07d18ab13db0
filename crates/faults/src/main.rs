//! `faults FOLDER TABLE [NUMBER…]`: shows the cases of those numbers, or all of them, with the bootstraps in the folder, and writes the
//! table of all, if all of them hold.

use std::{
    env, fs,
    io::{self, Write as _},
    panic,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Mutex, PoisonError},
    thread,
};

use faults::{
    cases::{Case, all},
    elsewhere::ELSEWHERE,
};

/// Most of the time they wait.
const AT_ONCE: usize = 6;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let (Some(folder), Some(table)) = (arguments.next(), arguments.next()) else {
        return fail("usage: faults FOLDER TABLE [NUMBER…]");
    };
    let mut numbers: Vec<u8> = Vec::new();
    for argument in arguments {
        match argument.parse() {
            Ok(number) if all().iter().any(|case| case.number == number) => numbers.push(number),
            _ => return fail(&format!("there is no case {argument}")),
        }
    }
    let Ok(folder) = fs::canonicalize(&folder) else { return fail(&format!("there is no folder {folder}")) };
    let cases: Vec<Case> =
        all().into_iter().filter(|case| numbers.is_empty() || numbers.contains(&case.number)).collect();
    let failed = show(&cases, &folder);
    say(&format!("{} of {} cases hold", cases.len() - failed, cases.len()));
    if failed > 0 {
        return ExitCode::FAILURE;
    }
    if numbers.is_empty() && fs::write(PathBuf::from(&table), rows()).is_err() {
        return fail(&format!("{table} cannot be written"));
    }
    ExitCode::SUCCESS
}

/// Shows the cases, some at a time. How many do not hold.
fn show(cases: &[Case], folder: &Path) -> usize {
    let (waiting, failed) = (Mutex::new(cases.iter()), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(cases.len()) {
            scope.spawn(|| {
                while let Some(case) = waiting.lock().unwrap_or_else(PoisonError::into_inner).next() {
                    let holds = panic::catch_unwind(|| (case.show)(folder)).is_ok();
                    say(&format!("{} {:2}  {}", if holds { "ok  " } else { "FAIL" }, case.number, case.what));
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) += usize::from(!holds);
                }
            });
        }
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn rows() -> String {
    let mut rows: Vec<(u8, String)> = all()
        .iter()
        .map(|case| (case.number, format!("| {} | {} | {} | holds |", case.number, case.what, case.expected)))
        .collect();
    rows.extend(ELSEWHERE.iter().map(|(number, what, expected, file)| {
        (*number, format!("| {number} | {what} | {expected} | [a test](../{file}) |"))
    }));
    rows.sort();
    let lines: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    format!(
        "# Faults\n\nWhat AWS and the world can do to Doze, and what becomes of it. `scripts/faults.sh` does it to the release binaries, as \
         processes, with a\nRuntime API and an account on loopback, and writes this page; `scripts/test.sh` runs it.\n\n\
         | # | What happens | What is expected | Result |\n| --- | --- | --- | --- |\n{}\n",
        lines.join("\n")
    )
}

fn say(line: &str) {
    // Nobody may be reading.
    let _ = writeln!(io::stdout(), "{line}");
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "faults: {message}");
    ExitCode::FAILURE
}
