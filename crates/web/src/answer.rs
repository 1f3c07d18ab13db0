//! Answers: a status, a body, and headers that no answer goes without.

use lambda_http::{
    Request,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};

/// Nothing may be loaded, framed or submitted, unless a page says otherwise.
const STRICT_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer with a text body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The body.
    pub body: String,
    headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// An answer in plain text.
    #[must_use]
    pub fn text(status: StatusCode, body: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body.into())
    }

    /// An answer in JSON.
    #[must_use]
    pub fn json(status: StatusCode, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// A page. `style_hash` is the CSP hash of its one inline style sheet, `sha256-…`; nothing else is allowed to load.
    #[must_use]
    pub fn html(status: StatusCode, body: impl Into<String>, style_hash: &str) -> Self {
        let mut answer = Self::new(status, "text/html; charset=utf-8", body.into());
        answer.set("content-security-policy", format!("{STRICT_POLICY}; style-src '{style_hash}'"));
        answer
    }

    fn new(status: StatusCode, content_type: &str, body: String) -> Self {
        let headers = vec![
            ("cache-control", "no-store".to_owned()),
            ("content-security-policy", STRICT_POLICY.to_owned()),
            ("content-type", content_type.to_owned()),
            ("referrer-policy", "no-referrer".to_owned()),
            ("x-content-type-options", "nosniff".to_owned()),
        ];
        Self { status, body, headers }
    }

    /// This answer with a header added or replaced.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.set(name, value.into());
        self
    }

    fn set(&mut self, name: &'static str, value: String) {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value));
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| *other == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn into_event(self) -> Value {
        let headers: serde_json::Map<String, Value> =
            self.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        json!({"statusCode": self.status.as_u16(), "headers": headers, "body": self.body, "isBase64Encoded": false})
    }
}

/// Lets a request pass that reads `path`; any other gets its 404 or 405.
///
/// # Errors
/// The answer to give instead.
pub fn only(request: &Request, path: &str) -> Result<(), Answer> {
    if request.uri().path() != path {
        return Err(Answer::text(StatusCode::NOT_FOUND, "there is nothing here\n"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refusal = Answer::text(StatusCode::METHOD_NOT_ALLOWED, "this address can only be read\n");
        return Err(refusal.with_header("allow", "GET, HEAD"));
    }
    Ok(())
}
