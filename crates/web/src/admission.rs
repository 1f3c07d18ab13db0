//! From an API Gateway event to a request, or to a refusal. Never to a panic.

use base64::{Engine, prelude::BASE64_STANDARD};
use lambda_http::{Request, aws_lambda_events::apigw::ApiGatewayV2httpRequest, http, request::LambdaRequest};
use url::Url;

/// The longest path and query that are served. No link of ours is longer.
const MAX_PATH_BYTES: usize = 2048;
const MAX_QUERY_BYTES: usize = 4096;
/// The largest body; every form of ours is smaller.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Why an event does not become a request.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the event is no HTTP API request of payload format 2.0")]
    NotARequest,
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    LongPath,
    #[error("the query is longer than {MAX_QUERY_BYTES} bytes")]
    LongQuery,
    #[error("the body is larger than {MAX_BODY_BYTES} bytes")]
    LargeBody,
    #[error("the host, path or query holds characters that must be percent-encoded")]
    BadTarget,
    #[error("the body is not valid base64")]
    BadBody,
}

impl Refusal {
    pub(crate) fn status(&self) -> http::StatusCode {
        match self {
            Self::NotARequest | Self::BadTarget | Self::BadBody => http::StatusCode::BAD_REQUEST,
            Self::LongPath | Self::LongQuery => http::StatusCode::URI_TOO_LONG,
            Self::LargeBody => http::StatusCode::PAYLOAD_TOO_LARGE,
        }
    }
}

pub(crate) fn admit(event: &str) -> Result<Request, Refusal> {
    let event: ApiGatewayV2httpRequest = serde_json::from_str(event).map_err(|_| Refusal::NotARequest)?;
    check_target(&event)?;
    check_body(&event)?;
    Ok(LambdaRequest::ApiGatewayV2(event).into())
}

/// Whether scheme, host, path and query make a URI: the conversion takes for granted that they do.
fn check_target(event: &ApiGatewayV2httpRequest) -> Result<(), Refusal> {
    let path = event.raw_path.as_deref().unwrap_or_default();
    let query = event.raw_query_string.as_deref().unwrap_or_default();
    if path.len() > MAX_PATH_BYTES {
        return Err(Refusal::LongPath);
    }
    if query.len() > MAX_QUERY_BYTES {
        return Err(Refusal::LongQuery);
    }
    let header = |name: &str| event.headers.get(name).and_then(|value| value.to_str().ok());
    let scheme = header("x-forwarded-proto").unwrap_or("https");
    let host = header("host").or(event.request_context.domain_name.as_deref()).unwrap_or("localhost");
    let stage = event.request_context.stage.as_deref().filter(|stage| *stage != "$default");
    let stage = stage.map(|stage| format!("/{stage}")).unwrap_or_default();
    let known_scheme = matches!(scheme, "http" | "https");
    let base = Url::parse(&format!("{scheme}://{host}{stage}{path}")).map_err(|_| Refusal::BadTarget)?;
    let uri: Result<http::Uri, _> = format!("{base}?{query}").parse();
    // A URI is not looked at behind a `#`. The conversion drops that part where the event names no host, and looks at the query.
    let is_whole = base.fragment().is_none() && uri.is_ok();
    if known_scheme && path.starts_with('/') && is_whole { Ok(()) } else { Err(Refusal::BadTarget) }
}

fn check_body(event: &ApiGatewayV2httpRequest) -> Result<(), Refusal> {
    let body = event.body.as_deref().unwrap_or_default();
    // Base64 takes four bytes for three.
    if body.len() > MAX_BODY_BYTES / 3 * 4 + 4 {
        return Err(Refusal::LargeBody);
    }
    let decoded_bytes = if event.is_base64_encoded {
        BASE64_STANDARD.decode(body).map_err(|_| Refusal::BadBody)?.len()
    } else {
        body.len()
    };
    if decoded_bytes > MAX_BODY_BYTES { Err(Refusal::LargeBody) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event() -> Value {
        json!({
            "version": "2.0",
            "routeKey": "$default",
            "rawPath": "/hello",
            "rawQueryString": "",
            "headers": {"host": "abc.execute-api.eu-west-1.amazonaws.com", "x-forwarded-proto": "https"},
            "requestContext": {
                "accountId": "123456789012", "apiId": "abc", "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
                "http": {"method": "GET", "path": "/hello", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "t"},
                "requestId": "r", "stage": "$default", "time": "21/Nov/2026:20:00:00 +0000", "timeEpoch": 1
            },
            "isBase64Encoded": false
        })
    }

    fn event_with(pointer: &str, value: impl Into<Value>) -> Value {
        let mut event = event();
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        event.pointer_mut(parent).expect("the parent exists")[key] = value.into();
        event
    }

    fn refusal(event: &Value) -> Option<Refusal> {
        admit(&event.to_string()).err()
    }

    #[test]
    fn a_plain_request_is_admitted() {
        let request = admit(&event_with("/rawQueryString", "name=Ada%20L").to_string()).expect("is admitted");
        assert_eq!(
            (request.method().as_str(), request.uri().path(), request.uri().query()),
            ("GET", "/hello", Some("name=Ada%20L"))
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for event in [json!({}), json!(null), json!([1]), json!("x"), json!({"action": "sweep"})] {
            assert_eq!(refusal(&event), Some(Refusal::NotARequest));
        }
    }

    /// What the text of an event can hold, and no tree of values.
    #[test]
    fn odd_json_is_refused_or_passed_over() {
        let refusal_of = |text: &str| admit(text).err();
        let with = |field: &str| event().to_string().replacen('{', &format!("{{{field},"), 1);
        let deep = format!("\"x\":{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for field in ["\"x\":1e999", "\"x\":\"\\ud800\"", "\"x\":1,\"x\":2", &deep] {
            assert_eq!(refusal_of(&with(field)), None, "of no concern: {field:.20}");
        }
        for field in [
            "\"rawPath\":\"/other\"",
            "\"headers\":{}",
            "\"isBase64Encoded\":true",
            "\"body\":1e999",
            "\"body\":\"\\ud800\"",
        ] {
            assert_eq!(refusal_of(&with(field)), Some(Refusal::NotARequest), "{field}");
        }
        for text in ["", "{", "nonsense", &with("x")] {
            assert_eq!(refusal_of(text), Some(Refusal::NotARequest));
        }
    }

    #[test]
    fn raw_characters_that_would_panic_are_refused_or_survive() {
        for query in
            ["a b", "<script>", "a\"b", "a\r\nb", "a\u{0}b", "a\\b", "`", "{}", "ä", "%", "%zz", "a=%00", "&&==&"]
        {
            let _: Result<Request, Refusal> = admit(&event_with("/rawQueryString", query).to_string());
        }
        for query in ["a b", "<script>", "a\r\nb"] {
            assert_eq!(refusal(&event_with("/rawQueryString", query)), Some(Refusal::BadTarget));
        }
        for path in
            ["/a b", "/<>", "/ä", "//", "/../..", "/%00", "/a\r\nb", "/?x", "/#x", "hello", "", "\\", "/ho:st@x"]
        {
            let _: Result<Request, Refusal> = admit(&event_with("/rawPath", path).to_string());
        }
        for path in ["hello", ""] {
            assert_eq!(refusal(&event_with("/rawPath", path)), Some(Refusal::BadTarget));
        }
    }

    #[test]
    fn hostile_hosts_schemes_and_stages_do_not_panic() {
        for host in
            ["", " ", "a b", "<", "[::1", "a:99999", "@", "user:pw@host", "host/path", "host?q", "ä.example", "%"]
        {
            let _: Result<Request, Refusal> = admit(&event_with("/headers/host", host).to_string());
            let _: Result<Request, Refusal> = admit(&event_with("/requestContext/domainName", host).to_string());
        }
        for scheme in ["", "javascript", "a b", "file", "HTTPS"] {
            let _: Result<Request, Refusal> = admit(&event_with("/headers/x-forwarded-proto", scheme).to_string());
        }
        for stage in ["prod", "", "a b", "<", "$default"] {
            let _: Result<Request, Refusal> = admit(&event_with("/requestContext/stage", stage).to_string());
        }
        assert_eq!(refusal(&event_with("/headers/host", "a b")), Some(Refusal::BadTarget));
    }

    #[test]
    fn nothing_hides_behind_a_fragment() {
        for (pointer, value) in [("/requestContext/stage", "a#b"), ("/rawPath", "/hello#b"), ("/rawPath", "/#")] {
            let mut event = event_with(pointer, value);
            event["rawQueryString"] = "<".into();
            assert_eq!(refusal(&event), Some(Refusal::BadTarget), "{value}");
            event["headers"] = json!({});
            event["requestContext"]["domainName"] = Value::Null;
            assert_eq!(refusal(&event), Some(Refusal::BadTarget), "{value}");
        }
    }

    #[test]
    fn sizes_are_bounded() {
        assert_eq!(
            refusal(&event_with("/rawPath", format!("/{}", "a".repeat(MAX_PATH_BYTES)))),
            Some(Refusal::LongPath)
        );
        assert_eq!(refusal(&event_with("/rawQueryString", "a".repeat(MAX_QUERY_BYTES))), None);
        assert_eq!(refusal(&event_with("/rawQueryString", "a".repeat(MAX_QUERY_BYTES + 1))), Some(Refusal::LongQuery));
        assert_eq!(refusal(&event_with("/rawQueryString", "a".repeat(70_000))), Some(Refusal::LongQuery));
        assert_eq!(refusal(&event_with("/body", "a".repeat(MAX_BODY_BYTES))), None);
        assert_eq!(refusal(&event_with("/body", "a".repeat(MAX_BODY_BYTES + 1))), Some(Refusal::LargeBody));
    }

    #[test]
    fn a_body_must_be_the_base64_it_claims_to_be() {
        let with_body = |body: &str| {
            let mut event = event_with("/body", body);
            event["isBase64Encoded"] = true.into();
            event
        };
        assert_eq!(refusal(&with_body("aGVsbG8=")), None);
        for body in ["aGVsbG8", "%%%", "aGVs bG8=", "ä"] {
            assert_eq!(refusal(&with_body(body)), Some(Refusal::BadBody));
        }
    }
}
