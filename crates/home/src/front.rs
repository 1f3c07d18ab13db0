//! The public page: what Doze is doing here. It says nothing of any instance, and makes no AWS call.

use askama::Template;
use idleness::Mode;
use pages::{NAME, Page, VERSION, Visitor, prefers_json};
use serde_json::json;
use web::{Answer, Request, http::StatusCode};

use crate::Settings;

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    mode: Mode,
    /// The token of a visitor who may see the fleet.
    token: Option<&'a str>,
}

pub(crate) fn answer(request: &Request, settings: &Settings, visitor: Option<&Visitor>) -> Answer {
    let token = visitor.filter(|visitor| visitor.capability.allows_reading_the_fleet()).map(|v| v.token.as_str());
    if prefers_json(request) {
        return as_json(settings, token.is_some());
    }
    let title = "EC2 instances that doze off";
    Page { title, refresh_seconds: None }.answer(StatusCode::OK, &FrontPage { mode: settings.mode, token })
}

fn as_json(settings: &Settings, sees_fleet: bool) -> Answer {
    let mut links = json!({"self": "/", "hello": "/hello"});
    if sees_fleet {
        links["instances"] = "/instances".into();
    }
    let body = json!({"name": NAME, "version": VERSION, "mode": settings.mode, "links": links});
    Answer::json(StatusCode::OK, &body)
}
