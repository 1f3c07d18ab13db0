//! Answers: a status, a body, and headers that no answer goes without.

use lambda_http::{
    Body, Request,
    aws_lambda_events::apigw::ApiGatewayV2httpResponse,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
        },
    },
};
use serde_json::Value;

/// Nothing may be loaded, framed or submitted.
const STRICT_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// An answer with a text body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The body.
    pub body: String,
    headers: HeaderMap,
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

    /// A page. `policy` is its Content-Security-Policy, which has to allow its style sheet and should allow no more.
    #[must_use]
    pub fn html(status: StatusCode, body: impl Into<String>, policy: &'static str) -> Self {
        let answer = Self::new(status, "text/html; charset=utf-8", body.into());
        answer.with_header(CONTENT_SECURITY_POLICY, policy)
    }

    fn new(status: StatusCode, content_type: &'static str, body: String) -> Self {
        let headers = [
            (CACHE_CONTROL, "no-store"),
            (CONTENT_SECURITY_POLICY, STRICT_POLICY),
            (CONTENT_TYPE, content_type),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        Self { status, body, headers }
    }

    /// This answer with a header added or replaced.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.insert(name, HeaderValue::from_static(value));
        self
    }

    /// This answer with a header whose value is not fixed.
    #[must_use]
    pub fn with_value(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(crate) fn into_response(self) -> ApiGatewayV2httpResponse {
        let mut response = ApiGatewayV2httpResponse::default();
        response.status_code = self.status.as_u16().into();
        response.headers = self.headers;
        response.body = Some(Body::Text(self.body));
        response
    }
}

/// The 404 or 405 for a request that does not read `path`.
#[must_use]
pub fn refuse_all_but(path: &str, request: &Request) -> Option<Answer> {
    if request.uri().path() != path {
        return Some(Answer::text(StatusCode::NOT_FOUND, "there is nothing here\n"));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let refusal = Answer::text(StatusCode::METHOD_NOT_ALLOWED, "this address can only be read\n");
        return Some(refusal.with_header(ALLOW, "GET, HEAD"));
    }
    None
}
