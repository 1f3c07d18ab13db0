//! The figures as a page, and as JSON. Pure.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    endpoint::Tally,
    figures::{Cold, Figures, Sweep, Warm, ratio},
    measure::FLEETS,
    statistics::Spread,
    subjects::{FLOOR_OF_HELLO, FLOOR_OF_SCHEDULER, ORDER, PYTHON_HELLO, PYTHON_SCHEDULER, of_greeting},
    table::{figure, table},
    targets::{Bound, Target},
};

/// What the report is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report<'a> {
    pub(crate) machine: &'a Value,
    pub(crate) versions: &'a Value,
    pub(crate) is_quick: bool,
    pub(crate) figures: &'a Figures,
    pub(crate) targets: &'a [Target],
}

impl Report<'_> {
    /// As JSON, every round.
    pub(crate) fn json(&self) -> Value {
        json!({
            "machine": self.machine,
            "versions": self.versions,
            "quick": self.is_quick,
            "figures": self.figures,
            "targets": self.targets.iter().map(|target| json!({"target": target, "met": target.is_met()})).collect::<Vec<_>>(),
        })
    }

    /// As a page.
    pub(crate) fn markdown(&self) -> String {
        let mut page = "# Benchmark\n\n".to_owned();
        let _ = writeln!(page, "{}  \n{}\n", listed(self.machine), listed(self.versions));
        if self.is_quick {
            page += "Few rounds (`quick`): ratios are rough.\n\n";
        }
        page += "Figures are medians, with the quarter below and above and the extremes in `report.json`; ratios are medians of the \
                 ratios of each round.\n";
        for (title, rows, head) in [
            ("From start to answer", self.cold(), &COLD[..]),
            ("Each further answer", self.warm(), &WARM[..]),
            ("Sizes and instructions", self.sizes(), &SIZES[..]),
            ("A sweep, 30 ms a call", self.sweeps(), &SWEEPS[..]),
            ("Its calls and its bill", self.bills(), &BILLS[..]),
            ("Targets", self.verdicts(), &TARGETS[..]),
        ] {
            if !rows.is_empty() {
                let _ = write!(page, "\n## {title}\n\n{}", table(head, &rows));
            }
        }
        if !self.figures.left_out.is_empty() {
            let _ = write!(page, "\n## Left out\n\n- {}\n", self.figures.left_out.join("\n- "));
        }
        page
    }

    fn cold(&self) -> Vec<Vec<String>> {
        let cold = &self.figures.cold;
        ordered(|name| {
            let of = cold.get(name)?;
            let floor = cold.get(if of_greeting(name) { FLOOR_OF_HELLO } else { FLOOR_OF_SCHEDULER });
            let python = cold.get(if of_greeting(name) { PYTHON_HELLO } else { PYTHON_SCHEDULER });
            // Whoever was measured apart from the floor has no rounds in common with it.
            let floor = floor.filter(|_| is_paired(name));
            let python = python.filter(|_| is_paired(name));
            let ratio = |of, to, figures: fn(&Cold) -> &[f64]| times(ratio(of, to, figures));
            Some(vec![
                name.to_owned(),
                spread(&of.first_poll_ms),
                spread(&of.first_answer_ms),
                ratio(Some(of), floor, |cold| &cold.first_answer_ms),
                ratio(python, Some(of), |cold| &cold.first_answer_ms),
                spread(&of.init_cpu_ms),
                ratio(Some(of), floor, |cold| &cold.init_cpu_ms),
                median(&of.peak_mb),
                ratio(Some(of), floor, |cold| &cold.peak_mb),
                of.threads.to_string(),
                of.calls.to_string(),
            ])
        })
    }

    fn warm(&self) -> Vec<Vec<String>> {
        let warm = &self.figures.warm;
        ordered(|name| {
            let of = warm.get(name)?;
            let floor = warm.get(if of_greeting(name) { FLOOR_OF_HELLO } else { FLOOR_OF_SCHEDULER });
            let python = warm.get(if of_greeting(name) { PYTHON_HELLO } else { PYTHON_SCHEDULER });
            let cpu = |to| times(ratio(Some(of), to, |warm: &Warm| &warm.cpu_us));
            Some(vec![
                name.to_owned(),
                of.invocations.to_string(),
                of.latency_us.map(|latency| figure(latency.median)).unwrap_or_default(),
                of.latency_us.map(|latency| figure(latency.p99)).unwrap_or_default(),
                spread(&of.cpu_us),
                cpu(floor),
                cpu(python),
                median(&of.peak_mb),
                of.threads.to_string(),
                of.connections.to_string(),
            ])
        })
    }

    fn sizes(&self) -> Vec<Vec<String>> {
        ordered(|name| {
            let size = self.figures.sizes.get(name);
            let instructions = self.figures.instructions.get(name);
            if size.is_none() && instructions.is_none() {
                return None;
            }
            let floor =
                self.figures.instructions.get(if of_greeting(name) { FLOOR_OF_HELLO } else { FLOOR_OF_SCHEDULER });
            let init = instructions.map(|count| count.init);
            Some(vec![
                name.to_owned(),
                size.map(|size| millions(size.binary)).unwrap_or_default(),
                size.map(|size| millions(size.zip)).unwrap_or_default(),
                init.map(millions).unwrap_or_default(),
                init.zip(floor).map(|(init, floor)| figure(quotient(init, floor.init))).unwrap_or_default(),
                instructions.and_then(|count| count.warm).map(thousands).unwrap_or_default(),
            ])
        })
    }

    fn sweeps(&self) -> Vec<Vec<String>> {
        self.of_sweeps(|name, sweep| {
            let floor = self.figures.sweep(FLOOR_OF_SCHEDULER, sweep.instances);
            let python = self.figures.sweep(PYTHON_SCHEDULER, sweep.instances);
            let time = |to| times(ratio(Some(sweep), to, |sweep: &Sweep| &sweep.seconds));
            vec![
                name.to_owned(),
                sweep.instances.to_string(),
                spread(&sweep.seconds),
                time(floor),
                time(python),
                median(&sweep.peak_mb),
                times(ratio(Some(sweep), floor, |sweep: &Sweep| &sweep.peak_mb)),
                sweep.seconds.len().to_string(),
            ]
        })
    }

    fn bills(&self) -> Vec<Vec<String>> {
        self.of_sweeps(|name, sweep| {
            let Tally { metrics, datapoints, connections, busy, .. } = &sweep.tally;
            let others = sweep.tally.total() - sweep.tally.of("DescribeInstances") - sweep.tally.of_metrics();
            vec![
                name.to_owned(),
                sweep.instances.to_string(),
                sweep.tally.of("DescribeInstances").to_string(),
                sweep.tally.of_metrics().to_string(),
                others.to_string(),
                metrics.to_string(),
                datapoints.to_string(),
                format!("{:.4}", sweep.dollars),
                connections.to_string(),
                figure(busy.as_secs_f64() * 1e3),
            ]
        })
    }

    fn of_sweeps(&self, row: impl Fn(&str, &Sweep) -> Vec<String>) -> Vec<Vec<String>> {
        let sweeps = FLEETS.iter().flat_map(|&instances| {
            ORDER.iter().filter_map(move |&name| Some((name, self.figures.sweep(name, instances)?)))
        });
        sweeps.map(|(name, sweep)| row(name, sweep)).collect()
    }

    fn verdicts(&self) -> Vec<Vec<String>> {
        let row = |target: &Target| {
            let sign = match target.bound {
                Bound::AtMost => '≤',
                Bound::AtLeast => '≥',
            };
            vec![
                format!("{}: {}", target.subject, target.what),
                format!("{sign} {}", target.limit),
                target.measured.map(figure).unwrap_or_default(),
                match target.is_met() {
                    Some(true) => "met",
                    Some(false) => "not met",
                    None => "not measured",
                }
                .to_owned(),
            ]
        };
        self.targets.iter().map(row).collect()
    }
}

const COLD: [&str; 11] = [
    "",
    "start to first poll, ms",
    "start to first answer, ms",
    "× floor",
    "faster than Python",
    "CPU time of init, ms",
    "× floor",
    "peak MB",
    "× floor",
    "threads",
    "AWS calls",
];
const WARM: [&str; 10] = [
    "",
    "invocations",
    "p50, µs",
    "p99, µs",
    "CPU time, µs",
    "× floor",
    "× Python",
    "peak MB",
    "threads",
    "connections",
];
const SIZES: [&str; 6] = ["", "binary, MB", "zip, MB", "init, M instructions", "× floor", "warm, k instructions"];
const SWEEPS: [&str; 8] =
    ["", "instances", "start to answer, s", "× floor", "× batched boto3", "peak MB", "× floor", "rounds"];
const BILLS: [&str; 10] = [
    "",
    "instances",
    "describe calls",
    "metric calls",
    "other calls",
    "metrics",
    "datapoints",
    "USD",
    "connections",
    "endpoint busy, ms",
];
const TARGETS: [&str; 4] = ["", "target", "measured", ""];

fn ordered(row: impl Fn(&str) -> Option<Vec<String>>) -> Vec<Vec<String>> {
    ORDER.iter().filter_map(|name| row(name)).collect()
}

/// Whether its rounds are also rounds of the floor.
fn is_paired(name: &str) -> bool {
    !["wake", "alarms"].contains(&name)
}

fn listed(values: &Value) -> String {
    let values = values.as_object().into_iter().flatten();
    let texts = values.map(|(name, value)| match value.as_str() {
        Some(text) => format!("{name} {text}"),
        None => format!("{name} {value}"),
    });
    texts.collect::<Vec<_>>().join(", ")
}

/// The median, and the quarters around it.
fn spread(figures: &[f64]) -> String {
    match Spread::of(figures.iter().copied()) {
        Some(Spread { rounds: 1, median, .. }) => figure(median),
        Some(Spread { median, p25, p75, .. }) => format!("{} ({}–{})", figure(median), figure(p25), figure(p75)),
        None => String::new(),
    }
}

fn median(figures: &[f64]) -> String {
    Spread::of(figures.iter().copied()).map(|spread| figure(spread.median)).unwrap_or_default()
}

fn times(ratio: Option<Spread>) -> String {
    ratio.map(|ratio| figure(ratio.median)).unwrap_or_default()
}

fn millions(count: u64) -> String {
    figure(quotient(count, 1_000_000))
}

fn thousands(count: u64) -> String {
    figure(quotient(count, 1000))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^52")]
fn quotient(of: u64, to: u64) -> f64 {
    of as f64 / to as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::targets;

    fn page(figures: &Figures) -> String {
        let (machine, versions) = (json!({"cores": 2}), json!({"rustc": "rustc 1.95.0"}));
        let targets = targets(figures);
        Report { machine: &machine, versions: &versions, is_quick: true, figures, targets: &targets }.markdown()
    }

    #[test]
    fn parts_that_were_not_measured_have_no_table() {
        let page = page(&Figures::default());
        assert!(page.contains("cores 2") && page.contains("rustc 1.95.0") && page.contains("not measured"), "{page}");
        assert!(!page.contains("## A sweep"), "{page}");
    }

    #[test]
    fn each_subject_has_its_row_in_order() {
        let mut figures = Figures::default();
        for (name, ms) in [(FLOOR_OF_HELLO, 1.0), ("hello", 2.0)] {
            figures.cold.insert(name.to_owned(), Cold { first_answer_ms: vec![ms, ms], ..Cold::default() });
        }
        let page = page(&figures);
        let (floor, hello) = (page.find("| floor: hello").unwrap(), page.find("| hello").unwrap());
        assert!(floor < hello, "{page}");
        assert!(page[hello..].lines().next().unwrap().contains("2.00 (2.00–2.00) |    2.00"), "{page}");
    }
}
