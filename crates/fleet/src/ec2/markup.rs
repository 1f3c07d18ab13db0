//! The elements of a text, one after the other. Those that nobody reads are passed over.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memchr3};
use quick_xml::{
    Error, Reader,
    escape::{EscapeError, unescape},
    events::{BytesStart, Event},
};

/// Why a text is none of elements.
#[derive(Debug, thiserror::Error)]
pub(super) enum Nonsense {
    /// An element is not what elements are, or does not end.
    #[error(transparent)]
    Markup(#[from] Error),
    /// A reference in a text means nothing.
    #[error(transparent)]
    Reference(#[from] EscapeError),
    /// There are elements, or whatever else, where there should be text.
    #[error("<{0}> has more in it than text")]
    MoreThanText(String),
    /// A name has a prefix. EC2 writes none, and who takes no notice of them would find what is not there.
    #[error("<{0}> has a prefix")]
    Prefix(String),
    /// It ends within an element.
    #[error("the text ends too early")]
    Cut,
}

/// A text of elements, up to where it has been read.
pub(super) struct Markup<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

/// What comes next in a text.
pub(super) enum Piece<'a> {
    Element(Element<'a>),
    /// The end of the element around it.
    End,
    Over,
}

/// An element that has begun.
pub(super) struct Element<'a> {
    start: BytesStart<'a>,
    is_empty: bool,
}

impl Element<'_> {
    pub(super) fn name(&self) -> &str {
        self.start.name().into_inner()
    }

    /// Whether it ends where it begins.
    pub(super) const fn is_empty(&self) -> bool {
        self.is_empty
    }
}

impl<'a> Markup<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, reader: Reader::from_str(text) }
    }

    /// How much of the text has been read.
    pub(super) fn position(&self) -> usize {
        self.text.len() - self.reader.get_ref().len()
    }

    /// The next element, or the end of the one around it. What is between them, is passed over.
    ///
    /// # Errors
    /// It makes no sense.
    pub(super) fn next(&mut self) -> Result<Piece<'a>, Nonsense> {
        let (start, is_empty) = loop {
            match self.reader.read_event()? {
                Event::Start(start) => break (start, false),
                Event::Empty(start) => break (start, true),
                Event::End(_) => return Ok(Piece::End),
                Event::Eof => return Ok(Piece::Over),
                _ => {}
            }
        };
        match start.name().prefix() {
            Some(_) => Err(Nonsense::Prefix(start.name().into_inner().to_owned())),
            None => Ok(Piece::Element(Element { start, is_empty })),
        }
    }

    /// Reads an element to its end: hands each one in it over, by its name. Who takes it reads it to its end, too.
    ///
    /// # Errors
    /// It makes no sense, or is not there to its end.
    pub(super) fn each_in(
        &mut self,
        element: &Element<'a>,
        mut take: impl FnMut(&mut Self, &str, &Element<'a>) -> Result<(), Nonsense>,
    ) -> Result<(), Nonsense> {
        if element.is_empty {
            return Ok(());
        }
        loop {
            match self.next()? {
                Piece::Element(inner) => take(self, inner.name(), &inner)?,
                Piece::End => return Ok(()),
                Piece::Over => return Err(Nonsense::Cut),
            }
        }
    }

    /// Reads an element to its end: the text in it.
    ///
    /// # Errors
    /// There is more in it than text, or a reference that means nothing.
    pub(super) fn text(&mut self, element: &Element<'a>) -> Result<Cow<'a, str>, Nonsense> {
        if element.is_empty {
            return Ok(Cow::Borrowed(""));
        }
        match self.reader.read_text(element.start.name())?.into_inner() {
            text if memchr(b'<', text.as_bytes()).is_some() => Err(Nonsense::MoreThanText(element.name().to_owned())),
            Cow::Borrowed(text) => Ok(unescape(text)?),
            Cow::Owned(text) => Ok(Cow::Owned(unescape(&text)?.into_owned())),
        }
    }

    /// Passes an element over.
    ///
    /// # Errors
    /// It does not end.
    pub(super) fn skip(&mut self, element: &Element<'a>) -> Result<(), Nonsense> {
        if !element.is_empty {
            self.skip_ahead(element.name());
            self.reader.read_to_end(element.start.name())?;
        }
        Ok(())
    }

    /// Goes ahead to where the element of this name ends that is being read. The reader, which would look at each one in it, still sees
    /// whether it is its end.
    fn skip_ahead(&mut self, name: &str) {
        let rest = *self.reader.get_ref();
        if let Some(end) = end_of_element(name.as_bytes(), rest) {
            *self.reader.get_mut() = &rest[end..];
        }
    }
}

/// Where the element of this name ends that the bytes begin within: at the first end that belongs to no other element. `None` if another
/// one seems to be called the same, or if there is more before the end than elements and their texts: what is in a comment, in an
/// attribute, or in text that is no markup, could look like an end.
fn end_of_element(name: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    for start in memchr_iter(b'<', bytes) {
        let tag = &bytes[start + 1..];
        match &tag[..memchr(b'>', tag)?] {
            [b'/', ..] if depth == 0 => return Some(start),
            [b'/', ended @ ..] if ended.starts_with(name) => return None,
            [b'/', ..] => depth -= 1,
            [b'!' | b'?', ..] => return None,
            tag if memchr3(b'=', b'"', b'\'', tag).is_some() => return None,
            [.., b'/'] => {}
            _ => depth += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the element that these bytes begin within ends, by the reader alone.
    fn end_by_the_reader(bytes: &str) -> Option<usize> {
        let text = format!("<a>{bytes}");
        let mut markup = Markup::new(&text);
        let Ok(Piece::Element(element)) = markup.next() else { unreachable!("it begins with an element") };
        markup.reader.read_to_end(element.start.name()).ok()?;
        Some(markup.position() - "<a></a>".len())
    }

    #[test]
    fn an_element_ends_where_its_reader_finds_its_end() {
        for inside in ["", "b", "<b/>", "<b></b>", "<b>c</b>d<b><b>&lt;</b></b>", "<a/>", "b > c", "<b ></b >"] {
            let bytes = format!("{inside}</a><c></c></a>");
            assert_eq!(end_of_element(b"a", bytes.as_bytes()), Some(inside.len()), "{inside}");
            assert_eq!(end_by_the_reader(&bytes), Some(inside.len()), "{inside}");
        }
    }

    #[test]
    fn what_could_hide_an_end_is_left_to_the_reader() {
        for inside in [
            "<a></a>",
            "<b><a></a></b>",
            "<abc></abc>",
            "<!-- </a> -->",
            "<![CDATA[</a>]]>",
            "<?b </a>?>",
            "<b c='</a>'/>",
            "<b c=\"</a>\"></b>",
            "<b '></a><'/>",
            "<!-- </b></b> -->",
            "<?b </b></b>?>",
            "<b c='</d></d>'/>",
            "<b c=\"</d></d>\"/>",
        ] {
            let bytes = format!("{inside}</a>");
            assert_eq!(end_of_element(b"a", bytes.as_bytes()), None, "{inside}");
            assert_eq!(end_by_the_reader(&bytes), Some(inside.len()), "{inside}");
        }
        for cut in ["", "b", "<b>", "<b></b>", "<b></b", "<b></b></a"] {
            assert_eq!((end_of_element(b"a", cut.as_bytes()), end_by_the_reader(cut)), (None, None), "{cut}");
        }
    }

    fn first_text(text: &str) -> Result<String, Nonsense> {
        let mut markup = Markup::new(text);
        match markup.next()? {
            Piece::Element(element) => markup.text(&element).map(Cow::into_owned),
            Piece::End | Piece::Over => Err(Nonsense::Cut),
        }
    }

    #[test]
    fn a_text_is_what_it_stands_for_or_nothing() {
        for (element, text) in [
            ("<a/>", ""),
            ("<a></a>", ""),
            ("<a> b\n</a>", " b\n"),
            ("<a>&lt;b&gt; &amp;amp; &#228;&#xe4; 名</a>", "<b> &amp; ää 名"),
        ] {
            assert_eq!(first_text(element).expect("is text"), text);
        }
        for element in [
            "<a>b<c/></a>",
            "<a><![CDATA[b]]></a>",
            "<a>b<!-- c --></a>",
            "<a>&b;</a>",
            "<a>b&c</a>",
            "<a>b",
            "<a>b</c>",
        ] {
            assert!(first_text(element).is_err(), "{element}");
        }
    }

    #[test]
    fn an_element_that_does_not_end_is_not_read() {
        let count = |text: &str| -> Result<usize, Nonsense> {
            let (mut markup, mut count) = (Markup::new(text), 0);
            let Piece::Element(element) = markup.next()? else { return Err(Nonsense::Cut) };
            markup.each_in(&element, |markup, _, inner| {
                count += 1;
                markup.skip(inner)
            })?;
            Ok(count)
        };
        for (text, expected) in [("<a/>", 0), ("<a></a>", 0), ("<a>b<c/>d<e><f/></e>g</a>", 2)] {
            assert_eq!(count(text).expect("is whole"), expected, "{text}");
        }
        for text in [
            "<e:a/>",
            "<a><e:b/></a>",
            "<a><b><c></b></c></a></b></a>",
            "<a>",
            "<a><b></b>",
            "<a><b></a>",
            "<a><b/></c>",
            "<a><b></c></a>",
            "<a><b></b",
        ] {
            assert!(count(text).is_err(), "{text}");
        }
    }
}
