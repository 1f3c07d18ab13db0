//! Paging: the token from one answer to the next question.

use crate::ApiError;

/// The token from page to page. One that comes again would have us read the same pages for ever.
#[derive(Default)]
pub(super) struct Pages {
    seen: Vec<String>,
}

impl Pages {
    pub(super) fn token(&self) -> Option<String> {
        self.seen.last().cloned()
    }

    /// Takes the token of the page just read; whether there is another page.
    pub(super) fn turn(&mut self, operation: &'static str, token: Option<String>) -> Result<bool, ApiError> {
        let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(false) };
        if self.seen.contains(&token) {
            return Err(ApiError::new(operation, ApiError::BAD_ANSWER, "the pages of the answer go in a circle"));
        }
        self.seen.push(token);
        Ok(true)
    }
}
