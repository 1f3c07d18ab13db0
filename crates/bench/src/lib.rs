#![doc = include_str!("../README.md")]

mod cbor;
pub mod endpoint;
pub mod floor;
mod http;
