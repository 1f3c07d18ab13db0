//! What is read of EC2's answers about instances: `fleet::Answer`.
//!
//! The first byte says in parts of how many bytes the rest, which is the answer, arrives.

use fleet::{Answer, Described};

use crate::bytes::Bytes;

/// Has an answer read that arrives in parts, and at once.
///
/// # Panics
/// The parts made a difference; there are more instances than elements that could be one, or some outside of a list; or one of them is
/// left in what the SDK would read of them again.
pub fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let part = usize::from(bytes.byte()) + 1;
    let answer = bytes.0;
    let at_once = read(answer, answer.len().max(1));
    assert_eq!(read(answer, part), at_once, "in parts of {part} bytes");
    let (instances, rest) = at_once;
    assert!(instances.len() <= count(answer, b"<item"), "{} instances", instances.len());
    let lists = count(answer, b"<reservationSet").min(count(answer, b"<instancesSet"));
    assert!(instances.is_empty() || lists > 0, "{instances:?} are in no list");
    let left = read(&rest, rest.len().max(1));
    assert!(left.0.is_empty(), "{left:?} are left");
}

fn read(answer: &[u8], part: usize) -> (Vec<Described>, Vec<u8>) {
    let mut reading = Answer::in_parts_of(part);
    answer.chunks(part).for_each(|part| reading.add(part));
    reading.finish()
}

/// How often the bytes have this in them.
fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}
