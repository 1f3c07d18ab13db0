//! What a request is refused with: as a page for people, as JSON for programs.

use askama::Template;
use serde_json::json;
use web::{
    Answer, Request,
    http::{
        StatusCode,
        header::{ALLOW, RETRY_AFTER, VARY, WWW_AUTHENTICATE},
    },
};

use crate::{page::Page, visitor::prefers_json};

/// Why a request is not answered as it hoped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A stable code.
    pub code: &'static str,
    /// What is wrong, in words, in lower case and without a full stop. It may quote what the visitor sent, and is escaped.
    pub message: String,
    allow: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    title: &'static str,
    sentence: String,
    is_unauthorized: bool,
}

impl Problem {
    /// A problem of this status.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), allow: None }
    }

    /// There is no such address.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing at this address")
    }

    /// The address does not take this method, but these.
    #[must_use]
    pub fn wrong_method(allow: &'static str) -> Self {
        let message = format!("this address takes {} alone", allow.replace(", ", " and "));
        Self { allow: Some(allow), ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "wrong-method", message) }
    }

    /// AWS did not answer, or refused. What it said belongs into the log, not onto a page.
    #[must_use]
    pub fn unavailable() -> Self {
        let message = "AWS did not answer as it should; try again in a minute, since asking twice does no harm";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", message)
    }

    /// The answer to the request.
    #[must_use]
    pub fn answer(&self, request: &Request) -> Answer {
        let Self { status, code, message, allow } = self;
        let answer = if prefers_json(request) {
            Answer::json(*status, &json!({"error": {"code": code, "message": message}}))
        } else {
            let title = title(*status);
            let is_unauthorized = *status == StatusCode::UNAUTHORIZED && *code != "no-token";
            let content = ProblemPage { title, sentence: sentence(message), is_unauthorized };
            Page { title, refresh_seconds: None }.answer(*status, &content)
        };
        let answer = allow.map_or(answer.clone(), |allow| answer.with_header(ALLOW, allow));
        match *status {
            StatusCode::UNAUTHORIZED => answer.with_header(WWW_AUTHENTICATE, "Bearer realm=\"Doze\""),
            StatusCode::SERVICE_UNAVAILABLE => answer.with_header(RETRY_AFTER, "60"),
            _ => answer,
        }
    }
}

/// The answer, or that of the problem; in either case one that depends on what the visitor prefers to read.
#[must_use]
pub fn negotiated(request: &Request, answer: Result<Answer, Problem>) -> Answer {
    answer.unwrap_or_else(|problem| problem.answer(request)).with_header(VARY, "accept")
}

/// A message as people write it: programs get it in lower case and without a full stop.
fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).chain(['.']).collect()
}

const fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "This link is not good, or not any more",
        StatusCode::FORBIDDEN => "This link is not for that",
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "Not in this way",
        StatusCode::CONFLICT => "That is not possible",
        StatusCode::SERVICE_UNAVAILABLE => "AWS does not answer",
        _ => "That request makes no sense",
    }
}
