//! Changes of JSON documents that leave them JSON: a value replaced, taken from another document, edited, moved or lost.
//!
//! libFuzzer changes bytes, and nearly every such change of a document ends at the parser of JSON. What lies behind it is
//! reached by changing values. Which of the changed documents are worth keeping is libFuzzer's to say.

use std::{fs, path::Path};

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// What changed documents are made of.
#[derive(Debug)]
pub struct Material {
    /// Whole documents, any part of which may end up in another one.
    pub documents: Vec<Value>,
    /// Texts that mean something to what is tested.
    pub words: &'static [&'static str],
}

impl Material {
    /// The words, and the files of these folders under `events/`.
    ///
    /// # Panics
    /// A folder is gone, or holds something that is no JSON.
    #[must_use]
    pub fn of_events(folders: &[&str], words: &'static [&'static str]) -> Self {
        let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
        let mut files: Vec<_> = folders
            .iter()
            .flat_map(|folder| fs::read_dir(events.join(folder)).expect("events/ holds one folder a function"))
            .map(|file| file.expect("is readable").path())
            .collect();
        // The same seed is to lead to the same document on every machine.
        files.sort();
        let read = |path| serde_json::from_slice(&fs::read(path).expect("is readable")).expect("an event is JSON");
        Self { documents: files.iter().map(read).collect(), words }
    }

    fn part(&self, random: &mut Rng) -> Value {
        let Some(document) = random.choice(&self.documents) else { return Value::Null };
        nth(document, &mut random.usize(..count(document))).cloned().unwrap_or_default()
    }

    fn word(&self, random: &mut Rng) -> String {
        random.choice(self.words).map_or_else(String::new, |word| (*word).to_owned())
    }
}

/// Puts a changed document in the place of the one in `data[..size]`, and returns its size. `None`, and `data` as it was, if
/// there is no JSON, or the changed document is too long, and now and then in any case: then it is libFuzzer's turn.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32, material: &Material) -> Option<usize> {
    let random = &mut Rng::with_seed(seed.into());
    if random.u8(..5) == 0 {
        return None;
    }
    let mut document: Value = serde_json::from_slice(&data[..size]).ok()?;
    for _ in 0..=random.u8(..3) {
        change(&mut document, material, random);
    }
    let text = document.to_string();
    let place = data.get_mut(..text.len()).filter(|place| place.len() <= max_size)?;
    place.copy_from_slice(text.as_bytes());
    Some(text.len())
}

fn change(document: &mut Value, material: &Material, random: &mut Rng) {
    let place = &mut random.usize(..count(document));
    let Some(value) = nth_mut(document, place) else { return };
    match (random.u8(..8), value) {
        (0, value) => *value = material.part(random),
        (1, value) => *value = plain(material, random),
        (_, Value::Object(fields)) => change_fields(fields, material, random),
        (_, Value::Array(values)) => change_values(values, material, random),
        (_, Value::String(text)) => change_text(text, material, random),
        (_, value) => *value = plain(material, random),
    }
}

fn change_fields(fields: &mut Map<String, Value>, material: &Material, random: &mut Rng) {
    let chosen = random.choice(fields.keys().cloned().collect::<Vec<_>>());
    match (random.u8(..4), chosen) {
        (0, Some(key)) => drop(fields.remove(&key)),
        (1, Some(key)) => {
            let value = fields.remove(&key).unwrap_or_default();
            fields.insert(material.word(random), value);
        }
        (2, _) => {
            // Fields that another document has mean more than any other.
            if let Value::Object(others) = material.part(random) {
                fields.extend(random.choice(others));
            }
        }
        _ => drop(fields.insert(material.word(random), plain(material, random))),
    }
}

fn change_values(values: &mut Vec<Value>, material: &Material, random: &mut Rng) {
    let place = random.usize(..=values.len());
    match (random.u8(..3), values.get(place).cloned()) {
        (0, Some(_)) => drop(values.remove(place)),
        (1, Some(value)) => values.insert(place, value),
        _ => values.insert(place, plain(material, random)),
    }
}

/// What is put into a text, here and there.
const PIECES: [&str; 16] = [" ", "\0", "\n", "\"", "\\", "/", "%", "+", "<", "&", "=", "é", "🕘", "\u{202e}", "0", "-"];

/// Edits a text, or the document that it holds: an alarm by SNS is JSON in a text.
fn change_text(text: &mut String, material: &Material, random: &mut Rng) {
    if let Ok(mut inner @ Value::Object(_)) = serde_json::from_str(text) {
        change(&mut inner, material, random);
        *text = inner.to_string();
        return;
    }
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    let place = random.choice(places).unwrap_or_default();
    match random.u8(..6) {
        0 => text.truncate(place),
        1 => drop(text.drain(..place)),
        2 => text.insert_str(place, &material.word(random)),
        3 => *text = text.repeat(random.usize(..40)),
        4 if place < text.len() => drop(text.remove(place)),
        _ => text.insert_str(place, random.choice(PIECES).unwrap_or_default()),
    }
}

/// A value without parts.
fn plain(material: &Material, random: &mut Rng) -> Value {
    match random.u8(..10) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => json!(random.choice([-1, 0, 1, 2, 60, 100, 101, i64::from(u32::MAX), i64::MAX, i64::MIN])),
        3 => json!(random.choice([-0.5, 0.1, 1e-300, 1e300, 9_007_199_254_740_993.0])),
        4 => json!({}),
        5 => json!([]),
        _ => material.word(random).into(),
    }
}

/// How many values there are in it, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(fields) => fields.values().map(count).sum(),
        Value::Array(values) => values.iter().map(count).sum(),
        _ => 0,
    }
}

/// The value with this number in it, itself being 0. What was passed over is taken off the number.
fn nth<'a>(value: &'a Value, number: &mut usize) -> Option<&'a Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Object(fields) => fields.values().find_map(|value| nth(value, number)),
        Value::Array(values) => values.iter().find_map(|value| nth(value, number)),
        _ => None,
    }
}

/// The same, to be changed.
fn nth_mut<'a>(value: &'a mut Value, number: &mut usize) -> Option<&'a mut Value> {
    if *number == 0 {
        return Some(value);
    }
    *number -= 1;
    match value {
        Value::Object(fields) => fields.values_mut().find_map(|value| nth_mut(value, number)),
        Value::Array(values) => values.iter_mut().find_map(|value| nth_mut(value, number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_from_the_outside_in() {
        let mut document = json!({"a": [1, {"b": 2}], "c": 3});
        assert_eq!(count(&document), 6);
        let expected = [document.clone(), json!([1, {"b": 2}]), json!(1), json!({"b": 2}), json!(2), json!(3)];
        for (number, expected) in expected.iter().enumerate() {
            assert_eq!(nth(&document, &mut { number }), Some(expected));
            assert_eq!(nth_mut(&mut document, &mut { number }), Some(&mut expected.clone()));
        }
        assert_eq!(nth(&document, &mut 6), None);
    }

    #[test]
    fn a_changed_document_is_json_and_another_one() {
        let material = Material { documents: vec![json!({"x": {"y": [1, 2]}})], words: &["x", "ALARM"] };
        let document = json!({"state": "OK", "list": [1, 2], "text": "{\"inner\": 1}"});
        let (mut changed, mut size) = (0, document.to_string().len());
        let mut data = document.to_string().into_bytes();
        data.resize(4096, 0);
        for seed in 0..2000 {
            let Some(new_size) = mutate(&mut data, size, 4096, seed, &material) else { continue };
            let new: Value = serde_json::from_slice(&data[..new_size]).expect("is JSON");
            changed += usize::from(new != document);
            let text = document.to_string();
            size = text.len();
            data[..size].copy_from_slice(text.as_bytes());
        }
        assert!(changed > 1200, "{changed}");
    }

    #[test]
    fn what_is_too_long_or_no_json_is_left_alone() {
        let material = Material { documents: vec![json!("long ".repeat(100))], words: &["also quite long"] };
        for seed in 0..200 {
            for text in ["{\"a\":", "{\"a\": 1}"] {
                let mut data = text.as_bytes().to_vec();
                let size = data.len();
                if mutate(&mut data, size, 2, seed, &material).is_none() {
                    assert_eq!(data, text.as_bytes());
                }
            }
        }
    }
}
