//! Whose certificates a connection trusts. A start that reads all of the machine's roots, 140 of them, spends nine tenths of its
//! instructions on that; and above the certificates of AWS stands one of Amazon's four. So these alone are taken out of the machine's
//! roots, and all of them are read where a server's certificate does not hold by the four: an endpoint of one's own, a proxy, another
//! partition.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_sdk_ec2::config::{ConfigBag, HttpClient, RuntimeComponents, SharedHttpClient, http::HttpRequest};
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        runtime_components::RuntimeComponentsBuilder,
    },
};
use base64::{Engine, prelude::BASE64_STANDARD};
use memchr::memmem;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use settings::Environment;

/// The serial numbers of Amazon Root CA 1 to 4; <https://www.amazontrust.com/repository/>. They only choose among what the machine
/// trusts anyway.
const AMAZONS: [[u8; 19]; 4] = [
    *b"\x06\x6c\x9f\xcf\x99\xbf\x8c\x0a\x39\xe2\xf0\x78\x8a\x43\xe6\x96\x36\x5b\xca",
    *b"\x06\x6c\x9f\xd2\x96\x35\x86\x9f\x0a\x0f\xe5\x86\x78\xf8\x5b\x26\xbb\x8a\x37",
    *b"\x06\x6c\x9f\xd5\x74\x97\x36\x66\x3f\x3b\x0b\x9a\xd9\xe8\x9e\x76\x03\xf2\x4a",
    *b"\x06\x6c\x9f\xd7\xc1\xbb\x10\x4c\x29\x43\xe5\x71\x7b\x7b\x2c\xc8\x1a\xc1\x0e",
];

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// A client that trusts what the machine trusts.
pub(super) fn http_client(environment: &Environment) -> SharedHttpClient {
    SharedHttpClient::new(ByRoots::new(bundle(environment), TrustStore::default()))
}

/// The file with the roots that the machine trusts, as far as all of them are not in a folder: the one that the environment names, or
/// the system's. The variables are taken as the reader of all roots takes them: a blank one is no absent one.
fn bundle(environment: &Environment) -> Option<PathBuf> {
    match (environment.verbatim("SSL_CERT_FILE"), environment.verbatim("SSL_CERT_DIR")) {
        (Some(file), _) => Some(PathBuf::from(file)),
        (None, None | Some("")) => openssl_probe::probe().cert_file,
        (None, Some(_)) => None,
    }
}

fn client(trusted: TrustStore) -> SharedHttpClient {
    let context = TlsContext::builder().with_trust_store(trusted).build().unwrap_or_default();
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .tls_context(context)
        .build_https()
}

/// A client by Amazon's roots, and one by all.
#[derive(Clone, Debug)]
struct ByRoots(Arc<Clients>);

#[derive(Debug)]
struct Clients {
    bundle: Option<PathBuf>,
    /// `None` if the bundle has none of Amazon's.
    by_amazons: OnceLock<Option<SharedHttpClient>>,
    by_all: SharedHttpClient,
    /// Whether a server's certificate has needed all of them before.
    needs_all: AtomicBool,
}

impl ByRoots {
    fn new(bundle: Option<PathBuf>, all: TrustStore) -> Self {
        let (by_amazons, by_all, needs_all) = (OnceLock::new(), client(all), AtomicBool::new(false));
        Self(Arc::new(Clients { bundle, by_amazons, by_all, needs_all }))
    }

    fn by_amazons(&self) -> Option<&SharedHttpClient> {
        let read = || self.0.bundle.as_deref().and_then(amazons).map(client);
        self.0.by_amazons.get_or_init(read).as_ref()
    }
}

impl HttpClient for ByRoots {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        match self.by_amazons() {
            Some(by_amazons) if !self.0.needs_all.load(Ordering::Relaxed) => SharedHttpConnector::new(AmazonsFirst {
                by_amazons: by_amazons.http_connector(settings, components),
                clients: self.0.clone(),
                settings: settings.clone(),
                components: components.clone(),
            }),
            _ => self.0.by_all.http_connector(settings, components),
        }
    }

    /// Reads ahead of the first call what that will need. The client by Amazon's roots would make a connector here, and throw it away.
    fn validate_base_client_config(&self, parts: &RuntimeComponentsBuilder, cfg: &ConfigBag) -> Result<(), BoxError> {
        match self.by_amazons() {
            Some(_) => Ok(()),
            None => self.0.by_all.validate_base_client_config(parts, cfg),
        }
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.by_all.connector_metadata()
    }
}

#[derive(Debug)]
struct AmazonsFirst {
    by_amazons: SharedHttpConnector,
    clients: Arc<Clients>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl HttpConnector for AmazonsFirst {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let by_all = || self.clients.by_all.http_connector(&self.settings, &self.components);
        // Only a body that comes from elsewhere cannot be sent twice; the SDK's own are in memory. What else goes with a request,
        // tells of its connection, and stays with the first.
        let Some(again) = request.try_clone() else { return by_all().call(request) };
        let answer = self.by_amazons.call(request);
        let (clients, settings, components) = (self.clients.clone(), self.settings.clone(), self.components.clone());
        HttpConnectorFuture::new(async move {
            match answer.await {
                Err(error) if is_about_certificate(&error) => {
                    tracing::info!("a server's certificate is not Amazon's: all roots of the machine are read");
                    clients.needs_all.store(true, Ordering::Relaxed);
                    clients.by_all.http_connector(&settings, &components).call(again).await
                }
                answer => answer,
            }
        })
    }
}

/// Whether TLS did not accept a server's certificate: nothing was sent then.
fn is_about_certificate(error: &(dyn Error + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(_)) = error.downcast_ref() {
        return true;
    }
    // An I/O error shows its own source only, not what it is made of.
    let within = error.downcast_ref().and_then(io::Error::get_ref).map(|within| within as &(dyn Error + 'static));
    within.or_else(|| error.source()).is_some_and(is_about_certificate)
}

/// Amazon's roots, as far as this bundle has them; `None` if it has none.
fn amazons(bundle: &Path) -> Option<TrustStore> {
    let text = fs::read(bundle).ok()?;
    // Frames begin with a line: whoever turned one into a comment does not trust it.
    let begins_line = |start: &usize| start.checked_sub(1).is_none_or(|before| matches!(text[before], b'\n' | b'\r'));
    let certificates = memmem::find_iter(&text, BEGIN).filter(begins_line).map(|start| &text[start..]);
    let mut trusted = None;
    for certificate in certificates.filter(|certificate| is_amazons(&certificate[BEGIN.len()..])) {
        let Some(end) = memmem::find(certificate, END) else { continue };
        let pem = &certificate[..end + END.len()];
        // The client takes for granted that it reads well.
        let mut read = CertificateDer::pem_slice_iter(pem).peekable();
        let is_root =
            |read: Result<_, _>| read.is_ok_and(|certificate| RootCertStore::empty().add(certificate).is_ok());
        if read.peek().is_some() && read.all(is_root) {
            trusted = Some(trusted.unwrap_or_else(TrustStore::empty).with_pem_certificate(pem));
        }
    }
    trusted
}

/// Whether the text within a certificate's frame begins, as each does, with a serial number, and that is one of Amazon's.
fn is_amazons(certificate: &[u8]) -> bool {
    // The number begins with the sixteenth byte, or sooner; four characters are three bytes.
    let Some(start) = certificate.trim_ascii_start().get(..48) else { return false };
    let start = BASE64_STANDARD.decode(start).unwrap_or_default();
    AMAZONS.iter().any(|serial| start.windows(serial.len()).any(|window| window == serial))
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        sync::atomic::AtomicUsize,
        thread,
    };

    use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber};
    use rustls::{ServerConfig, ServerConnection, Stream, crypto::ring::default_provider, pki_types::PrivateKeyDer};

    use super::*;

    type Root = CertifiedIssuer<'static, KeyPair>;

    fn root(serial: Option<&[u8]>) -> Root {
        static ROOTS: AtomicUsize = AtomicUsize::new(0);
        root_called(&format!("Root {}", ROOTS.fetch_add(1, Ordering::Relaxed)), serial)
    }

    fn root_called(name: &str, serial: Option<&[u8]>) -> Root {
        let mut root = CertificateParams::new(Vec::new()).expect("no names");
        root.distinguished_name.push(DnType::CommonName, name);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.serial_number = serial.map(SerialNumber::from_slice);
        CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key")).expect("a root")
    }

    fn file(name: &str, text: &[u8]) -> PathBuf {
        let path = std::env::temp_dir().join(format!("doze-roots-{name}-{}.pem", std::process::id()));
        fs::write(&path, text).expect("can be written");
        path
    }

    /// A server that answers every call with the same, and how many connections came to it.
    struct Server {
        port: u16,
        connections: Arc<AtomicUsize>,
    }

    impl Server {
        fn new(name: &str, root: &Root) -> Self {
            let key = KeyPair::generate().expect("a key");
            let certificate = CertificateParams::new(vec![name.to_owned()]).expect("a name");
            let certificate = certificate.signed_by(&key, root).expect("a certificate");
            let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
            let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(vec![certificate.der().clone()], key);
            let config = Arc::new(config.expect("fits the key"));
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let port = listener.local_addr().expect("an address").port();
            let connections = Arc::new(AtomicUsize::new(0));
            let counter = connections.clone();
            thread::spawn(move || {
                for connection in listener.incoming().map_while(Result::ok) {
                    counter.fetch_add(1, Ordering::Relaxed);
                    let mut tls = ServerConnection::new(config.clone()).expect("a configuration");
                    // One call a connection: the next one has to shake hands again.
                    drop(answer(&mut Stream::new(&mut tls, &mut &connection)));
                }
            });
            Self { port, connections }
        }

        fn connections(&self) -> usize {
            self.connections.load(Ordering::Relaxed)
        }

        /// Makes a call by the client; what went wrong, if anything.
        async fn call(&self, client: &SharedHttpClient) -> Result<(), String> {
            let config = aws_sdk_ec2::Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("eu-west-1"))
                .credentials_provider(Credentials::for_tests())
                .endpoint_url(format!("https://localhost:{}", self.port))
                .retry_config(RetryConfig::disabled())
                .http_client(client.clone());
            let answer = aws_sdk_ec2::Client::from_conf(config.build()).describe_regions().send().await;
            answer.map(drop).map_err(|error| format!("{error:?}"))
        }
    }

    fn answer(stream: &mut (impl Read + Write)) -> io::Result<()> {
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        while !request.ends_with(b"Version=2016-11-15") {
            let read = stream.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            request.extend(&buffer[..read]);
        }
        let body = "<DescribeRegionsResponse><regionInfo/></DescribeRegionsResponse>";
        write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
    }

    /// A client of a machine that trusts these; those with a number of Amazon's stand in for Amazon's.
    fn trusting(name: &str, roots: &[&Root]) -> SharedHttpClient {
        let bundle = roots.iter().map(|root| root.pem()).collect::<String>();
        let path = file(name, bundle.as_bytes());
        let by_roots = ByRoots::new(Some(path.clone()), TrustStore::empty().with_pem_certificate(bundle));
        by_roots.by_amazons();
        fs::remove_file(path).expect("was written");
        SharedHttpClient::new(by_roots)
    }

    #[tokio::test]
    async fn a_server_of_amazon_is_trusted_at_once() {
        let (amazon, other) = (root(Some(&AMAZONS[2])), root(None));
        let (server, client) = (Server::new("localhost", &amazon), trusting("amazon", &[&other, &amazon]));
        assert_eq!(server.call(&client).await, Ok(()));
        assert_eq!(server.connections(), 1);
    }

    #[tokio::test]
    async fn a_server_that_only_another_root_vouches_for_is_trusted_too_and_from_then_on_at_once() {
        let amazon = root_called("Amazon", Some(&AMAZONS[0]));
        for (name, other) in [("other", root(None)), ("namesake", root_called("Amazon", None))] {
            let (server, client) = (Server::new("localhost", &other), trusting(name, &[&amazon, &other]));
            for connections in [2, 3, 4] {
                assert_eq!(server.call(&client).await, Ok(()));
                assert_eq!(server.connections(), connections);
            }
        }
    }

    #[tokio::test]
    async fn nobody_else_is_trusted() {
        let (amazon, other, stranger) = (root_called("Amazon", Some(&AMAZONS[0])), root(None), root(None));
        let impostor = root_called("Amazon", Some(&AMAZONS[0]));
        let client = trusting("stranger", &[&amazon, &other]);
        for (server, what) in [
            (Server::new("localhost", &stranger), "UnknownIssuer"),
            (Server::new("elsewhere", &amazon), "NotValidForName"),
            (Server::new("elsewhere", &other), "NotValidForName"),
            (Server::new("localhost", &impostor), "BadSignature"),
        ] {
            let failure = server.call(&client).await.expect_err("must not be trusted");
            assert!(failure.contains(what), "{failure}");
        }
    }

    #[tokio::test]
    async fn without_amazons_among_them_all_are_read_at_once() {
        let other = root(None);
        let (server, client) = (Server::new("localhost", &other), trusting("none", &[&other]));
        assert_eq!(server.call(&client).await, Ok(()));
        assert_eq!(server.connections(), 1);
        let no_bundle = ByRoots::new(None, TrustStore::empty().with_pem_certificate(other.pem()));
        assert_eq!(server.call(&SharedHttpClient::new(no_bundle)).await, Ok(()));
    }

    #[tokio::test]
    async fn another_failure_is_no_reason_to_try_again() {
        let amazon = root(Some(&AMAZONS[0]));
        let client = trusting("failure", &[&amazon]);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let (port, connections) = (listener.local_addr().expect("an address").port(), Arc::new(AtomicUsize::new(0)));
        let counter = connections.clone();
        thread::spawn(move || {
            for _ in listener.incoming().map_while(Result::ok) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        let server = Server { port, connections };
        let failure = server.call(&client).await.expect_err("hangs up");
        assert!(!failure.contains("InvalidCertificate"), "{failure}");
        assert_eq!(server.connections(), 1);
    }

    #[test]
    fn amazons_roots_are_told_from_others_in_any_bundle() {
        let amazons: Vec<_> = AMAZONS.iter().map(|serial| root(Some(serial)).pem()).collect();
        let others: Vec<_> =
            [None, Some(&AMAZONS[0][1..]), Some(&[1, 2, 3][..])].map(|serial| root(serial).pem()).into();
        let trusted = |text: &str| {
            let trusted = amazons_in(text);
            format!("{trusted:?}").matches("CertificatePEM").count()
        };
        assert_eq!(trusted(&others.concat()), 0);
        assert_eq!(trusted(&[&others[..], &amazons[..]].concat().concat()), 4);
        assert_eq!(trusted(&amazons[1].replace('\n', "\r\n")), 1);
        assert_eq!(trusted(&format!("# Amazon Root CA 2\n{}\n\n# \u{e9}\n{}", amazons[1], others[0])), 1);
        let cut = &amazons[0][..amazons[0].len() / 2];
        let garbled = format!("{}\n-----END CERTIFICATE-----\n", cut.trim_end());
        for text in ["", "no bundle", "-----BEGIN CERTIFICATE-----", cut, &garbled] {
            assert_eq!(trusted(text), 0, "{text}");
        }
        assert_eq!(trusted(&format!("{garbled}{}", amazons[3])), 1);
        for comment in ["# ", " ", "x"] {
            assert_eq!(trusted(&format!("\n{comment}{}", amazons[0])), 0, "{comment:?}");
        }
        assert_eq!(trusted(amazons[3].trim_end()), 1, "without an end of its last line");
        assert_eq!(trusted(&format!("{cut}\n{}", amazons[3])), 1, "the first of them has no end");
    }

    fn amazons_in(text: &str) -> Option<TrustStore> {
        let path = file("text", text.as_bytes());
        let trusted = amazons(&path);
        fs::remove_file(path).expect("was written");
        trusted
    }

    #[test]
    fn the_environment_names_the_bundle() {
        let of = |variables: &[(&str, &str)]| bundle(&variables.iter().copied().collect::<Environment>());
        let system = openssl_probe::probe().cert_file;
        assert_eq!(of(&[]), system);
        assert_eq!(of(&[("SSL_CERT_DIR", "")]), system);
        assert_eq!(of(&[("SSL_CERT_DIR", " ")]), None);
        assert_eq!(of(&[("SSL_CERT_DIR", "/certs")]), None);
        for file in ["/roots.pem", " /roots.pem ", ""] {
            assert_eq!(of(&[("SSL_CERT_FILE", file), ("SSL_CERT_DIR", "/certs")]), Some(PathBuf::from(file)));
        }
    }

    /// The first lines of the four, and of the one that signed them for machines that do not know them.
    #[test]
    fn the_numbers_are_those_of_amazon() {
        for line in [
            "MIIDQTCCAimgAwIBAgITBmyfz5m/jAo54vB4ikPmljZbyjANBgkqhkiG9w0BAQsF",
            "MIIFQTCCAymgAwIBAgITBmyf0pY1hp8KD+WGePhbJruKNzANBgkqhkiG9w0BAQwF",
            "MIIBtjCCAVugAwIBAgITBmyf1XSXNmY/Owua2eiedgPySjAKBggqhkjOPQQDAjA5",
            "MIIB8jCCAXigAwIBAgITBmyf18G7EEwpQ+Vxe3ssyBrBDjAKBggqhkjOPQQDAzA5",
        ] {
            assert!(is_amazons(line.as_bytes()) && is_amazons(format!("\r\n{line}\r\n").as_bytes()), "{line}");
        }
        assert!(!is_amazons(b"MIID7zCCAtegAwIBAgIBADANBgkqhkiG9w0BAQsFADCBmDELMAkGA1UEBhMCVVMx"));
    }
}
