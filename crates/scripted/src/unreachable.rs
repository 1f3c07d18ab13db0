//! An address where nobody answers.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// Linux lets one wait where none may.
const MOST_WAITING: usize = 100;

/// An address where connections are neither made nor refused, as long as this lives: so many wait to be accepted that the machine
/// takes no further one.
#[derive(Debug)]
pub struct Unreachable {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Unreachable {
    /// A new one, on loopback.
    #[must_use]
    pub fn new() -> Self {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("loopback has sockets");
        listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("loopback has a free port");
        listener.listen(0).expect("is bound");
        let address = listener.local_addr().ok().and_then(|address| address.as_socket()).expect("is bound");
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let waiting: Vec<TcpStream> = std::iter::from_fn(connect).take(MOST_WAITING).collect();
        assert!(waiting.len() < MOST_WAITING, "the machine makes connections without end");
        Self { address, _listener: listener, _waiting: waiting }
    }

    /// Where nobody answers: `http://127.0.0.1:…`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Default for Unreachable {
    fn default() -> Self {
        Self::new()
    }
}
