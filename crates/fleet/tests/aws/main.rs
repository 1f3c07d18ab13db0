//! The AWS adapter against a scripted endpoint: paging, packing, batches, and everything that is not an answer. One binary,
//! since each would link the EC2 SDK anew.

mod alarms;
mod change;
mod datapoints;
mod describe;
mod described;
mod discover;
mod keep;
mod keys;
mod measure;
mod patience;
mod protection;
mod sessions;
mod spot;
mod start;
mod support;
mod sweep;
mod time;
mod topic;
