//! Prints how the presets do on the benchmark.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it prints is what it is for")]

mod arguments;

use std::process::ExitCode;

use arguments::{Arguments, Output, USAGE};
use idleness::Policy;
use traces::{Sampling, catalogue, evaluate, report};

fn main() -> ExitCode {
    match Arguments::parse(std::env::args().skip(1)) {
        Ok(arguments) => {
            print!("{}", answer(&arguments));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn answer(arguments: &Arguments) -> String {
    let policies = traces::policies();
    let traces = catalogue::catalogue();
    let judged = || evaluate(&traces, &arguments.seeds, &policies, arguments.sampling);
    match arguments.output {
        Output::Summary => format!("{}\n{}", opening(arguments), report::summary(&judged(), &policies)),
        Output::Details => {
            let judgements = judged();
            let details = report::details(&traces, &judgements, &policies);
            format!("{details}\n{}\n{}", opening(arguments), report::summary(&judgements, &policies))
        }
        Output::Figures => report::busiest_figures(&traces, &arguments.seeds, arguments.sampling),
        Output::Catalogue => report::catalogue_document(&Policy::presets()),
        Output::Help => format!("{USAGE}\n"),
    }
}

fn opening(arguments: &Arguments) -> String {
    let monitoring = match arguments.sampling {
        Sampling::Documented => "five samples of a minute, as documented",
        Sampling::Diluted => "one mean of five minutes",
    };
    let seeds = &arguments.seeds;
    let count = seeds.end - seeds.start;
    format!("{count} seeds from {} on for each trace. Basic monitoring: {monitoring}.\n", seeds.start)
}
