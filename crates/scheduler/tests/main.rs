//! The scheduler, from outside: one binary, since each would be linked with the SDK on its own.

mod announcements;
mod batches;
mod digests;
mod events;
mod hostile_events;
mod hostile_messages;
mod large_fleets;
mod links;
mod lookups;
mod message_settings;
mod metrics;
mod owed_starts;
mod reads;
mod runs;
mod starts;
mod state_changes;
mod support;
mod time;
mod week;
