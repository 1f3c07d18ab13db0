#![doc = include_str!("../README.md")]

mod act;
mod answer;
mod order;
mod record;
mod settings;
mod tags;

use capability::{Permit, ReadKeys};
use fleet::{ApiError, ChangeFleet, ReadFleet};
use idleness::{Instance, InstanceState};
use jiff::Timestamp;
use pages::{Problem, Visitor, negotiated};
use web::{Answer, Request, http::StatusCode};

pub use crate::settings::Settings;
use crate::{
    act::{keep_awake, start},
    answer::Reply,
    order::{Deed, Order},
    record::record,
};
pub use pages::Sources;

/// Answers one request.
pub async fn respond(
    request: &Request,
    sources: &Sources<impl ReadFleet + ChangeFleet, impl ReadKeys>,
    settings: &Settings,
    now: Timestamp,
) -> Answer {
    negotiated(request, answer(request, sources, settings, now).await)
}

/// Parse, let in, read, act, answer.
async fn answer(
    request: &Request,
    sources: &Sources<impl ReadFleet + ChangeFleet, impl ReadKeys>,
    settings: &Settings,
    now: Timestamp,
) -> Result<Answer, Problem> {
    let order = Order::of(request, settings)?;
    let visitor = Visitor::of(request, sources.keys.as_ref(), now).await?;
    let (Order { id, deed }, fleet) = (order, &sources.fleet);
    let permit = match deed {
        Deed::Start => Permit::Start,
        Deed::KeepAwake { .. } => Permit::KeepAwake,
    };
    if !visitor.capability.allows(permit, &id) {
        return Err(Visitor::forbidden());
    }
    let seen = fleet.instances(std::slice::from_ref(&id)).await.map_err(|error| unseen(&error))?;
    let Some(instance) = seen.into_iter().find(|instance| instance.id == id) else {
        let message = format!("EC2 knows no instance {id} in this account and Region");
        return Err(Problem::new(StatusCode::NOT_FOUND, "no-such-instance", message));
    };
    check(&instance)?;
    let done = match deed {
        Deed::Start => start(fleet, &instance, settings, now).await?,
        Deed::KeepAwake { hours } => keep_awake(fleet, &instance, hours, settings, now).await?,
    };
    record(&instance.id, deed, &done, settings.function.as_deref(), now);
    Ok(Reply { instance: &instance, deed, done: &done, visitor: &visitor }.answer(request))
}

/// Whether the instance is one that can be woken at all. A token may be older than the instance's last tag.
fn check(instance: &Instance) -> Result<(), Problem> {
    let id = &instance.id;
    let conflict = |code, message| Err(Problem::new(StatusCode::CONFLICT, code, message));
    match instance.state {
        _ if !instance.tags.opted_in() => conflict(
            "not-opted-in",
            format!("the instance {id} has no tag doze=on, or not any more: Doze does not touch it"),
        ),
        InstanceState::ShuttingDown | InstanceState::Terminated => {
            conflict("terminated", format!("the instance {id} is terminated, and gone for good"))
        }
        InstanceState::Unknown => {
            conflict("unknown-state", format!("the instance {id} is in a state that Doze does not know"))
        }
        InstanceState::Pending | InstanceState::Running | InstanceState::Stopping | InstanceState::Stopped => Ok(()),
    }
}

/// The problem of a fleet that cannot be seen. What AWS said goes into the log.
fn unseen(error: &ApiError) -> Problem {
    let failure = error.to_string();
    tracing::error!(failure, "the fleet cannot be seen");
    Problem::unavailable()
}

/// The problem behind a change that failed. What AWS said goes into the log.
fn failed(error: &ApiError) -> Problem {
    let failure = error.to_string();
    tracing::error!(failure, "a change failed");
    if error.is_about_single_ids() {
        let message = format!("EC2 refused: {}", error.code);
        return Problem::new(StatusCode::CONFLICT, "refused", message);
    }
    Problem::unavailable()
}
