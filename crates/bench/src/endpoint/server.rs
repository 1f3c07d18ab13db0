//! The process that answers.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{
    fleet::{Fleet, Form},
    metrics::Measured,
    metrics_cbor, metrics_json,
    remote::{Addresses, Options},
    tally::Tally,
    tls::{self, TlsError},
};
use crate::http::Message;

/// Why the endpoint does not listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// Loopback, or who started it.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// An endpoint that listens.
#[derive(Debug)]
pub(crate) struct Endpoint {
    options: Options,
    tally: Mutex<Tally>,
    tls: Option<Arc<ServerConfig>>,
}

/// Says where it listens, in a line of JSON, and answers each line that it is sent with what was asked for since the line
/// before. Ends with its input, so that it does not outlive who started it.
///
/// # Errors
/// It cannot listen, or nobody reads what it says.
pub(crate) fn serve(options: Options, input: impl BufRead, mut output: impl Write) -> Result<(), ServeError> {
    let (endpoint, addresses) = Endpoint::start(options)?;
    writeln!(output, "{}", serde_json::to_string(&addresses).map_err(io::Error::other)?)?;
    for line in input.lines() {
        line?;
        writeln!(output, "{}", serde_json::to_string(&endpoint.take_tally()).map_err(io::Error::other)?)?;
    }
    Ok(())
}

/// Listens on a port of its own: on AWS each service is a host, and a connection to one does not serve the other.
fn listen(endpoint: &Arc<Endpoint>) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let scheme = if endpoint.tls.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://localhost:{}", listener.local_addr()?.port());
    let endpoint = Arc::clone(endpoint);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let endpoint = Arc::clone(&endpoint);
            endpoint.tally().connections += 1;
            thread::spawn(move || endpoint.take(stream));
        }
    });
    Ok(address)
}

impl Endpoint {
    /// Listens in this process.
    pub(crate) fn start(options: Options) -> Result<(Arc<Self>, Addresses), ServeError> {
        let (tls, root) = if options.has_tls {
            let (config, root) = tls::certificate()?;
            (Some(config), Some(root))
        } else {
            (None, None)
        };
        let endpoint = Arc::new(Self { options, tally: Mutex::default(), tls });
        let addresses = Addresses { ec2: listen(&endpoint)?, cloudwatch: listen(&endpoint)?, root };
        Ok((endpoint, addresses))
    }

    /// What was asked for since it was asked the last time.
    pub(crate) fn take_tally(&self) -> Tally {
        std::mem::take(&mut self.tally())
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serves a connection until its other side goes away, in whatever way.
    fn take(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        match &self.tls {
            None => self.converse(BufReader::new(stream)),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
                self.converse(BufReader::new(StreamOwned::new(connection, stream)))
            }
        }
    }

    fn converse<S: Read + Write>(&self, mut stream: BufReader<S>) -> io::Result<()> {
        let mut request = Message::default();
        while request.read(&mut stream)? {
            let due = Instant::now() + self.options.delay;
            let answer = self.answer(&request);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            stream.get_mut().write_all(&answer)?;
            stream.get_mut().flush()?;
        }
        Ok(())
    }

    fn answer(&self, request: &Message) -> Vec<u8> {
        let began = Instant::now();
        let fleet = Fleet { instances: self.options.instances };
        let (operation, reply) = reply(fleet, request);
        let mut tally = self.tally();
        *tally.calls.entry(operation.to_owned()).or_default() += 1;
        let (status, kind, body) = match reply {
            Ok(Reply::Xml(xml)) => (200, "text/xml;charset=UTF-8", xml.into_bytes()),
            Ok(Reply::Metrics(kind, measured)) => {
                tally.metrics += measured.metrics;
                tally.datapoints += measured.datapoints;
                (200, kind, measured.body)
            }
            Err(why) => (400, "text/plain", why.into_bytes()),
        };
        let mut answer = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(&body);
        tally.busy += began.elapsed();
        answer
    }
}

enum Reply {
    Xml(String),
    /// With the type of its body.
    Metrics(&'static str, Measured),
}

/// The operation that a request asks for, and what is said to it; or why nothing is. The path tells it in CloudWatch's newest
/// protocol, a header in the one before, and the form in EC2's.
fn reply(fleet: Fleet, request: &Message) -> (&str, Result<Reply, String>) {
    let unknown = || Err("the endpoint does not know this call".to_owned());
    let body = &request.body[..];
    if let Some((_, operation)) = request.target().rsplit_once("/operation/") {
        let reply = match operation {
            "GetMetricData" => metrics_cbor::metric_data(body)
                .map(|measured| Reply::Metrics("application/cbor", measured))
                .map_err(|error| error.to_string()),
            _ => unknown(),
        };
        return (operation, reply);
    }
    if let Some((_, operation)) = request.header("x-amz-target").and_then(|target| target.rsplit_once('.')) {
        let measured = match operation {
            "GetMetricData" => metrics_json::metric_data(body),
            "GetMetricStatistics" => metrics_json::metric_statistics(body),
            _ => return (operation, unknown()),
        };
        let reply = measured.map(|measured| Reply::Metrics("application/x-amz-json-1.0", measured));
        return (operation, reply.map_err(|error| error.to_string()));
    }
    let Some(form) = Form::parse(body) else { return ("unknown", unknown()) };
    (form.get("Action").unwrap_or("unknown"), fleet.answer(&form).map(Reply::Xml).map_or_else(unknown, Ok))
}
