//! Reads one decision's line from the log, decides again from that line alone, and prints every gate with its numbers.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is all it does")]

use std::{fs, process::ExitCode};

use idleness::Record;

fn main() -> ExitCode {
    match explain(std::env::args().nth(1)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("decide_again: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn explain(file: Option<String>) -> Result<String, String> {
    let file = file.ok_or("expected the name of a file with one line of the log")?;
    let line = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let record: Record = serde_json::from_str(&line)
        .map_err(|error| format!("{file}: the line of no decision with its evidence: {error}"))?;
    let again = record.decide_again();
    if again != record.decision {
        let (then, now) = (record.decision.reason.as_str(), again.reason.as_str());
        return Err(format!("the line says {then}, and this version decides {now}"));
    }
    Ok(record.explain().to_string())
}
