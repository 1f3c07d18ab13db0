//! The home page in HTML.

use askama::Template;
use idleness::Mode;
use web::{Answer, http::StatusCode};

use crate::Settings;

pub(crate) const NAME: &str = "Doze";
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The one style sheet, inline, so that the page is one request.
const STYLE: &str = include_str!("../templates/home.css");
/// Nothing may load but that style sheet, which is allowed by its hash.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      style-src 'sha256-taaDsDkxrGbfcOBQrbuokNB9A+5qTmNvGn16wHY97KM='";

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    style: &'static str,
    mode: Mode,
    version: &'static str,
}

/// The page. It holds no data from outside, so it is the same for everybody.
pub(crate) fn render(settings: Settings) -> Answer {
    let page = HomePage { style: STYLE, mode: settings.mode, version: VERSION };
    let html = page.render().expect("a template over fixed texts renders");
    Answer::html(StatusCode::OK, html, POLICY)
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_the_style_sheet_that_is_served() {
        let html = render(Settings { mode: Mode::DryRun }).body;
        let (_, rest) = html.split_once("<style>").expect("the page has a style sheet");
        let (served, _) = rest.split_once("</style>").expect("it ends");
        assert_eq!(served, STYLE, "the sheet is served unescaped");
        let allowed = format!("style-src 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(served)));
        assert!(POLICY.ends_with(&allowed), "{POLICY} lacks {allowed}");
    }
}
