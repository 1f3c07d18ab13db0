//! `GET /instances/{id}`: one instance, all gates with their evidence, and the buttons.

use std::collections::BTreeSet;

use askama::Template;
use capability::{Permit, Subject};
use fleet::{Depth, ReadAddresses, ReadFleet, Sight};
use idleness::{Explanation, Instance, InstanceId, InstanceState, Mode, Verdict, is_start_owed, unreadable_tag};
use jiff::Timestamp;
use pages::{Page, Problem, Visitor, prefers_json};
use serde_json::{Value, json};
use settings::KEEP_HOURS;
use web::{Answer, Request, http::StatusCode};

use crate::{Settings, row::Row, unseen, words};

/// As much of what one gate found, in bytes on the page: names in it may be long.
const GATE_BYTES: usize = 900;

#[derive(Template)]
#[template(path = "instance.html")]
struct InstancePage<'a> {
    mode: Mode,
    row: &'a Row,
    explanation: &'a Explanation,
    address: Option<&'a str>,
    progress: Option<&'static str>,
    refresh_seconds: Option<u32>,
    buttons: Buttons,
    keep_hours: u32,
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
    let mut sight = Sight::unmeasured(fleet, &scope).await.map_err(|error| unseen(&error))?;
    // The fleet are the instances that opted in; of others its token shows nothing.
    let may_be_seen = |i: &&Instance| i.tags.opted_in() || visitor.capability.subject != Subject::Fleet;
    match sight.instance(id).filter(may_be_seen).map(|instance| instance.state) {
        None => {
            let message = format!("EC2 knows no instance {id} in this account and Region");
            return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-instance", message));
        }
        // Whether it starts depends on others, and measurements say nothing about it.
        Some(InstanceState::Stopped) => sight.read_fleet(fleet).await,
        Some(_) => sight.measure(fleet, Depth::Everything, rules, now).await,
    }
    .map_err(|error| unseen(&error))?;
    let decisions = sight.decide_in_order(rules, now);
    let decision = decisions.iter().find(|decision| decision.instance == *id);
    let seen =
        decision.and_then(|decision| Some((sight.instance(id)?, decision, sight.explain(decision, rules, now)?)));
    let Some((instance, decision, explanation)) = seen else { return Err(Problem::not_found()) };
    let address = match instance.state {
        InstanceState::Running => fleet.address(id).await.map_err(|error| unseen(&error))?,
        _ => None,
    };
    let row = Row::new(instance, decision, rules, now);
    if prefers_json(request) {
        return Ok(Answer::json(StatusCode::OK, &as_json(&row, &explanation, address.as_deref(), visitor)));
    }
    let progress = progress(instance, &row);
    // A state on its way changes within a minute; an owed start may take hours, and each look costs calls.
    let seconds = if instance.state == InstanceState::Stopped { 60 } else { 5 };
    let refresh_seconds = progress.filter(|_| !is_still).map(|_| seconds);
    let allows = |permit| visitor.capability.allows(permit, id) && instance.tags.opted_in();
    let content = InstancePage {
        mode: settings.mode,
        row: &row,
        explanation: &explanation,
        address: address.as_deref(),
        progress,
        refresh_seconds,
        buttons: Buttons {
            start: allows(Permit::Start) && can_be_started(instance),
            keep_awake: allows(Permit::KeepAwake) && is_awake(instance.state),
        },
        keep_hours: KEEP_HOURS.min(settings.max_keep_hours),
        max_keep_hours: settings.max_keep_hours,
        token: &visitor.token,
        sees_fleet: visitor.capability.allows_reading_the_fleet(),
        at: words::time(now),
    };
    Ok(Page { title: &row.title(), refresh_seconds }.answer(StatusCode::OK, &content))
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
        InstanceState::Stopping if unreadable_tag(instance).is_some() => false,
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
        InstanceState::Stopping if is_start_owed(instance) && unreadable_tag(instance).is_none() => {
            Some("It is still stopping. Doze starts it as soon as it has stopped.")
        }
        InstanceState::Stopping => Some("It is stopping."),
        // A start that was given up, or that fell back, is not under way.
        InstanceState::Stopped if is_start_owed(instance) && row.next.is_some() => {
            Some("Its start is owed: Doze tries again by itself.")
        }
        _ => None,
    }
}
