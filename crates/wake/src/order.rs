//! What a request asks for: which instance, and what is to be done with it.

use idleness::{InstanceId, InvalidInstanceId};
use pages::{Problem, field};
use serde_json::{Map, Value};
use settings::KEEP_HOURS;
use web::{
    Request,
    http::{Method, StatusCode, header::CONTENT_TYPE},
};

use crate::Settings;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) id: InstanceId,
    pub(crate) deed: Deed,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Start the instance.
    Start,
    /// Do not stop it for so many hours.
    KeepAwake { hours: u32 },
}

impl Deed {
    /// The deed as routes, answers and the log name it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::KeepAwake { .. } => "keep-awake",
        }
    }
}

impl Order {
    pub(crate) fn of(request: &Request, settings: &Settings) -> Result<Self, Problem> {
        let mut segments = request.uri().path().strip_prefix("/instances/").unwrap_or_default().split('/');
        let (Some(id), Some(action), None) = (segments.next(), segments.next(), segments.next()) else {
            return Err(Problem::not_found());
        };
        if !matches!(action, "start" | "keep-awake") {
            return Err(Problem::not_found());
        }
        if *request.method() != Method::POST {
            return Err(Problem::wrong_method("POST"));
        }
        let id = id.parse().map_err(|error: InvalidInstanceId| bad_request("bad-instance-id", &error.to_string()))?;
        let fields = Fields::of(request)?;
        let deed = match action {
            "start" => Deed::Start,
            _ => Deed::KeepAwake { hours: fields.hours(settings.max_keep_hours)? },
        };
        Ok(Self { id, deed })
    }
}

fn bad_request(code: &'static str, message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, message)
}

/// The body of a request: nothing, a form, or a JSON object.
enum Fields<'a> {
    Nothing,
    Form(&'a Request),
    Json(Map<String, Value>),
}

impl<'a> Fields<'a> {
    fn of(request: &'a Request) -> Result<Self, Problem> {
        let body: &[u8] = request.body();
        let content_type = request.headers().get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
        let essence = content_type.map(|text| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        match essence.as_deref() {
            _ if body.is_empty() => Ok(Self::Nothing),
            Some("application/x-www-form-urlencoded") => Ok(Self::Form(request)),
            Some("application/json") => match serde_json::from_slice(body) {
                Ok(Value::Object(fields)) => Ok(Self::Json(fields)),
                _ => Err(bad_request("bad-body", "the body is no JSON object")),
            },
            _ => Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "bad-content-type",
                "the body is a form (application/x-www-form-urlencoded) or a JSON object (application/json)",
            )),
        }
    }

    fn hours(&self, most: u32) -> Result<u32, Problem> {
        let hours = match self {
            Self::Nothing => None,
            Self::Form(request) => field(request, "hours").map(|text| text.trim().parse().ok()),
            Self::Json(fields) => {
                fields.get("hours").map(|value| value.as_u64().and_then(|hours| u32::try_from(hours).ok()))
            }
        };
        let Some(hours) = hours else { return Ok(KEEP_HOURS.min(most)) };
        hours
            .filter(|hours| (1..=most).contains(hours))
            .ok_or_else(|| bad_request("bad-hours", &format!("\"hours\" is a whole number from 1 to {most}")))
    }
}
