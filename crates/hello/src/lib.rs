#![doc = include_str!("../README.md")]

use web::{Answer, Request, RequestExt, http::StatusCode, refuse_all_but};

const MAX_NAME_CHARACTERS: usize = 64;

/// Answers one request.
#[must_use]
pub fn respond(request: &Request) -> Answer {
    if let Some(refusal) = refuse_all_but("/hello", request) {
        return refusal;
    }
    let query = request.query_string_parameters();
    match query.first("name").filter(|name| !name.is_empty()) {
        None => Answer::text(StatusCode::OK, "Hello from Lambda!"),
        Some(name) => greet(name),
    }
}

fn greet(name: &str) -> Answer {
    if name.chars().count() > MAX_NAME_CHARACTERS {
        return Answer::text(
            StatusCode::BAD_REQUEST,
            format!("name is longer than {MAX_NAME_CHARACTERS} characters\n"),
        );
    }
    if name.chars().any(is_control) {
        return Answer::text(StatusCode::BAD_REQUEST, "name holds a control character\n");
    }
    Answer::text(StatusCode::OK, format!("Hello from Lambda, {name}!"))
}

/// Control characters, and the separators and direction marks that act like them where text is shown.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{061c}' | '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::Value;

    use super::*;

    /// The status and body for a query, as API Gateway would be told.
    fn get(query: &str) -> (u64, String) {
        let mut event: Value =
            serde_json::from_str(include_str!("../../../events/hello/get.json")).expect("the fixture is JSON");
        event["rawQueryString"] = query.into();
        status_and_body(&event)
    }

    fn status_and_body(event: &Value) -> (u64, String) {
        let answer = web::answer(&event.to_string(), async |request: &Request| respond(request))
            .now_or_never()
            .expect("nothing waits");
        let answer = serde_json::to_value(answer).expect("serializes");
        (answer["statusCode"].as_u64().expect("a status"), answer["body"].as_str().expect("a body").to_owned())
    }

    #[test]
    fn the_greeting_is_exact() {
        assert_eq!(get(""), (200, "Hello from Lambda!".to_owned()));
        assert_eq!(get("name="), (200, "Hello from Lambda!".to_owned()));
        assert_eq!(get("nick=Ada"), (200, "Hello from Lambda!".to_owned()));
    }

    #[test]
    fn a_name_is_greeted_as_it_is() {
        assert_eq!(get("name=Ada").1, "Hello from Lambda, Ada!");
        assert_eq!(get("name=Ada+Lovelace").1, "Hello from Lambda, Ada Lovelace!");
        assert_eq!(get("name=%EC%84%B8%EC%A2%85").1, "Hello from Lambda, 세종!");
        assert_eq!(get("name=%3Cb%3E").1, "Hello from Lambda, <b>!", "plain text needs no escape");
    }

    #[test]
    fn a_name_is_bounded_in_characters() {
        assert_eq!(get(&format!("name={}", "%C3%A4".repeat(64))).0, 200);
        assert_eq!(get(&format!("name={}", "a".repeat(65))), (400, "name is longer than 64 characters\n".to_owned()));
    }

    #[test]
    fn control_characters_are_refused_wherever_they_stand() {
        for name in ["%00", "Ada%0A", "%0D%0Aset-cookie:x", "%1B%5B31m", "%7F", "%C2%85", "a%E2%80%AEb", "%E2%80%A8"] {
            assert_eq!(get(&format!("name={name}")), (400, "name holds a control character\n".to_owned()), "{name}");
        }
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        for (pointer, value, status) in
            [("/rawPath", "/", 404), ("/rawPath", "/hello/", 404), ("/requestContext/http/method", "DELETE", 405)]
        {
            let mut event: Value =
                serde_json::from_str(include_str!("../../../events/hello/get.json")).expect("the fixture is JSON");
            *event.pointer_mut(pointer).expect("is there") = value.into();
            assert_eq!(status_and_body(&event).0, status);
        }
    }
}
