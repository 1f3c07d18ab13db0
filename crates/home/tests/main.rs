//! The pages, from outside: one binary, since each would be linked with the SDK on its own.

mod buttons;
mod fleet_page;
mod front_page;
mod hostile;
mod instance_page;
mod progress;
mod requests;
mod settings;
mod support;
mod tokens;
