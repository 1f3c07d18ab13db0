//! The buttons, from outside: one binary, since each would be linked with the SDK on its own.

mod alarm;
mod answers;
mod keep_awake;
mod others;
mod refusals;
mod requests;
mod settings;
mod start;
mod support;
mod tokens;
