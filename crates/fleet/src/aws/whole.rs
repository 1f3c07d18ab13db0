//! EC2's answers, read to their end. The SDK reads XML that ends too early, or makes no sense somewhere, as far as it goes, and the
//! body of an answer without fields not at all.

use aws_sdk_ec2::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::AfterDeserializationInterceptorContextRef},
    error::BoxError,
};
use xmlparser::{Token, Tokenizer};

#[derive(Debug)]
pub(super) struct WholeAnswers;

impl Intercept for WholeAnswers {
    fn name(&self) -> &'static str {
        "WholeAnswers"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() && !is_whole(body) {
            return Err("the answer ends too early, or makes no sense".into());
        }
        Ok(())
    }
}

/// Whether the SDK reads the answer to its end: it takes what its parser cannot read, and an attribute with a reference that means
/// nothing, for the end.
fn is_whole(body: &[u8]) -> bool {
    let makes_sense = |token: Result<Token<'_>, _>| match token {
        Ok(Token::Attribute { value, .. }) => !value.contains('&'),
        token => token.is_ok(),
    };
    str::from_utf8(body).is_ok_and(|text| ends_with_its_root(text) && Tokenizer::from(text).all(makes_sense))
}

/// Whether the end of the root element is the last of the text: all of EC2's are called after their operation.
fn ends_with_its_root(text: &str) -> bool {
    let text = text.trim_ascii_end();
    text.ends_with("Response>") || text.ends_with("Response/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_if_its_parser_reads_all_of_it() {
        let whole = "<?xml version=\"1.0\"?>\n<AResponse xmlns=\"http://a\"><a>&lt;</a><b/></AResponse>\n";
        assert!(is_whole(whole.as_bytes()));
        for nonsense in [
            "\u{1}",
            "\u{ffff}",
            "<!-- a -- b -->",
            "<!DOCTYPE a>",
            "<?xml version=\"1.0\"?>",
            "<c d=e>",
            "<1/>",
            "<c d=\"&x\"/>",
        ] {
            assert!(!is_whole(whole.replace("<b/>", nonsense).as_bytes()), "{nonsense}");
        }
        assert!(!is_whole(&[whole.trim_end().as_bytes(), b"\xff"].concat()));
        assert!(!is_whole(whole.replace("</AResponse>", "").as_bytes()));
    }
}
