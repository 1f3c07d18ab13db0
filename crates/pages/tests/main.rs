//! What pages have in common, from outside: one binary.

mod answers;
mod support;
mod visitors;
