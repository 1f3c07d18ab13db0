//! Which page a request asks for.

use std::num::NonZeroUsize;

use idleness::InstanceId;
use pages::Problem;
use web::{
    Request, RequestExt,
    http::{Method, StatusCode},
};

/// A page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// The public page.
    Front,
    /// All opted-in instances, page by page from 1.
    Fleet { page: NonZeroUsize },
    /// One instance; held still, or loaded again while something is under way.
    Instance { id: InstanceId, is_still: bool },
}

impl Route {
    pub(crate) fn of(request: &Request) -> Result<Self, Problem> {
        let route = match request.uri().path() {
            // What another function serves comes here only with a method that it does not take.
            "/hello" => return Err(Problem::wrong_method("GET")),
            path if is_deed(path) => return Err(Problem::wrong_method("POST")),
            "/" => Ok(Self::Front),
            "/instances" => page(request).map(|page| Self::Fleet { page }),
            path => {
                let id = path.strip_prefix("/instances/").filter(|id| !id.is_empty() && !id.contains('/'));
                let id = id.ok_or_else(Problem::not_found)?;
                let is_still = parameter(request, "still").is_some();
                id.parse().map(|id| Self::Instance { id, is_still }).map_err(|error: idleness::InvalidInstanceId| {
                    Problem::new(StatusCode::BAD_REQUEST, "bad-instance-id", error.to_string())
                })
            }
        };
        // A method that an address does not take is refused first, whatever is wrong with the rest of the request.
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            route
        } else {
            Err(Problem::wrong_method("GET, HEAD"))
        }
    }
}

/// Whether the path is one that `wake` serves.
fn is_deed(path: &str) -> bool {
    let deed = path.strip_prefix("/instances/").and_then(|rest| rest.split_once('/'));
    deed.is_some_and(|(id, deed)| !id.is_empty() && matches!(deed, "start" | "keep-awake"))
}

fn page(request: &Request) -> Result<NonZeroUsize, Problem> {
    let Some(text) = parameter(request, "page") else { return Ok(NonZeroUsize::MIN) };
    text.parse().map_err(|_| {
        Problem::new(StatusCode::BAD_REQUEST, "bad-page", "the parameter \"page\" is a whole number from 1")
    })
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    request.query_string_parameters_ref()?.first(name).map(str::to_owned)
}
