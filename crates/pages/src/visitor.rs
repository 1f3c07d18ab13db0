//! Who asks, and what they may see or do: by the token that the request carries, and nothing else.

use std::{borrow::Cow, fmt};

use capability::{Capability, Keys, ReadKeys, TokenError};
use headers_accept::Accept;
use jiff::Timestamp;
use mediatype::{MediaType, names};
use url::form_urlencoded;
use web::{
    Request,
    http::{StatusCode, header},
};

use crate::Problem;

const HTML: MediaType<'static> = MediaType::new(names::TEXT, names::HTML);
const JSON: MediaType<'static> = MediaType::new(names::APPLICATION, names::JSON);
const TOKEN: &str = "token";

/// A visitor with a good token.
#[derive(Clone)]
pub struct Visitor {
    /// The token, for links to other pages. It is a secret: only those who sent it get it back.
    pub token: String,
    /// What it allows.
    pub capability: Capability,
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").field("capability", &self.capability).finish_non_exhaustive()
    }
}

impl Visitor {
    /// The visitor behind the token of a request. `keys` are absent where the installation has none.
    ///
    /// # Errors
    /// There is no token, it is worth nothing, or there are no keys to tell by.
    pub async fn of(request: &Request, keys: Option<&Keys<impl ReadKeys>>, now: Timestamp) -> Result<Self, Problem> {
        let Some(token) = token(request) else {
            let message = "this address needs a link with a token, as Doze's messages carry them; \
                           scripts/link.sh makes one";
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "no-token", message));
        };
        let Some(keys) = keys else {
            tracing::error!("DOZE_LINK_KEY is not set: no token can be checked");
            return Err(Problem::unavailable());
        };
        match keys.verify(&token, now).await {
            Ok(capability) => Ok(Self { token, capability }),
            Err(TokenError::Denied(denied)) => {
                Err(Problem::new(StatusCode::UNAUTHORIZED, "bad-token", denied.to_string()))
            }
            Err(TokenError::Keys(unreadable)) => {
                let failure = unreadable.to_string();
                tracing::error!(failure, "no token can be checked");
                Err(Problem::unavailable())
            }
        }
    }

    /// The refusal of something that the token does not allow.
    #[must_use]
    pub fn forbidden() -> Problem {
        let message = "the token is good, but for another instance, or for another action";
        Problem::new(StatusCode::FORBIDDEN, "wrong-token", message)
    }
}

/// The token of a request: in its form, its query, or its header `Authorization`, in this order; an empty one is none. An
/// identity provider in front may want the header for itself.
#[must_use]
pub fn token(request: &Request) -> Option<String> {
    let in_header = || {
        let authorization = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
        let (scheme, token) = authorization.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    };
    let in_query = || parameter(request.uri().query().unwrap_or_default().as_bytes(), TOKEN);
    let is_there = |token: &String| !token.is_empty();
    let in_form = field(request, TOKEN).filter(is_there);
    in_form.or_else(|| in_query().filter(is_there)).or_else(|| in_header().filter(is_there))
}

/// A field of the form that the request brings, if it brings one.
#[must_use]
pub fn field(request: &Request, name: &str) -> Option<String> {
    let content_type = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return None;
    }
    parameter(request.body(), name)
}

fn parameter(encoded: &[u8], name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(encoded);
    pairs.find(|(key, _)| key == name).map(|(_, value)| Cow::into_owned(value))
}

/// Whether JSON is preferred. HTML is the answer to anybody who does not ask for JSON, and to a header that makes no sense.
#[must_use]
pub fn prefers_json(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let Some(Ok(accept)) = accept.map(str::parse::<Accept>) else { return false };
    accept.negotiate([&HTML, &JSON]) == Some(&JSON)
}
