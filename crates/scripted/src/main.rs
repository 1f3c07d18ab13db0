//! `scripted COUNT`: an account with so many idle instances, on loopback, until standard input ends. Prints its address: for checks that
//! hold its answers against those of others.

use std::{
    env,
    io::{self, Read as _, Write as _},
    process::ExitCode,
};

use scripted::{Account, Endpoint, Machine};

fn main() -> ExitCode {
    let count: Option<usize> = env::args().nth(1).and_then(|count| count.parse().ok());
    let Some(count) = count else {
        let _ = writeln!(io::stderr(), "usage: scripted COUNT");
        return ExitCode::FAILURE;
    };
    let now = Account::default().now();
    let account = Account::of((1..=count).map(|number| Machine::idle(&format!("i-{number:017x}"), now)));
    let endpoint = Endpoint::start(move |call| account.answer(call));
    let _ = writeln!(io::stdout(), "{}", endpoint.address());
    // Whoever started it ends it by closing this.
    let _ = io::stdin().read_to_end(&mut Vec::new());
    ExitCode::SUCCESS
}
