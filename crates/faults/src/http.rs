//! As much of HTTP/1.1 as a Runtime API needs.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
};

/// A request with its whole body.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// Reads the next request; `None` once the peer is gone.
pub(crate) fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut is_chunked) = (0, false);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "transfer-encoding" => is_chunked = value.trim().eq_ignore_ascii_case("chunked"),
            _ => {}
        }
    }
    let body = if is_chunked { read_chunks(stream)? } else { read_bytes(stream, length)? };
    Some(Request { path, body })
}

/// Answers a request, in one piece: the second of two would wait 40 ms for a peer that is in no hurry to confirm the first.
/// Whether the peer is still there.
pub(crate) fn answer(stream: &TcpStream, status: u16, headers: &str, body: &[u8]) -> bool {
    let mut stream = stream;
    let mut answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    stream.write_all(&answer).is_ok()
}

fn read_bytes(stream: &mut impl BufRead, length: usize) -> Option<Vec<u8>> {
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

fn read_chunks(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        body.extend(read_bytes(stream, length)?);
        stream.read_line(&mut String::new()).ok()?;
        if length == 0 {
            return Some(body);
        }
    }
}
