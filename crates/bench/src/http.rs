//! As much of HTTP/1.1 as a Runtime API, an endpoint on loopback, and the floor need. Buffers are used again.

use std::io::{self, BufRead, Read};

/// A request or an answer: its head as text, and its whole body.
#[derive(Debug, Default)]
pub(crate) struct Message {
    head: String,
    /// What follows the head.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads the next message in place of this one. Whether there was one: `false` once the peer is gone.
    ///
    /// # Errors
    /// The peer went away within a message, or it is no HTTP.
    pub(crate) fn read(&mut self, stream: &mut impl BufRead) -> io::Result<bool> {
        self.head.clear();
        self.body.clear();
        if stream.read_line(&mut self.head)? == 0 {
            return Ok(false);
        }
        loop {
            let line = self.head.len();
            if stream.read_line(&mut self.head)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if self.head[line..].trim_end().is_empty() {
                break;
            }
        }
        if self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            self.read_chunks(stream)?;
        } else if let Some(length) = self.header("content-length") {
            let length = length.parse().map_err(|_| malformed("a content-length that is no number"))?;
            read_bytes(stream, length, &mut self.body)?;
        }
        Ok(true)
    }

    /// The second word of the first line: a request's path, or an answer's status.
    #[must_use]
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    /// The value of the first header of that name.
    #[must_use]
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        headers.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    fn read_chunks(&mut self, stream: &mut impl BufRead) -> io::Result<()> {
        let mut line = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line)?;
            let length = usize::from_str_radix(line.trim(), 16).map_err(|_| malformed("a chunk without a length"))?;
            read_bytes(stream, length, &mut self.body)?;
            stream.read_line(&mut line)?;
            if length == 0 {
                return Ok(());
            }
        }
    }
}

fn read_bytes(stream: &mut impl BufRead, length: usize, body: &mut Vec<u8>) -> io::Result<()> {
    let read = stream.take(u64::try_from(length).map_err(io::Error::other)?).read_to_end(body)?;
    if read == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> io::Result<Option<(String, Vec<u8>)>> {
        let mut message = Message::default();
        Ok(message.read(&mut text.as_bytes())?.then(|| (message.target().to_owned(), message.body)))
    }

    #[test]
    fn bodies_have_a_length_or_chunks_or_are_empty() {
        let body = |text: &str| read(text).unwrap().unwrap().1;
        assert_eq!(body("POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiXX"), b"hi");
        assert_eq!(body("POST /a HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"), b"hi");
        assert_eq!(body("GET /a HTTP/1.1\r\nhost: x\r\n\r\n"), b"");
    }

    #[test]
    fn the_end_is_no_message_and_half_a_message_is_an_error() {
        assert_eq!(read("").unwrap(), None);
        for half in ["GET /a HTTP/1.1\r\n", "GET /a HTTP/1.1\r\ncontent-length: 9\r\n\r\nhi"] {
            assert_eq!(read(half).unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{half}");
        }
    }

    #[test]
    fn the_target_is_a_path_or_a_status() {
        assert_eq!(read("GET /a?b HTTP/1.1\r\n\r\n").unwrap().unwrap().0, "/a?b");
        assert_eq!(read("HTTP/1.1 202 Accepted\r\n\r\n").unwrap().unwrap().0, "202");
    }
}
