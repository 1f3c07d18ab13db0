//! A sweep without a framework and without an SDK.

use std::error::Error;

use bench::floor::{Account, Sweeper, serve, variable};

fn main() -> Result<(), Box<dyn Error>> {
    let account = Account::read(variable)?;
    let mut sweeper = Sweeper::new(&account);
    serve(|_| {
        let swept = sweeper.sweep().unwrap_or_else(|error| panic!("failed to sweep: {error:?}"));
        let (considered, idle, stopped) = (swept.considered, swept.idle, swept.stopped);
        format!(r#"{{"considered":{considered},"idle":{idle},"stopped":{stopped}}}"#).into_bytes()
    })?;
    Ok(())
}
