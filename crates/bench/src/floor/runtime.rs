//! A client of the Runtime API: one connection, one buffer for each direction.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    io::{self, BufReader, Write},
    net::TcpStream,
};

use super::variable;
use crate::http::Message;

/// Why a function ended.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// It runs outside of Lambda.
    #[error("AWS_LAMBDA_RUNTIME_API is not set")]
    NoRuntime,
    /// The Runtime API is gone.
    #[error("failed to talk to the Runtime API")]
    Gone(#[from] io::Error),
}

/// Answers events, one after the other, until the Runtime API is gone.
///
/// # Errors
/// There is no Runtime API.
pub fn serve(mut answer: impl FnMut(&[u8]) -> Vec<u8>) -> Result<(), RuntimeError> {
    let host = variable("AWS_LAMBDA_RUNTIME_API").ok_or(RuntimeError::NoRuntime)?;
    let stream = TcpStream::connect(&host)?;
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
    let (mut event, mut reply, mut request) = (Message::default(), Message::default(), Vec::new());
    let next = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {host}\r\n\r\n");
    loop {
        writer.write_all(next.as_bytes())?;
        if !event.read(&mut reader)? {
            return Ok(());
        }
        let body = answer(&event.body);
        let id = event.header("lambda-runtime-aws-request-id").unwrap_or_default();
        request.clear();
        write!(
            request,
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: {host}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )?;
        request.extend_from_slice(&body);
        writer.write_all(&request)?;
        reply.read(&mut reader)?;
    }
}
