//! EC2's descriptions of instances without what nobody reads: of the 4 KB about each, Doze reads an eighth. They are abridged while
//! they arrive, instance by instance.

use memchr::{memchr, memchr_iter, memchr3, memmem};
use quick_xml::{Error, Reader, events::Event};

/// Where an answer has an instance.
const INSTANCE: [&str; 5] = ["DescribeInstancesResponse", "reservationSet", "item", "instancesSet", "item"];

/// What is read of an instance of a fleet.
const READ: [&str; 11] = [
    "cpuOptions",
    "instanceId",
    "instanceLifecycle",
    "instanceState",
    "instanceType",
    "launchTime",
    "reason",
    "rootDeviceType",
    "spotInstanceRequestId",
    "stateReason",
    "tagSet",
];

/// How many bytes of an answer are read at once: about fifteen instances.
const PART: usize = 1 << 16;
/// What is around an instance. The text begins with that once others have been read.
const AROUND: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet>";

/// The answer without what nobody reads, as far as it has arrived.
pub(super) struct Abridgement {
    abridged: Vec<u8>,
    /// What has not been read, after what is around it.
    waiting: Vec<u8>,
    /// How long that is.
    around: usize,
    /// How many more bytes are waited for, at least, each time.
    part: usize,
    /// How many bytes have to wait before they are read.
    enough: usize,
}

impl Default for Abridgement {
    fn default() -> Self {
        Self::in_parts_of(PART)
    }
}

impl Abridgement {
    const fn in_parts_of(part: usize) -> Self {
        Self { abridged: Vec::new(), waiting: Vec::new(), around: 0, part, enough: part }
    }

    /// Adds a part of the answer as it has arrived, and reads the instances that have arrived whole.
    pub(super) fn add(&mut self, part: &[u8]) {
        self.waiting.extend_from_slice(part);
        if self.waiting.len() < self.enough {
            return;
        }
        let mut copier = Copier::new(text_of(&self.waiting), self.around);
        // What makes no sense may be what has not arrived whole. If it is not, it is found again at the end.
        let _: Result<(), Error> = copier.run();
        if let Some(Between { read, abridged }) = copier.between_instances {
            self.abridged.extend_from_slice(&copier.abridged.as_bytes()[..abridged]);
            self.waiting.splice(..read, AROUND.bytes());
            self.around = AROUND.len();
        }
        // Doubled, so that what belongs together and is long is not read again for each part of it.
        self.enough = self.waiting.len() * 2 + self.part;
    }

    /// The whole of it. What makes no sense to its reader ends it, and in a way that no whole answer ends: `whole` refuses it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let text = text_of(&self.waiting);
        let mut copier = Copier::new(text, self.around);
        let end = copier.run();
        self.abridged.extend_from_slice(copier.abridged.as_bytes());
        // What is no text makes no sense either.
        self.abridged.extend_from_slice(&self.waiting[text.len()..]);
        if let Err(error) = end {
            let failure = error.to_string();
            tracing::warn!(failure, "an answer of EC2 makes no sense");
            self.abridged.push(b'<');
        }
        self.abridged
    }
}

/// The bytes as far as they are text.
fn text_of(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_else(|error| str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default())
}

/// Copies a text without what nobody reads.
struct Copier<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
    place: Place,
    abridged: String,
    /// Up to where the text has been copied or left out.
    copied: usize,
    /// The last place where one instance has ended, and no other has begun.
    between_instances: Option<Between>,
}

/// A place between instances: in the text, and in what has been copied of it.
struct Between {
    read: usize,
    abridged: usize,
}

impl<'a> Copier<'a> {
    /// Of a text that begins with so much that is not copied.
    fn new(text: &'a str, around: usize) -> Self {
        let (reader, place) = (Reader::from_str(text), Place::default());
        let abridged = String::with_capacity(text.len() / 4);
        Self { text, reader, place, abridged, copied: around, between_instances: None }
    }

    /// Copies the text to its end.
    ///
    /// # Errors
    /// It makes no sense; it is copied up to there.
    fn run(&mut self) -> Result<(), Error> {
        loop {
            let start = self.read();
            match self.reader.read_event()? {
                Event::Eof => {
                    self.abridged.push_str(&self.text[self.copied..]);
                    return Ok(());
                }
                Event::Empty(element) if self.place.leaves_out(element.local_name().as_ref()) => {
                    self.leave_out(start);
                }
                Event::Start(element) if self.place.leaves_out(element.local_name().as_ref()) => {
                    self.skip_ahead(element.name().as_ref());
                    self.reader.read_to_end(element.name())?;
                    self.leave_out(start);
                }
                Event::Start(element) => self.place.enter(element.name().as_ref()),
                Event::End(_) => {
                    self.place.leave();
                    if self.place.is_among_instances() {
                        let read = self.read();
                        self.abridged.push_str(&self.text[self.copied..read]);
                        self.copied = read;
                        self.between_instances = Some(Between { read, abridged: self.abridged.len() });
                    }
                }
                _ => {}
            }
        }
    }

    /// How much of the text has been read.
    fn read(&self) -> usize {
        self.text.len() - self.reader.get_ref().len()
    }

    /// Copies what comes before `start`, and leaves out what has been read since.
    fn leave_out(&mut self, start: usize) {
        self.abridged.push_str(&self.text[self.copied..start]);
        self.copied = self.read();
    }

    /// Goes ahead to the end of the element of this name, where it has others in it, and none of them could be taken for its end. The
    /// reader, which would look at each, still sees that the element ends.
    fn skip_ahead(&mut self, name: &str) {
        let rest = *self.reader.get_ref();
        let has_elements = memchr(b'<', rest).is_some_and(|next| rest.get(next + 1) != Some(&b'/'));
        if !has_elements {
            return;
        }
        let Some(length) = memmem::find(rest, ["</", name].concat().as_bytes()) else { return };
        let (content, end) = rest.split_at(length);
        if has_whole_elements(content) {
            *self.reader.get_mut() = end;
        }
    }
}

/// Whether it is nothing but elements, each of which ends, and their texts. What is in a comment, in an attribute, or in text that is
/// no markup, could look like an element.
fn has_whole_elements(content: &[u8]) -> bool {
    let mut depth = 0_usize;
    for start in memchr_iter(b'<', content) {
        let tag = &content[start + 1..];
        let Some(end) = memchr(b'>', tag) else { return false };
        let after = match &tag[..end] {
            [b'/', ..] => depth.checked_sub(1),
            [.., b'/'] => Some(depth),
            _ => Some(depth + 1),
        };
        let Some(after) = after else { return false };
        depth = after;
    }
    depth == 0 && memchr3(b'!', b'?', b'=', content).is_none()
}

/// Where in an answer the reader is.
#[derive(Default)]
struct Place {
    depth: usize,
    /// How many of the elements around it, from the outermost, are those around and of an instance.
    on_the_way: usize,
}

impl Place {
    fn enter(&mut self, name: &str) {
        let is_on_the_way = self.on_the_way == self.depth;
        if is_on_the_way && INSTANCE.get(self.depth).is_some_and(|next| *next == name) {
            self.on_the_way += 1;
        }
        self.depth += 1;
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.on_the_way = self.on_the_way.min(self.depth);
    }

    /// Whether it is where instances stand one after the other.
    const fn is_among_instances(&self) -> bool {
        self.depth == INSTANCE.len() - 1 && self.on_the_way == self.depth
    }

    /// Whether it is a part of an instance that nobody reads, by its local name: the SDK takes no notice of prefixes.
    fn leaves_out(&self, name: &str) -> bool {
        let is_in_instance = self.depth == INSTANCE.len() && self.on_the_way == self.depth;
        is_in_instance && !READ.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn abridge(text: &str) -> String {
        abridged(text.as_bytes(), usize::MAX)
    }

    /// The answer that arrives in parts of so many bytes.
    fn abridged(text: &[u8], bytes: usize) -> String {
        let mut abridgement = Abridgement::in_parts_of(bytes);
        text.chunks(bytes).for_each(|part| abridgement.add(part));
        String::from_utf8(abridgement.finish()).expect("is UTF-8 where it makes sense")
    }

    /// An answer with this within an instance.
    fn about(instance: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n  \
             <requestId>r</requestId><reservationSet><item><groupSet/><instancesSet><item>{instance}</item></instancesSet></item>\
             </reservationSet><nextToken>a&amp;b</nextToken></DescribeInstancesResponse>"
        )
    }

    #[test]
    fn what_is_read_of_an_instance_stays_as_it_is_and_all_else_goes() {
        let read: String =
            READ.map(|name| format!("<{name}><item><groupSet>&lt;</groupSet><x/></item></{name}><{name}/>")).concat();
        let unread = "<groupSet/><groupSet><item><instanceId>i-1</instanceId><groupSet/></item></groupSet>";
        assert_eq!(abridge(&about(&format!("{unread}{read}{unread}"))), about(&read));
    }

    /// The SDK takes no notice of prefixes.
    #[test]
    fn a_prefix_hides_nothing_that_is_read() {
        let spot = about("<e:instanceLifecycle>spot</e:instanceLifecycle>");
        assert_eq!(abridge(&spot), spot);
    }

    #[test]
    fn what_arrives_in_pieces_of_letters_stays_text() {
        let text = about(&"<tagSet>Näme 名</tagSet><groupSet>ß</groupSet></item><item>".repeat(3));
        for bytes in 1..40 {
            assert_eq!(abridged(text.as_bytes(), bytes), text.replace("<groupSet>ß</groupSet>", ""), "{bytes}");
        }
    }

    #[test]
    fn what_is_no_text_stays_so() {
        let mut text = about("<instanceId>i-1</instanceId>").into_bytes();
        text[200] = 0xff;
        let mut abridgement = Abridgement::default();
        abridgement.add(&text);
        assert!(str::from_utf8(&abridgement.finish()).is_err());
    }

    #[test]
    fn every_other_answer_stays_as_it_is() {
        let elsewhere = about("")
            .replace("DescribeInstances", "DescribeImages")
            .replace("<item></item>", &"<item><groupSet/></item>".repeat(9));
        for text in [
            "",
            "{}",
            "no XML",
            "<html><body>Bad Gateway</body></html>",
            "<StopInstancesResponse/>",
            &about(""),
            &elsewhere,
        ] {
            for bytes in (1..40).chain([usize::MAX]) {
                assert_eq!(abridged(text.as_bytes(), bytes), text);
            }
        }
    }

    fn some_of(pieces: &'static [&str]) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(pieces), 0..4).prop_map(|pieces| pieces.concat())
    }

    /// What may stand between elements.
    fn between() -> impl Strategy<Value = String> {
        some_of(&["", "ä", " \n", "&lt;", "<!-- <a> é -->", "<![CDATA[/></groupSet>]]>", "<?p /></groupSet>?>"])
    }

    /// What may stand in one.
    fn within() -> impl Strategy<Value = String> {
        (
            between(),
            some_of(&["<item/>", "<a b='/>' c='</groupSet>'>ö</a>", "<groupSet><tagSet/></groupSet>", "<x></x >"]),
            between(),
        )
            .prop_map(|(before, elements, after)| before + &elements + &after)
    }

    /// To the next part of the same instance, to another one, or to another reservation.
    const NEXT: [&str; 3] = ["", "</item>\n<item>", "</item></instancesSet><a/></item><item><instancesSet><item>"];

    proptest! {
        #[test]
        fn exactly_what_nobody_reads_is_left_out(
            elements in prop::collection::vec(
                (any::<prop::sample::Index>(), any::<bool>(), within(), between(), prop::sample::select(&NEXT[..])),
                0..12,
            ),
            bytes in 1_usize..50,
        ) {
            let (mut all, mut read) = (String::new(), String::new());
            for (name, is_read, within, after, next) in elements {
                let name = if is_read { *name.get(&READ) } else { *name.get(&["groupSet", "itäm", "instanceIds"]) };
                let element = format!("<{name}>{within}</{name}>");
                all += &(element.clone() + &after + next);
                read += &(if is_read { element } else { String::new() } + &after + next);
            }
            prop_assert_eq!(abridged(about(&all).as_bytes(), bytes), about(&read));
        }

        #[test]
        fn a_text_is_cut_anywhere(content in within(), cut in any::<prop::sample::Index>()) {
            let text = about(&content);
            let end = text.floor_char_boundary(cut.index(text.len()));
            let abridged = abridge(&text[..end]);
            prop_assert!(!abridged.ends_with("Response>"));
        }
    }

    #[test]
    fn what_is_cut_or_makes_no_sense_does_not_end_as_an_answer_does() {
        let whole = about("<instanceId>i-1</instanceId><groupSet><item>a</item></groupSet>");
        for end in (1..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            for bytes in [7, usize::MAX] {
                let cut = abridged(&whole.as_bytes()[..end], bytes);
                assert!(!cut.ends_with("Response>"), "cut at {end}: {cut}");
            }
        }
        for (sense, nonsense) in [
            ("</groupSet>", "</groupSt>"),
            ("</item></instancesSet>", "</instancesSet>"),
            ("<instanceId>i", "<instanceId i<"),
            ("<groupSet>", "Response><groupSet/></a>"),
            ("<item>a", "<item><b>a"),
            ("a</item>", "a"),
        ] {
            for bytes in [7, usize::MAX] {
                let text = abridged(whole.replacen(sense, nonsense, 1).as_bytes(), bytes);
                assert!(!text.ends_with("Response>"), "{text}");
            }
        }
    }
}
