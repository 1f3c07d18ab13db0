//! An endpoint on loopback for EC2 and CloudWatch, in a process of its own, so that its memory and time are not those of what is
//! measured. `scripted` can be told to answer anything, and for that reads each call into a tree and keeps it: 60,000 queries
//! would take it longer than they take who asks.

mod fleet;
mod metrics;
mod metrics_cbor;
mod metrics_json;
mod remote;
mod server;
mod tally;
mod tls;

pub(crate) use fleet::Fleet;
pub(crate) use remote::{Addresses, Options, Remote};
#[cfg(test)]
pub(crate) use server::Endpoint;
pub(crate) use server::serve;
pub(crate) use tally::Tally;
