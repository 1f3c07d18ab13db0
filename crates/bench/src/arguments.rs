//! What the command line asks for.

use std::{path::PathBuf, time::Duration};

use crate::endpoint::Options;

/// How to call the program.
pub const USAGE: &str = "\
usage: bench measure --functions FOLDER --floors FOLDER --defaults FILE --python FILE --scripts FOLDER --out FOLDER
                     [--quick] [--only PART]...
       bench layout --functions FOLDER --out FOLDER
       bench endpoint INSTANCES DELAY_MS [tls]

  --functions FOLDER  where each function is, as FUNCTION/bootstrap
  --floors FOLDER     where the floors are that were built like the functions, as PROGRAM/bootstrap
  --defaults FILE     the scheduler on the SDK's defaults
  --python FILE       a Python that has boto3, awslambdaric and c7n
  --scripts FOLDER    the functions in Python
  --out FOLDER        where the report and the logs go
  --quick             fewer rounds, and the slow ones on small fleets alone
  --only PART         cold, warm, sweep, instructions or sizes; all of them if none is named

  layout              prints a linker script that puts side by side what functions call; they need their symbols
  endpoint            answers like EC2 and CloudWatch until its input ends; what `measure` starts by itself";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Arguments {
    /// To measure.
    Measure(Measure),
    /// To record what functions call.
    Layout {
        /// Where each function is.
        functions: PathBuf,
        /// Where what they write goes.
        out: PathBuf,
    },
    /// To be an endpoint.
    Endpoint(Options),
}

/// What is measured, and with what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Where each function is.
    pub functions: PathBuf,
    /// Where the floors are that were built like the functions.
    pub floors: PathBuf,
    /// The scheduler on the SDK's defaults.
    pub defaults: PathBuf,
    /// Python.
    pub python: PathBuf,
    /// The functions in Python.
    pub scripts: PathBuf,
    /// Where the report and the logs go.
    pub out: PathBuf,
    /// Whether to make it short.
    pub is_quick: bool,
    /// What is measured.
    pub parts: Vec<Part>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From the start of a process to its first answer.
    Cold,
    /// Each further answer.
    Warm,
    /// A whole fleet.
    Sweep,
    /// Instructions by callgrind.
    Instructions,
    /// Sizes of binaries.
    Sizes,
}

impl Part {
    const ALL: [(&'static str, Self); 5] = [
        ("cold", Self::Cold),
        ("warm", Self::Warm),
        ("sweep", Self::Sweep),
        ("instructions", Self::Instructions),
        ("sizes", Self::Sizes),
    ];
}

/// Why the command line makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadArguments {
    /// There is no such argument.
    #[error("unknown argument {0:?}")]
    Unknown(String),
    /// An argument lacks its value.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A number is none.
    #[error("{0} is {1:?}, which is no number")]
    NoNumber(&'static str, String),
}

impl Arguments {
    /// Reads the command line, without the program's name.
    ///
    /// # Errors
    /// It makes no sense.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, BadArguments> {
        let mut arguments = arguments.into_iter();
        match arguments.next().as_deref() {
            Some("measure") => measure(arguments).map(Self::Measure),
            Some("layout") => layout(arguments),
            Some("endpoint") => endpoint(arguments).map(Self::Endpoint),
            Some(other) => Err(BadArguments::Unknown(other.to_owned())),
            None => Err(BadArguments::Missing("measure, layout or endpoint")),
        }
    }
}

fn measure(mut arguments: impl Iterator<Item = String>) -> Result<Measure, BadArguments> {
    let mut asked = Measure::default();
    while let Some(argument) = arguments.next() {
        let mut path = |name| arguments.next().map(PathBuf::from).ok_or(BadArguments::Missing(name));
        match argument.as_str() {
            "--functions" => asked.functions = path("the folder of --functions")?,
            "--floors" => asked.floors = path("the folder of --floors")?,
            "--defaults" => asked.defaults = path("the file of --defaults")?,
            "--python" => asked.python = path("the file of --python")?,
            "--scripts" => asked.scripts = path("the folder of --scripts")?,
            "--out" => asked.out = path("the folder of --out")?,
            "--quick" => asked.is_quick = true,
            "--only" => {
                let name = arguments.next().ok_or(BadArguments::Missing("the part of --only"))?;
                let part = Part::ALL.into_iter().find(|(of, _)| *of == name);
                asked.parts.push(part.ok_or(BadArguments::Unknown(name))?.1);
            }
            _ => return Err(BadArguments::Unknown(argument)),
        }
    }
    all_given(&[
        ("--functions", &asked.functions),
        ("--floors", &asked.floors),
        ("--defaults", &asked.defaults),
        ("--python", &asked.python),
        ("--scripts", &asked.scripts),
        ("--out", &asked.out),
    ])?;
    if asked.parts.is_empty() {
        asked.parts.extend(Part::ALL.map(|(_, part)| part));
    }
    Ok(asked)
}

fn layout(mut arguments: impl Iterator<Item = String>) -> Result<Arguments, BadArguments> {
    let [mut functions, mut out] = [const { PathBuf::new() }; 2];
    while let Some(argument) = arguments.next() {
        let (path, name) = match argument.as_str() {
            "--functions" => (&mut functions, "the folder of --functions"),
            "--out" => (&mut out, "the folder of --out"),
            _ => return Err(BadArguments::Unknown(argument)),
        };
        *path = arguments.next().ok_or(BadArguments::Missing(name))?.into();
    }
    all_given(&[("--functions", &functions), ("--out", &out)])?;
    Ok(Arguments::Layout { functions, out })
}

fn all_given(paths: &[(&'static str, &PathBuf)]) -> Result<(), BadArguments> {
    match paths.iter().find(|(_, path)| path.as_os_str().is_empty()) {
        Some((name, _)) => Err(BadArguments::Missing(name)),
        None => Ok(()),
    }
}

fn endpoint(mut arguments: impl Iterator<Item = String>) -> Result<Options, BadArguments> {
    let mut number = |name| {
        let text = arguments.next().ok_or(BadArguments::Missing(name))?;
        text.parse::<u32>().map_err(|_| BadArguments::NoNumber(name, text))
    };
    let (instances, delay) = (number("INSTANCES")?, number("DELAY_MS")?);
    let has_tls = match arguments.next().as_deref() {
        None => false,
        Some("tls") => true,
        Some(other) => return Err(BadArguments::Unknown(other.to_owned())),
    };
    let instances = usize::try_from(instances).expect("memory is counted in 32 bits at least");
    Ok(Options { instances, delay: Duration::from_millis(delay.into()), has_tls })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, BadArguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn an_endpoint_has_a_size_and_a_delay() {
        let options = Options { instances: 10, delay: Duration::from_millis(30), has_tls: true };
        assert_eq!(parse("endpoint 10 30 tls"), Ok(Arguments::Endpoint(options)));
        assert_eq!(parse("endpoint 10"), Err(BadArguments::Missing("DELAY_MS")));
        assert_eq!(parse("endpoint ten"), Err(BadArguments::NoNumber("INSTANCES", "ten".to_owned())));
        assert_eq!(parse("endpoint 10 30 http"), Err(BadArguments::Unknown("http".to_owned())));
    }

    #[test]
    fn a_layout_is_of_functions() {
        let layout = Arguments::Layout { functions: "f".into(), out: "o".into() };
        assert_eq!(parse("layout --out o --functions f"), Ok(layout));
    }

    #[test]
    fn everything_is_measured_unless_parts_are_named() {
        let parts = |line: &str| match parse(&format!(
            "measure --functions f --floors l --defaults d --python p --scripts s --out o {line}"
        )) {
            Ok(Arguments::Measure(measure)) => measure.parts,
            other => panic!("{other:?}"),
        };
        assert_eq!(parts("--quick").len(), 5);
        assert_eq!(parts("--only cold --only sizes"), [Part::Cold, Part::Sizes]);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(parse(""), Err(BadArguments::Missing("measure, layout or endpoint")));
        assert_eq!(parse("measure --functions f"), Err(BadArguments::Missing("--floors")));
        assert_eq!(parse("measure --out"), Err(BadArguments::Missing("the folder of --out")));
        assert_eq!(parse("measure --only hot"), Err(BadArguments::Unknown("hot".to_owned())));
    }
}
