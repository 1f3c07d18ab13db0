//! Signed calls over connections that are kept, with TLS where the address asks for it.

use std::{
    io::{self, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, InvalidDnsNameError, ServerName, pem, pem::PemObject},
};

use super::sign::{Request, Signer};
use crate::http::Message;

/// Why AWS could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// A variable is missing.
    #[error("{0} is not set")]
    Unset(&'static str),
    /// The file of roots cannot be read.
    #[error("failed to read SSL_CERT_FILE")]
    Roots(#[from] pem::Error),
    /// TLS.
    #[error("failed to prepare TLS")]
    Tls(#[from] rustls::Error),
    /// The address.
    #[error("failed to read the endpoint's address")]
    Address(#[from] InvalidDnsNameError),
    /// The connection.
    #[error("failed to talk to AWS")]
    Gone(#[from] io::Error),
    /// An answer that is none.
    #[error("failed to read the answer of {0}")]
    Answer(&'static str),
}

/// The account that the function runs in.
#[derive(Debug)]
pub struct Account {
    signer: Signer,
    ec2: Service,
    cloudwatch: Service,
    tls: Option<Arc<ClientConfig>>,
}

/// A service and where it is.
#[derive(Clone, Debug)]
pub(super) struct Service {
    name: &'static str,
    host: String,
}

impl Account {
    /// By Lambda's environment, and the SDKs' variables for endpoints and roots.
    ///
    /// # Errors
    /// A variable is missing, or the roots cannot be read.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, AwsError> {
        let needed = |name| variable(name).ok_or(AwsError::Unset(name));
        let (ec2, cloudwatch) = (needed("AWS_ENDPOINT_URL_EC2")?, needed("AWS_ENDPOINT_URL_CLOUDWATCH")?);
        let tls = if ec2.starts_with("https") { Some(trusting(&needed("SSL_CERT_FILE")?)?) } else { None };
        let host = |address: &str| address.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(Self {
            signer: Signer {
                access_key: needed("AWS_ACCESS_KEY_ID")?,
                secret_key: needed("AWS_SECRET_ACCESS_KEY")?,
                session_token: variable("AWS_SESSION_TOKEN"),
                region: needed("AWS_REGION")?,
            },
            ec2: Service { name: "ec2", host: host(&ec2) },
            cloudwatch: Service { name: "monitoring", host: host(&cloudwatch) },
            tls,
        })
    }

    /// A connection to EC2.
    pub(super) fn ec2(&self) -> Result<Connection<'_>, AwsError> {
        Connection::open(self, &self.ec2)
    }

    /// A connection to CloudWatch.
    pub(super) fn cloudwatch(&self) -> Result<Connection<'_>, AwsError> {
        Connection::open(self, &self.cloudwatch)
    }
}

fn trusting(file: &str) -> Result<Arc<ClientConfig>, AwsError> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A connection to one service.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    signer: &'a Signer,
    service: &'a Service,
    stream: BufReader<Stream>,
    answer: Message,
    request: Vec<u8>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl<'a> Connection<'a> {
    fn open(account: &'a Account, service: &'a Service) -> Result<Self, AwsError> {
        let tcp = TcpStream::connect(&service.host)?;
        tcp.set_nodelay(true)?;
        let stream = match &account.tls {
            None => Stream::Plain(tcp),
            Some(config) => {
                let name = service.host.split(':').next().unwrap_or_default().to_owned();
                let connection = ClientConnection::new(Arc::clone(config), ServerName::try_from(name)?)?;
                Stream::Tls(Box::new(StreamOwned::new(connection, tcp)))
            }
        };
        let stream = BufReader::new(stream);
        Ok(Self { signer: &account.signer, service, stream, answer: Message::default(), request: Vec::new() })
    }

    /// Calls an operation of EC2, with a form.
    pub(super) fn form(&mut self, form: &str) -> Result<&[u8], AwsError> {
        self.call("/", "content-type: application/x-www-form-urlencoded; charset=utf-8\r\n", form.as_bytes())
    }

    /// Calls `GetMetricData`, with CBOR.
    pub(super) fn metric_data(&mut self, body: &[u8]) -> Result<&[u8], AwsError> {
        let headers = "content-type: application/cbor\r\naccept: application/cbor\r\nsmithy-protocol: rpc-v2-cbor\r\n";
        self.call("/service/GraniteServiceVersion20100801/operation/GetMetricData", headers, body)
    }

    fn call(&mut self, path: &str, headers: &str, body: &[u8]) -> Result<&[u8], AwsError> {
        #[expect(clippy::disallowed_methods, reason = "signatures carry the time")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let host = &self.service.host;
        let signed = self.signer.headers(Request { service: self.service.name, host, path, body }, now);
        self.request.clear();
        write!(
            self.request,
            "POST {path} HTTP/1.1\r\nhost: {host}\r\n{headers}{signed}content-length: {}\r\n\r\n",
            body.len()
        )?;
        self.request.extend_from_slice(body);
        self.stream.get_mut().write_all(&self.request)?;
        self.stream.get_mut().flush()?;
        if !self.answer.read(&mut self.stream)? || self.answer.target() != "200" {
            return Err(AwsError::Answer(self.service.name));
        }
        Ok(&self.answer.body)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
