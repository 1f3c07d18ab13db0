//! An answer of EC2 whose instances are read while it arrives: of the 4 KB about each, Doze reads an eighth, and an answer of a thousand
//! is never held whole.

use super::{
    described::Described,
    markup::{Element, Markup, Nonsense, Piece},
    place::Place,
};

/// What an instance is called in a list of them.
const INSTANCE: &str = "item";

/// How many bytes of an answer are read at once: about fifteen instances.
const PART: usize = 1 << 16;
/// What is around an instance. The text begins with that once others have been read.
const AROUND: &str = "<DescribeInstancesResponse><reservationSet><item><instancesSet>";

/// An answer as far as it has arrived.
#[derive(Debug)]
pub struct Answer {
    instances: Vec<Described>,
    /// What has been read, without the list of reservations.
    rest: Vec<u8>,
    /// What has not been read, after what is around it.
    waiting: Vec<u8>,
    /// How long that is.
    around: usize,
    /// How many more bytes are waited for, at least, each time.
    part: usize,
    /// How many bytes have to wait before they are read.
    enough: usize,
}

impl Default for Answer {
    fn default() -> Self {
        Self::in_parts_of(PART)
    }
}

impl Answer {
    /// One that is read in parts of so many bytes.
    ///
    /// # Panics
    /// They are none.
    #[must_use]
    pub const fn in_parts_of(part: usize) -> Self {
        assert!(part > 0, "nothing is read in parts of nothing");
        Self { instances: Vec::new(), rest: Vec::new(), waiting: Vec::new(), around: 0, part, enough: part }
    }

    /// Adds what has arrived of the answer.
    pub fn add(&mut self, arrived: &[u8]) {
        // What arrives at once may be many times what is to be held.
        for part in arrived.chunks(self.part) {
            self.waiting.extend_from_slice(part);
            if self.waiting.len() >= self.enough {
                self.read();
            }
        }
    }

    /// Reads the instances that have arrived whole.
    fn read(&mut self) {
        let mut reading = Reading::new(text_of(&self.waiting), self.around);
        // What makes no sense may be what has not arrived whole. If it is not, it is found again at the end.
        let _: Result<(), Nonsense> = reading.run();
        if let Some(After { read, rest }) = reading.after_instance {
            self.rest.extend_from_slice(&reading.rest.as_bytes()[..rest]);
            self.instances.append(&mut reading.instances);
            self.waiting.splice(..read, AROUND.bytes());
            self.around = AROUND.len();
        }
        // Doubled, so that what belongs together and is long is not read again for each part of it.
        self.enough = self.waiting.len() * 2 + self.part;
    }

    /// All instances of the answer, and the answer with an empty list of reservations. Of one that makes no sense, or has not arrived to
    /// its end, it is the beginning, which does not end with its root.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Described>, Vec<u8>) {
        let text = text_of(&self.waiting);
        let mut reading = Reading::new(text, self.around);
        let end = reading.run();
        self.instances.append(&mut reading.instances);
        self.rest.extend_from_slice(reading.rest.as_bytes());
        // What is no text makes no sense either.
        self.rest.extend_from_slice(&self.waiting[text.len()..]);
        if let Err(nonsense) = end {
            let failure = nonsense.to_string();
            tracing::warn!(failure, "an answer of EC2 makes no sense");
        }
        (self.instances, self.rest)
    }
}

/// The bytes as far as they are text.
fn text_of(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_else(|error| str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default())
}

/// Reads a text, and copies it without the list of reservations.
struct Reading<'a> {
    text: &'a str,
    markup: Markup<'a>,
    place: Place,
    instances: Vec<Described>,
    rest: String,
    /// Up to where the text has been copied or left out.
    copied: usize,
    /// The place after the last instance.
    after_instance: Option<After>,
}

/// A place after an instance: in the text, and in what has been copied of it.
struct After {
    read: usize,
    rest: usize,
}

impl<'a> Reading<'a> {
    /// Of a text that begins with so much that is not copied.
    fn new(text: &'a str, around: usize) -> Self {
        Self {
            text,
            markup: Markup::new(text),
            place: Place::default(),
            instances: Vec::new(),
            rest: String::new(),
            copied: around,
            after_instance: None,
        }
    }

    /// Reads the text to its end.
    ///
    /// # Errors
    /// It makes no sense; it is read up to there.
    fn run(&mut self) -> Result<(), Nonsense> {
        loop {
            let start = self.markup.position();
            match self.markup.next()? {
                Piece::Element(element) if self.place.is_among_instances() && element.name() == INSTANCE => {
                    self.read_instance(&element)?;
                }
                Piece::Element(element) => self.enter(&element),
                Piece::End => {
                    if self.place.is_in_list() {
                        self.copied = start;
                    }
                    self.place.leave();
                }
                Piece::Over if self.place.is_within() => return Err(Nonsense::Cut),
                Piece::Over => {
                    self.copy(self.text.len());
                    return Ok(());
                }
            }
        }
    }

    fn read_instance(&mut self, element: &Element<'a>) -> Result<(), Nonsense> {
        self.instances.extend(Described::read(&mut self.markup, element)?);
        self.after_instance = Some(After { read: self.markup.position(), rest: self.rest.len() });
        Ok(())
    }

    fn enter(&mut self, element: &Element<'a>) {
        if !element.is_empty() {
            self.place.enter(element.name());
            if self.place.is_in_list() {
                self.copy(self.markup.position());
            }
        }
    }

    /// Copies what has been read up to there.
    fn copy(&mut self, end: usize) {
        self.rest.push_str(self.text.get(self.copied..end).unwrap_or_default());
        self.copied = end;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The ids of the instances of an answer that arrives in parts of so many bytes, and the rest of it.
    fn read(text: &[u8], bytes: usize) -> (Vec<String>, String) {
        let mut answer = Answer::in_parts_of(bytes);
        text.chunks(bytes).for_each(|part| answer.add(part));
        let (instances, rest) = answer.finish();
        let ids = instances.into_iter().map(|described| described.instance.id.to_string()).collect();
        (ids, String::from_utf8(rest).expect("is UTF-8 where it makes sense"))
    }

    /// An answer with these reservations.
    fn about(reservations: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n  \
             <requestId>r</requestId><reservationSet>{reservations}</reservationSet><nextToken>a&amp;b</nextToken>\
             </DescribeInstancesResponse>"
        )
    }

    fn reservation(instances: &str) -> String {
        format!("<item><groupSet/><ownerId>1</ownerId><instancesSet>{instances}</instancesSet><a>b</a></item>")
    }

    fn instance(id: &str) -> String {
        format!(
            "<item><instanceId>{id}</instanceId><tagSet><item><key>Name</key><value>ä</value></item></tagSet></item>"
        )
    }

    #[test]
    fn instances_are_taken_out_and_all_else_stays_as_it_is() {
        let ids = ["i-00000001", "i-00000002", "i-00000003"];
        let text =
            about(&(reservation(&[instance(ids[0]), instance(ids[1])].concat()) + &reservation(&instance(ids[2]))));
        for bytes in (1..text.len()).chain([usize::MAX]) {
            assert_eq!(read(text.as_bytes(), bytes), (ids.map(str::to_owned).into(), about("")), "{bytes}");
        }
    }

    #[test]
    fn what_has_been_read_is_not_held() {
        let (mut answer, text) = (Answer::in_parts_of(1000), about(&reservation(&instance("i-00000001").repeat(1000))));
        for part in text.as_bytes().chunks(100) {
            answer.add(part);
            assert!(answer.waiting.len() < 3000, "{} bytes wait", answer.waiting.len());
        }
        assert_eq!(answer.finish().0.len(), 1000);
    }

    #[test]
    fn what_stands_elsewhere_is_no_instance() {
        let one = instance("i-00000001");
        let list = format!("<instancesSet>{one}</instancesSet>");
        for reservations in [
            one.clone(),
            list.clone(),
            format!("<item>{one}</item>"),
            format!("<item><groupSet>{list}</groupSet></item>"),
            reservation(&format!("<group>{one}</group>")),
            reservation(&format!("<!-- {one} --><![CDATA[{one}]]>")),
            reservation(
                &one.replace("item><instanceId>", "member><instanceId>")
                    .replace("</tagSet></item>", "</tagSet></member>"),
            ),
        ] {
            assert_eq!(read(about(&reservations).as_bytes(), usize::MAX), (Vec::new(), about("")), "{reservations}");
        }
    }

    #[test]
    fn every_other_answer_stays_as_it_is() {
        let elsewhere = about(&reservation(&instance("i-00000001"))).replace("DescribeInstances", "DescribeImages");
        let no_list = about("").replace("reservationSet", "reservations");
        let empty = about("").replace("<reservationSet></reservationSet>", "<reservationSet/>");
        for text in [
            "",
            "{}",
            "no XML",
            "<html><body>Bad Gateway</body></html>",
            "<StopInstancesResponse/>",
            &about(""),
            &elsewhere,
            &no_list,
            &empty,
        ] {
            for bytes in (1..40).chain([usize::MAX]) {
                assert_eq!(read(text.as_bytes(), bytes), (Vec::new(), text.to_owned()));
            }
        }
    }

    #[test]
    fn what_is_no_text_does_not_end_as_an_answer_does() {
        let whole = about(&reservation(&instance("i-00000001"))) + "\n";
        for at in 0..whole.len() {
            let mut text = whole.clone().into_bytes();
            text[at] = 0xff;
            for bytes in [7, usize::MAX] {
                let mut answer = Answer::in_parts_of(bytes);
                text.chunks(bytes).for_each(|part| answer.add(part));
                let (_, rest) = answer.finish();
                assert!(!str::from_utf8(&rest).is_ok_and(|rest| rest.ends_with("Response>")), "at {at}");
            }
        }
    }

    #[test]
    fn what_is_cut_or_makes_no_sense_does_not_end_as_an_answer_does() {
        let whole = about(&reservation(&instance("i-00000001").repeat(2)));
        for end in (1..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            for bytes in [7, usize::MAX] {
                let (_, rest) = read(&whole.as_bytes()[..end], bytes);
                assert!(!rest.ends_with("Response>"), "cut at {end}: {rest}");
            }
        }
        for (sense, nonsense) in [
            ("</ownerId>", "</ownrId>"),
            ("</item></instancesSet>", "</instancesSet>"),
            ("<instanceId>i", "<instanceId i<"),
            ("<groupSet/>", "Response><groupSet/></a>"),
            ("<key>", "<key><b>"),
            ("</tagSet></item>", "</tagSet>"),
            ("<key>Name", "<key>&name;"),
            ("<key>Name", "<key>Na<b/>me"),
            ("</tagSet>", "</tagSet><a><b></a>"),
            ("<item><instanceId>", "<e:item><instanceId>"),
            ("<instancesSet>", "<e:instancesSet>"),
            ("<reservationSet>", "<e:reservationSet/><reservationSet>"),
            ("</instancesSet><a>b</a></item></reservationSet>", "Response>"),
            ("&amp;b</nextToken></DescribeInstancesResponse>", "Response>"),
        ] {
            for bytes in [7, usize::MAX] {
                let (_, rest) = read(whole.replacen(sense, nonsense, 1).as_bytes(), bytes);
                assert!(!rest.ends_with("Response>"), "{nonsense}: {rest}");
            }
        }
    }

    fn some_of(pieces: &'static [&str]) -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(pieces), 0..4).prop_map(|pieces| pieces.concat())
    }

    /// What may stand between elements.
    fn between() -> impl Strategy<Value = String> {
        some_of(&["", "ä", " \n", "&lt;", "<!-- <a> é -->", "<![CDATA[/></groupSet></item>]]>", "<?p /></item>?>"])
    }

    /// What may stand in one that nobody reads.
    fn unread() -> impl Strategy<Value = String> {
        let elements = some_of(&[
            "<groupSet/>",
            "<groupSet><item><instanceId>i-0000000f</instanceId></item></groupSet>",
            "<a b='/>' c='</item>'>ö</a>",
            "<groupSet><groupSet/></groupSet>",
            "<x></x >",
        ]);
        (between(), elements, between()).prop_map(|(before, elements, after)| before + &elements + &after)
    }

    /// To another instance, or to another reservation.
    const NEXT: [&str; 2] = ["", "</instancesSet><a/></item><item><instancesSet>"];

    proptest! {
        #[test]
        fn exactly_the_instances_are_read(
            instances in prop::collection::vec((unread(), unread(), between(), prop::sample::select(&NEXT[..])), 0..12),
            bytes in 1_usize..50,
        ) {
            let (mut all, mut ids) = (String::new(), Vec::new());
            for (number, (before, after, between, next)) in instances.into_iter().enumerate() {
                let id = format!("i-{number:08x}");
                all.extend([&between, "<item>", &before, "<instanceId>", &id, "</instanceId>", &after, "</item>", next]);
                ids.push(id);
            }
            prop_assert_eq!(read(about(&reservation(&all)).as_bytes(), bytes), (ids, about("")));
        }

        #[test]
        fn a_text_is_cut_anywhere(content in unread(), cut in any::<prop::sample::Index>()) {
            let text = about(&reservation(&format!("<item>{content}</item>")));
            let end = text.floor_char_boundary(cut.index(text.len()));
            prop_assert!(!read(&text.as_bytes()[..end], usize::MAX).1.ends_with("Response>"));
        }
    }
}
