#![doc = include_str!("../README.md")]

mod arguments;
mod callgrind;
mod cbor;
mod endpoint;
mod figures;
pub mod floor;
mod http;
mod layout;
mod life;
mod machine;
mod measure;
mod process;
mod record;
mod report;
mod runtime_api;
mod statistics;
mod subjects;
mod table;
mod targets;

use std::{error::Error, fs, io};

use arguments::Measure;
pub use arguments::{Arguments, BadArguments, USAGE};
use report::Report;

/// Does what the command line asks for. `say` tells what is going on; the page that is returned is also in the folder of the
/// report.
///
/// # Errors
/// Something could not be measured; the error and its sources say what.
pub fn run(arguments: &Arguments, say: &mut dyn FnMut(&str)) -> Result<String, Box<dyn Error>> {
    match arguments {
        Arguments::Measure(asked) => report(asked, say),
        Arguments::Layout { functions, out } => Ok(record::record(functions, out, say)?),
        Arguments::Endpoint(options) => {
            endpoint::serve(*options, io::stdin().lock(), io::stdout())?;
            Ok(String::new())
        }
    }
}

fn report(asked: &Measure, say: &mut dyn FnMut(&str)) -> Result<String, Box<dyn Error>> {
    let machine = machine::machine();
    let versions = machine::versions(&asked.python, &asked.scripts);
    let figures = measure::measure(asked, say)?;
    let targets = targets::targets(&figures);
    let report = Report {
        machine: &machine,
        versions: &versions,
        is_quick: asked.is_quick,
        figures: &figures,
        targets: &targets,
    };
    let page = report.markdown();
    fs::write(asked.out.join("report.json"), format!("{:#}\n", report.json()))?;
    fs::write(asked.out.join("report.md"), &page)?;
    Ok(page)
}
