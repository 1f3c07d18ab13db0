//! `simulator COUNT SEED`: plays so many histories, from that seed on. Ends with 0 if no rule was broken; prints the smallest
//! history that it found otherwise.

use std::{
    env,
    io::{self, Write as _},
    process::ExitCode,
};

use simulator::{History, Tally, play, shrink};

fn main() -> ExitCode {
    let numbers: Vec<Option<u64>> = env::args().skip(1).map(|argument| argument.parse().ok()).collect();
    let [Some(count), Some(first)] = numbers[..] else { return fail("usage: simulator COUNT SEED") };
    let mut tally = Tally::default();
    for seed in first..first.saturating_add(count) {
        let history = History::of_seed(seed);
        match play(&history, None) {
            Ok(played) => tally += played,
            Err(violation) => {
                let (smallest, violation) = shrink(&history, &violation, None);
                return fail(&format!("seed {seed} breaks {}: {}\n{smallest}", violation.rule, violation.what));
            }
        }
    }
    say(&format!("{count} histories from seed {first}: no rule was broken\n{tally:?}"));
    ExitCode::SUCCESS
}

fn say(words: &str) {
    // Whoever closed the output does not want to know.
    drop(writeln!(io::stdout(), "{words}"));
}

fn fail(words: &str) -> ExitCode {
    drop(writeln!(io::stderr(), "simulator: {words}"));
    ExitCode::FAILURE
}
