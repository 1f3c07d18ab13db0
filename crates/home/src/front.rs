//! `GET /`: what Doze is doing here. To the public it says nothing of any instance, and makes no AWS call for it; to whoever may see
//! the fleet it says how that is.

use askama::Template;
use fleet::{ReadFleet, Sight};
use idleness::{InstanceState, Mode, Savings};
use pages::{NAME, Page, Problem, VERSION, Visitor, prefers_json};
use serde::Serialize;
use serde_json::json;
use web::{Answer, Request, http::StatusCode};

use crate::{Settings, unseen};

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    mode: Mode,
    overview: Option<&'a Overview>,
    /// The token of a visitor who may see the fleet.
    token: Option<&'a str>,
}

/// The fleet in numbers.
#[derive(Serialize)]
struct Overview {
    total: usize,
    running: usize,
    stopped: usize,
    savings: Savings,
}

impl Overview {
    async fn of(fleet: &impl ReadFleet, settings: &Settings) -> Result<Self, Problem> {
        let sight = Sight::unmeasured(fleet, &None).await.map_err(|error| unseen(&error))?;
        let count = |state| sight.fleet().filter(|instance| instance.state == state).count();
        Ok(Self {
            total: sight.fleet().count(),
            running: count(InstanceState::Running),
            stopped: count(InstanceState::Stopped),
            savings: Savings::of(sight.fleet(), &settings.prices),
        })
    }

    /// What the sleep of those that Doze stopped saves, in words; nothing where nobody sleeps.
    fn saved(&self) -> Option<String> {
        let Savings { asleep, usd_per_hour, unpriced } = &self.savings;
        let who = match asleep {
            0 => return None,
            1 => "1 is asleep because Doze stopped it".to_owned(),
            _ => format!("{asleep} are asleep because Doze stopped them"),
        };
        let saved = format!("${usd_per_hour:.2} an hour");
        let types = unpriced.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        Some(match (*usd_per_hour > 0.0, unpriced.is_empty()) {
            (true, true) => format!("{who}, which saves {saved}."),
            (true, false) => format!("{who}, which saves {saved}, and more for the types without a price: {types}."),
            (false, true) => format!("{who}."),
            (false, false) => format!("{who}; of no type among them is a price known: {types}."),
        })
    }
}

pub(crate) async fn answer(
    request: &Request,
    fleet: &impl ReadFleet,
    settings: &Settings,
    visitor: Option<&Visitor>,
) -> Result<Answer, Problem> {
    let token = visitor.filter(|visitor| visitor.capability.allows_reading_the_fleet()).map(|v| v.token.as_str());
    let overview = if token.is_some() { Some(Overview::of(fleet, settings).await?) } else { None };
    if prefers_json(request) {
        return Ok(as_json(settings, overview.as_ref()));
    }
    let content = FrontPage { mode: settings.mode, overview: overview.as_ref(), token };
    Ok(Page { title: "EC2 instances that doze off", refresh_seconds: None }.answer(StatusCode::OK, &content))
}

fn as_json(settings: &Settings, overview: Option<&Overview>) -> Answer {
    let links = json!({"self": "/", "hello": "/hello"});
    let mut body = json!({"name": NAME, "version": VERSION, "mode": settings.mode, "links": links});
    if let Some(overview) = overview {
        body["links"]["instances"] = "/instances".into();
        body["fleet"] = json!(overview);
    }
    Answer::json(StatusCode::OK, &body)
}
