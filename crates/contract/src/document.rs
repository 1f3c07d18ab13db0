//! The document: which operation an event is for, which responses it has, and where their schemas stand.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

const TEXT: &str = include_str!("../../../infra/openapi.yaml");

/// What an event is for.
pub(crate) enum Operation {
    /// An operation, by its place in the document.
    Described(String),
    /// No operation of its path, one of which stands here.
    OtherMethod(String),
    /// No path.
    Nothing,
}

pub(crate) struct Document(Value);

impl Document {
    /// The document with its schemas closed: a field that none of them describes does not fit.
    pub(crate) fn of_the_api() -> Self {
        let documents = YamlLoader::load_from_str(TEXT).expect("infra/openapi.yaml is YAML");
        let mut document = as_json(&documents[0]);
        let definitions = document["components"]["schemas"].as_object_mut().expect("there are schemas");
        // What is defined may be part of something larger, and is closed where it is used.
        definitions.values_mut().for_each(close_parts);
        close(&mut document["paths"], false);
        close(&mut document["components"]["responses"], false);
        Self(document)
    }

    pub(crate) const fn json(&self) -> &Value {
        &self.0
    }

    /// The places of all schemas of JSON bodies in responses.
    pub(crate) fn schemas(&self) -> BTreeSet<String> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods =
                item.as_object().into_iter().flatten().filter(|(_, operation)| operation.get("responses").is_some());
            methods.map(move |(method, operation)| (place(path, method), operation))
        });
        let responses = operations.flat_map(|(place, operation)| {
            let statuses = operation["responses"].as_object().into_iter().flatten();
            statuses.filter_map(move |(status, _)| self.response(&place, status.parse().ok()?))
        });
        responses.filter_map(|response| response.schema("application/json")).collect()
    }

    /// The operation behind a method and a path. `HEAD` is `GET` without its body.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Operation {
        let paths = self.0["paths"].as_object().expect("there are paths");
        let Some((template, item)) = paths.iter().find(|(template, _)| is_path_of(template, path)) else {
            return Operation::Nothing;
        };
        let method = if method == "HEAD" { "get".to_owned() } else { method.to_ascii_lowercase() };
        match item.get(&method) {
            Some(_) => Operation::Described(place(template, &method)),
            None => Operation::OtherMethod(place(template, if item.get("get").is_some() { "get" } else { "post" })),
        }
    }

    /// The response of an operation with this status.
    pub(crate) fn response(&self, place: &str, status: u64) -> Option<Response<'_>> {
        let place = format!("{place}/responses/{status}");
        let response = self.0.pointer(&place)?;
        let Some(reference) = response.get("$ref").and_then(Value::as_str) else {
            return Some(Response { place, json: response });
        };
        let place = reference.trim_start_matches('#').to_owned();
        let json = self.0.pointer(&place).unwrap_or_else(|| panic!("{place} does not exist"));
        Some(Response { place, json })
    }
}

/// A response of the document.
pub(crate) struct Response<'a> {
    place: String,
    json: &'a Value,
}

impl Response<'_> {
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.json.get("headers").and_then(Value::as_object).into_iter().flatten()
    }

    pub(crate) fn has_content(&self) -> bool {
        self.json.get("content").is_some()
    }

    /// The place of the schema of a body of this kind.
    pub(crate) fn schema(&self, media_type: &str) -> Option<String> {
        self.json.get("content")?.get(media_type)?;
        Some(format!("{}/content/{}/schema", self.place, escaped(media_type)))
    }
}

fn place(template: &str, method: &str) -> String {
    format!("/paths/{}/{method}", escaped(template))
}

/// A key as part of a JSON pointer, and of a URL's fragment.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn is_path_of(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(parameter), Some(value)) if parameter.starts_with('{') && !value.is_empty() => {}
            (Some(expected), Some(found)) if expected == found => {}
            _ => return false,
        }
    }
}

/// Closes a schema, and those within it.
fn close(value: &mut Value, is_part: bool) {
    close_parts(value);
    let Some(schema) = value.as_object_mut() else { return };
    let describes_fields = ["$ref", "properties", "allOf"].iter().any(|key| schema.contains_key(*key));
    let is_open = schema.contains_key("additionalProperties");
    if describes_fields && !is_part && !is_open {
        schema.insert("unevaluatedProperties".to_owned(), json!(false));
    }
}

fn close_parts(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let are_parts = key == "allOf";
                match value {
                    Value::Array(schemas) => schemas.iter_mut().for_each(|schema| close(schema, are_parts)),
                    value => close(value, false),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| close(value, false)),
        _ => {}
    }
}

fn as_json(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => json!(value),
        Yaml::Integer(value) => json!(value),
        Yaml::Real(text) => json!(text.parse::<f64>().expect("is a number")),
        Yaml::String(text) => json!(text),
        Yaml::Array(values) => values.iter().map(as_json).collect(),
        Yaml::Hash(fields) => {
            let field =
                |(key, value): (&Yaml, &Yaml)| (key.as_str().expect("keys are texts").to_owned(), as_json(value));
            Value::Object(fields.iter().map(field).collect::<Map<_, _>>())
        }
        Yaml::Alias(_) | Yaml::BadValue => panic!("YAML that the loader has not resolved"),
    }
}
