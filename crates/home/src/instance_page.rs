//! `GET /instances/{id}`: one instance, all gates with their evidence, and the buttons.

use std::collections::BTreeSet;

use askama::Template;
use capability::Permit;
use fleet::{Depth, ReadAddresses, ReadFleet, Sight};
use idleness::{Explanation, Instance, InstanceId, InstanceState, Mode, Verdict, in_order, is_start_owed};
use jiff::Timestamp;
use pages::{Page, Problem, Visitor, prefers_json};
use serde_json::{Value, json};
use web::{Answer, Request, http::StatusCode};

use crate::{Settings, row::Row, unseen, words};

#[derive(Template)]
#[template(path = "instance.html")]
struct InstancePage<'a> {
    mode: Mode,
    row: &'a Row,
    explanation: &'a Explanation,
    address: Option<&'a str>,
    progress: Option<&'static str>,
    is_still: bool,
    buttons: Buttons,
    max_keep_hours: u32,
    token: &'a str,
    sees_fleet: bool,
    at: String,
}

/// What the visitor may press, and what makes sense.
#[derive(Clone, Copy)]
struct Buttons {
    start: bool,
    keep_awake: bool,
}

pub(crate) async fn answer(
    request: &Request,
    visitor: &Visitor,
    fleet: &(impl ReadFleet + ReadAddresses),
    settings: &Settings,
    (id, is_still): (&InstanceId, bool),
    now: Timestamp,
) -> Result<Answer, Problem> {
    let rules = &settings.rules;
    let scope = Some(BTreeSet::from([id.clone()]));
    let mut sight = Sight::of(fleet, &scope, Depth::Everything, rules, now).await.map_err(|error| unseen(&error))?;
    if sight.decide(rules, now).iter().any(|decision| decision.verdict == Verdict::Start) {
        // Whether it starts now depends on those that start before it.
        sight.read_fleet(fleet).await.map_err(|error| unseen(&error))?;
    }
    let decisions = in_order(sight.decide(rules, now), sight.fleet());
    let decision = decisions.iter().find(|decision| decision.instance == *id);
    let seen =
        decision.and_then(|decision| Some((sight.instance(id)?, decision, sight.explain(decision, rules, now)?)));
    let Some((instance, decision, explanation)) = seen else {
        let message = format!("EC2 knows no instance {id} in this account and Region");
        return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-instance", message));
    };
    let address = match instance.state {
        InstanceState::Running => fleet.address(id).await.map_err(|error| unseen(&error))?,
        _ => None,
    };
    let row = Row::new(instance, decision, rules, now);
    if prefers_json(request) {
        return Ok(Answer::json(StatusCode::OK, &as_json(&row, &explanation, address.as_deref(), visitor)));
    }
    let progress = progress(instance, &row);
    let allows = |permit| visitor.capability.allows(permit, id) && instance.tags.opted_in();
    let content = InstancePage {
        mode: settings.mode,
        row: &row,
        explanation: &explanation,
        address: address.as_deref(),
        progress,
        is_still,
        buttons: Buttons {
            start: allows(Permit::Start) && can_be_started(instance),
            keep_awake: allows(Permit::KeepAwake) && is_awake(instance.state),
        },
        max_keep_hours: settings.max_keep_hours,
        token: &visitor.token,
        sees_fleet: visitor.capability.allows_reading_the_fleet(),
        at: words::time(now),
    };
    let refreshes = progress.is_some() && !is_still;
    Ok(Page { title: &row.title(), refreshes }.answer(StatusCode::OK, &content))
}

fn as_json(row: &Row, explanation: &Explanation, address: Option<&str>, visitor: &Visitor) -> Value {
    let mut body = serde_json::to_value(row).unwrap_or_default();
    let gate = |step: &idleness::Step| json!({"gate": step.gate, "holds": step.holds, "text": step.words});
    body["gates"] = explanation.steps.iter().map(gate).collect();
    body["address"] = address.into();
    body["permits"] = json!(visitor.capability.permits);
    body
}

/// Whether a start does anything that is not under way. One that is owed to a stopped instance is tried at once.
fn can_be_started(instance: &Instance) -> bool {
    match instance.state {
        InstanceState::Stopped => true,
        InstanceState::Stopping => !is_start_owed(instance),
        _ => false,
    }
}

/// Whether there is something to keep. A stopped instance is started first, and held awake by that.
const fn is_awake(state: InstanceState) -> bool {
    matches!(state, InstanceState::Pending | InstanceState::Running | InstanceState::Stopping)
}

/// What is under way, if something is: the page then follows it.
fn progress(instance: &Instance, row: &Row) -> Option<&'static str> {
    match instance.state {
        InstanceState::Pending => Some("It is starting. That takes a minute or two."),
        InstanceState::Stopping if is_start_owed(instance) => {
            Some("It is still stopping. Doze starts it as soon as it has stopped.")
        }
        InstanceState::Stopping => Some("It is stopping."),
        // A start that was given up, or that fell back, is not under way.
        InstanceState::Stopped if is_start_owed(instance) && row.next.is_some() => {
            Some("Its start is owed: Doze tries again by itself until it runs.")
        }
        _ => None,
    }
}
