//! The calls of a whole sweep: as few as the limits of each operation allow.

use std::collections::BTreeMap;

use scheduler::{Settings, run};
use scripted::{Account, Machine};
use serde_json::json;
use settings::Environment;

use crate::support::{Endpoint, Pointed as _};

/// One instance in five does nothing.
const INSTANCES: usize = 2300;
const IDLE: usize = 460;
/// What one run may stop.
const CAP: usize = 120;

const PER_PAGE: usize = 1000;
const PER_FILTER: usize = 200;
const QUERIES_PER_CALL: usize = 500;
/// Of the metrics of `dev-box`, on a type without accelerators: processor, and then once more, network and EBS.
const FIRST_MEASURES: usize = 1;
const OTHER_MEASURES: usize = 5;
const PER_CHANGE: usize = 50;

fn machine(number: usize, now: jiff::Timestamp) -> Machine {
    let mut machine = Machine::idle(&format!("i-{number:017x}"), now);
    if !number.is_multiple_of(5) {
        machine.measures = Some(BTreeMap::from([("CPUUtilization", 60.0)]));
    }
    machine
}

#[tokio::test]
async fn a_sweep_makes_no_more_calls_than_the_limits_ask_for() {
    let now = Account::default().now();
    let account = Account::of((0..INSTANCES).map(|number| machine(number, now)));
    let endpoint = Endpoint::start(move |call| account.answer(call));
    let cap = CAP.to_string();
    let environment = Environment::from_iter([("DOZE_MODE", "enforce"), ("DOZE_MAX_STOPS", &cap)]);
    let settings = Settings::read(&environment).expect("makes sense");
    let run =
        run(&json!({"action": "sweep"}), &endpoint.fleet().await, &settings, now).await.expect("comes to its end");
    let summary = &run.report.summary;
    assert_eq!((summary.considered, summary.stopped, summary.keep), (INSTANCES, CAP, INSTANCES - CAP));
    assert_eq!(summary.keep_by_reason, BTreeMap::from([("busy", INSTANCES - IDLE), ("over-cap", IDLE - CAP)]));

    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for call in endpoint.calls() {
        *calls.entry(call.operation).or_default() += 1;
    }
    let metrics =
        (INSTANCES * FIRST_MEASURES).div_ceil(QUERIES_PER_CALL) + (IDLE * OTHER_MEASURES).div_ceil(QUERIES_PER_CALL);
    let expected = [
        ("CreateTags", CAP.div_ceil(PER_CHANGE)),
        // Stop protection, which no other call tells.
        ("DescribeInstanceAttribute", CAP),
        // The fleet, and those that are to be stopped once more.
        ("DescribeInstances", INSTANCES.div_ceil(PER_PAGE) + CAP.div_ceil(PER_FILTER)),
        ("GetMetricData", metrics),
        ("StopInstances", CAP.div_ceil(PER_CHANGE)),
    ];
    assert_eq!(calls, expected.map(|(operation, count)| (operation.to_owned(), count)).into());
}
