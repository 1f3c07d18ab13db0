//! Signed links, from outside: one binary, since each would be linked with the SDK on its own.

mod cache;
mod forgeries;
mod permits;
mod rotation;
mod round_trips;
mod secrecy;
mod shapes;
mod support;
