//! The keeper of alarms, from outside: one binary, since each would be linked with the SDK on its own.

mod events;
mod keep;
mod remove;
mod support;
mod wanted;
