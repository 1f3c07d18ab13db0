//! The layout of all pages.

use askama::Template;
use web::{
    Answer,
    http::{StatusCode, header::REFRESH},
};

/// What the product is called.
pub const NAME: &str = "Doze";
/// Its version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The one style sheet, inline, so that a page is one request.
const STYLE: &str = include_str!("../templates/style.css");
/// Nothing may load but that style sheet, which is allowed by its hash; forms go to where the page came from.
const POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
                      style-src 'sha256-7tA7bITVieRvJTfXDBp3kZiay4wUkcI5sd0U16YeDSY='";

/// A page around its content.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its title, without the product's name.
    pub title: &'a str,
    /// After how many seconds the browser loads it again by itself. The page has to offer a way to stop that.
    pub refresh_seconds: Option<u32>,
}

#[derive(Template)]
#[template(path = "layout.html")]
struct Layout<'a> {
    style: &'static str,
    title: &'a str,
    name: &'static str,
    version: &'static str,
    content: &'a str,
}

impl Page<'_> {
    /// The page with this content.
    ///
    /// # Panics
    /// A template fails over values that it was compiled for, which none does.
    #[must_use]
    pub fn answer(&self, status: StatusCode, content: &impl Template) -> Answer {
        let content = content.render().expect("a template over plain values renders");
        let layout = Layout { style: STYLE, title: self.title, name: NAME, version: VERSION, content: &content };
        // As long as it will be: it would be copied several times while it grows.
        let mut html = String::with_capacity(Layout::SIZE_HINT + STYLE.len() + self.title.len() + content.len());
        layout.render_into(&mut html).expect("a template over plain values renders");
        let answer = Answer::html(status, html, POLICY);
        match self.refresh_seconds {
            Some(seconds) => answer.with_value(REFRESH, seconds.into()),
            None => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};

    use super::*;

    #[derive(Template)]
    #[template(source = "<p>{{ text }}</p>", ext = "html")]
    struct Content<'a> {
        text: &'a str,
    }

    #[test]
    fn the_policy_allows_the_style_sheet_that_is_served() {
        let page = Page { title: "T", refresh_seconds: None };
        let html = page.answer(StatusCode::OK, &Content { text: "x" }).body;
        let (_, rest) = html.split_once("<style>").expect("the page has a style sheet");
        let (served, _) = rest.split_once("</style>").expect("it ends");
        assert_eq!(served, STYLE, "the sheet is served unescaped");
        let allowed = format!("style-src 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(served)));
        assert!(POLICY.ends_with(&allowed), "{POLICY} lacks {allowed}");
    }

    #[test]
    fn what_comes_from_outside_is_escaped_in_title_and_content() {
        let hostile = "</title><script>alert(1)</script>\"'&";
        let page = Page { title: hostile, refresh_seconds: None };
        let html = page.answer(StatusCode::OK, &Content { text: hostile }).body;
        assert!(!html.contains("<script"), "{html}");
        assert_eq!(html.matches("&#60;script&#62;").count(), 2, "{html}");
    }
}
