//! The answer to a request that was carried out.

use askama::Template;
use idleness::{Instance, InstanceState};
use pages::{Page, Visitor, prefers_json};
use serde_json::json;
use web::{
    Answer, Request,
    http::{HeaderValue, StatusCode, header::LOCATION},
};

use crate::{
    act::{Done, Ending},
    order::Deed,
};

/// What is answered, and to whom.
pub(crate) struct Reply<'a> {
    pub(crate) instance: &'a Instance,
    pub(crate) deed: Deed,
    pub(crate) done: &'a Done,
    pub(crate) visitor: &'a Visitor,
}

#[derive(Template)]
#[template(path = "dry_run.html")]
struct DryRunPage<'a> {
    next: &'a str,
    back: &'a str,
}

impl Reply<'_> {
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        if prefers_json(request) {
            return self.as_json();
        }
        let back = format!("../{}?token={}", self.instance.id, self.visitor.token);
        if self.done.ending == Ending::DryRun {
            let content = DryRunPage { next: &self.done.next, back: &back };
            return Page { title: "Nothing was changed", refresh_seconds: None }.answer(StatusCode::OK, &content);
        }
        let answer = Answer::text(StatusCode::SEE_OTHER, format!("{}\n", self.done.next));
        // A token is made of characters that a header may hold.
        match HeaderValue::from_str(&back) {
            Ok(location) => answer.with_value(LOCATION, location),
            Err(_) => Answer::text(StatusCode::OK, format!("{}\n", self.done.next)),
        }
    }

    fn as_json(&self) -> Answer {
        let Self { instance, deed, done, .. } = self;
        let Done { ending, state, keep_until, next } = done;
        let is_starting = *deed == Deed::Start && *state == InstanceState::Pending && *ending != Ending::DryRun;
        let is_under_way = *ending == Ending::Owed || is_starting;
        let status = if is_under_way { StatusCode::ACCEPTED } else { StatusCode::OK };
        let body = json!({
            "instance": instance.id, "action": deed.as_str(), "result": ending, "state": state, "keep_until": keep_until,
            "next": {"text": next},
        });
        Answer::json(status, &body)
    }
}
