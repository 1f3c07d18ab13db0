#![doc = include_str!("../README.md")]

pub mod answer;
mod bytes;
pub mod event;
mod fleet;
pub mod http;
pub mod measurements;
pub mod mutation;
pub mod schedule;
pub mod settings;
pub mod token;

/// A target: what it does with the data of one input.
pub type Run = fn(&[u8]);

/// All targets, by the names of their programs.
pub const TARGETS: [(&str, Run); 7] = [
    ("answer", answer::run),
    ("event", event::run),
    ("http", http::run),
    ("measurements", measurements::run),
    ("schedule", schedule::run),
    ("settings", settings::run),
    ("token", token::run),
];
