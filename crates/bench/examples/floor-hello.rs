//! `hello` without a framework.

use bench::floor::{RuntimeError, serve};

fn main() -> Result<(), RuntimeError> {
    serve(|_| br#"{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"Hello from Lambda!"}"#.to_vec())
}
