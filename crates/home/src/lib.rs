#![doc = include_str!("../README.md")]

mod fleet_page;
mod front;
mod instance_page;
mod route;
mod row;
mod settings;
mod words;

use capability::{Permit, ReadKeys};
use fleet::{ReadAddresses, ReadFleet};
use jiff::Timestamp;
use pages::{Problem, Visitor, negotiated, token};
use web::{Answer, Request};

use crate::route::Route;
pub use crate::settings::Settings;
pub use pages::Sources;

/// Answers one request.
pub async fn respond(
    request: &Request,
    sources: &Sources<impl ReadFleet + ReadAddresses, impl ReadKeys>,
    settings: &Settings,
    now: Timestamp,
) -> Answer {
    negotiated(request, answer(request, sources, settings, now).await)
}

async fn answer(
    request: &Request,
    sources: &Sources<impl ReadFleet + ReadAddresses, impl ReadKeys>,
    settings: &Settings,
    now: Timestamp,
) -> Result<Answer, Problem> {
    let (fleet, keys) = (&sources.fleet, sources.keys.as_ref());
    match Route::of(request)? {
        Route::Front => {
            let visitor = match token(request) {
                Some(_) => Some(Visitor::of(request, keys, now).await?),
                None => None,
            };
            front::answer(request, fleet, settings, visitor.as_ref()).await
        }
        Route::Fleet { page } => {
            let visitor = Visitor::of(request, keys, now).await?;
            if !visitor.capability.allows_reading_the_fleet() {
                return Err(Visitor::forbidden());
            }
            fleet_page::answer(request, &visitor, fleet, settings, page, now).await
        }
        Route::Instance { id, is_still } => {
            let visitor = Visitor::of(request, keys, now).await?;
            if !visitor.capability.allows(Permit::Read, &id) {
                return Err(Visitor::forbidden());
            }
            instance_page::answer(request, &visitor, fleet, settings, (&id, is_still), now).await
        }
    }
}

/// The problem of a page that AWS did not let us make. What AWS said goes into the log.
fn unseen(error: &fleet::ApiError) -> Problem {
    let failure = error.to_string();
    tracing::error!(failure, "the fleet cannot be seen");
    Problem::unavailable()
}
