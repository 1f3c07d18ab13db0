//! Every file under `events/alarms`: what it asks for, and, of a stack's, what the stack is told.

use std::{fs, path::Path};

use alarms::{Request, Status};
use serde_json::Value;

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("is readable")).expect("is JSON")
}

fn event(name: &str) -> Value {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/alarms").join(name).with_extension("json"))
}

#[test]
fn each_asks_for_what_its_name_says() {
    let mut lines = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events/alarms");
    for file in fs::read_dir(folder).expect("is there") {
        let path = file.expect("is readable").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("is Unicode").to_owned();
        let asked = match Request::parse(&read(&path)) {
            Ok(Request::Deployment(order)) => format!("{:?} of a stack", order.request_type),
            Ok(request) => format!("{request:?}"),
            Err(refusal) => format!("refused: {refusal}"),
        };
        assert_eq!(asked.starts_with("refused"), name.starts_with("refused"), "{name}: {asked}");
        lines.push(format!("{name}: {asked}"));
    }
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_no_object_is_refused() {
    for event in [Value::Null, Value::from("keep-alarms"), Value::from(vec![1])] {
        assert!(Request::parse(&event).is_err(), "{event}");
    }
}

#[test]
fn the_stack_hears_how_it_ended_under_a_name_that_stays() {
    let reply = |name: &str, ending| {
        let Ok(Request::Deployment(order)) = Request::parse(&event(name)) else { panic!("{name} is a stack's") };
        serde_json::to_value(order.reply("doze-idle-auto-", ending)).expect("is JSON")
    };
    insta::assert_json_snapshot!("created", reply("stack-created", Ok(())));
    insta::assert_json_snapshot!("not-deleted", reply("stack-deleted", Err("3 alarms are left")));
    // A resource that was never made goes under the name that CloudFormation gave it.
    let mut other = event("stack-deleted");
    other["PhysicalResourceId"] = Value::from("given-by-cloudformation");
    let Ok(Request::Deployment(order)) = Request::parse(&other) else { panic!("it is a stack's") };
    let reply = order.reply("doze-idle-auto-", Ok(()));
    assert_eq!(reply.status, Status::Success);
    assert_eq!(serde_json::to_value(&reply).expect("is JSON")["PhysicalResourceId"], "given-by-cloudformation");
}

#[test]
fn a_reason_stays_below_what_cloudformation_takes() {
    let Ok(Request::Deployment(order)) = Request::parse(&event("stack-created")) else { panic!("it is a stack's") };
    let reply = order.reply("doze-idle-auto-", Err(&"é".repeat(9000)));
    assert_eq!(reply.reason.map(|reason| reason.chars().count()), Some(500));
}

#[test]
fn whoever_reads_the_log_cannot_answer_in_our_place() {
    let Ok(request) = Request::parse(&event("stack-created")) else { panic!("it is a stack's") };
    let shown = format!("{request:?}");
    assert!(shown.contains("Create") && !shown.contains("Signature") && !shown.contains("https"), "{shown}");
}
