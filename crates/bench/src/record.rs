//! Watches what functions call, for the layout of their binaries.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use object::{Object as _, ObjectSymbol as _, SymbolKind};

use crate::{
    arguments::Measure,
    callgrind::{self, CallgrindError},
    endpoint::{Options, Remote},
    layout::{Functions, When},
    life::Place,
    measure::{FLEET_OF_STARTS, TIME},
    subjects::Subjects,
};

/// Why there is no layout.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// What the functions call.
    #[error(transparent)]
    Callgrind(#[from] CallgrindError),
    /// There is no callgrind.
    #[error("valgrind is not installed (Debian: install valgrind)")]
    NoCallgrind,
    /// A file or the endpoint.
    #[error("failed to {0}")]
    Io(&'static str, #[source] io::Error),
    /// A binary.
    #[error("failed to read the symbols of {}", .0.display())]
    Symbols(PathBuf, #[source] object::Error),
    /// A binary without symbols, whose functions nobody can tell apart.
    #[error("{} was built without symbols", .0.display())]
    Stripped(PathBuf),
}

/// Lets the functions live, and says what they called, as a linker script.
///
/// # Errors
/// A function did not do what it is there for, or has no symbols.
pub(crate) fn record(functions: &Path, out: &Path, say: &mut dyn FnMut(&str)) -> Result<String, RecordError> {
    if !callgrind::is_installed() {
        return Err(RecordError::NoCallgrind);
    }
    let io = |what| move |error| RecordError::Io(what, error);
    fs::create_dir_all(out).map_err(io("make the folder of what functions write"))?;
    let options = Options { instances: FLEET_OF_STARTS, delay: Duration::ZERO, has_tls: true };
    let endpoint = Remote::start(options).map_err(io("start the endpoint"))?;
    let asked = Measure { functions: functions.to_owned(), out: out.to_owned(), ..Measure::default() };
    let subjects =
        Subjects::new(&asked, endpoint.addresses.clone()).map_err(io("write the endpoint's root certificate"))?;
    let place = Place { folder: out.to_owned(), time: TIME };

    let mut binaries = BTreeMap::<_, [BTreeSet<String>; 2]>::new();
    for (subject, when, events) in subjects.habits() {
        say(&format!("{}, {events} events", subject.name));
        let counts = callgrind::live(&place, out, &subject, events)?;
        let called = &mut binaries.entry(PathBuf::from(&subject.command[0])).or_default()[when as usize];
        called.extend(callgrind::called(&counts).map(str::to_owned));
    }
    let mut functions = Functions::default();
    for (path, [start, run]) in binaries {
        let binary = fs::read(&path).map_err(io("read a function"))?;
        let symbols = symbols(&binary).map_err(|error| RecordError::Symbols(path.clone(), error))?;
        if symbols.is_empty() {
            return Err(RecordError::Stripped(path));
        }
        functions.add(symbols.into_iter().map(|(symbol, bytes)| {
            let when =
                if start.contains(symbol) { Some(When::Start) } else { run.contains(symbol).then_some(When::Run) };
            (symbol, bytes, when)
        }));
    }
    Ok(functions.script())
}

/// The functions of a binary, and how large each of them is.
fn symbols(binary: &[u8]) -> object::Result<Vec<(&str, u64)>> {
    let file = object::File::parse(binary)?;
    let functions = file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    functions.map(|symbol| Ok((symbol.name()?, symbol.size()))).collect()
}
