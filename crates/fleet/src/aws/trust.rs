//! Whose certificates a connection trusts: of the machine's roots Amazon's alone at first, and all of them where a server's certificate
//! does not hold by these, as at an endpoint of one's own, behind a proxy, or in another partition.

use std::{
    error::Error,
    fs, io,
    path::PathBuf,
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
use settings::Environment;

use super::roots::{amazons, bundle};

/// A client that trusts what the machine trusts.
pub(super) fn http_client(environment: &Environment) -> SharedHttpClient {
    SharedHttpClient::new(ByRoots::new(bundle(environment), TrustStore::default()))
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
        let read = || self.0.bundle.as_deref().and_then(|bundle| amazons(&fs::read(bundle).ok()?)).map(client);
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

#[derive(Clone, Debug)]
struct AmazonsFirst {
    by_amazons: SharedHttpConnector,
    clients: Arc<Clients>,
    settings: HttpConnectorSettings,
    components: RuntimeComponents,
}

impl AmazonsFirst {
    fn by_all(&self) -> SharedHttpConnector {
        self.clients.by_all.http_connector(&self.settings, &self.components)
    }
}

impl HttpConnector for AmazonsFirst {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        // Only a body that comes from elsewhere cannot be sent twice; the SDK's own are in memory. What else goes with a request,
        // tells of its connection, and stays with the first.
        let Some(again) = request.try_clone() else { return self.by_all().call(request) };
        let (answer, this) = (self.by_amazons.call(request), self.clone());
        HttpConnectorFuture::new(async move {
            match answer.await {
                Err(error) if is_about_certificate(&error) => {
                    tracing::info!("a server's certificate is not Amazon's: all roots of the machine are read");
                    this.clients.needs_all.store(true, Ordering::Relaxed);
                    this.by_all().call(again).await
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

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        sync::atomic::AtomicUsize,
        thread,
    };

    use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
    use rcgen::{CertificateParams, KeyPair};
    use rustls::{ServerConfig, ServerConnection, Stream, crypto::ring::default_provider, pki_types::PrivateKeyDer};

    use super::*;
    use crate::aws::roots::{
        AMAZONS,
        tests::{Root, root, root_called},
    };

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
        async fn call(&self, client: &ByRoots) -> Result<(), String> {
            let answer = ec2(client, &format!("https://localhost:{}", self.port)).describe_regions().send().await;
            answer.map(drop).map_err(|error| format!("{error:?}"))
        }
    }

    fn ec2(client: &ByRoots, endpoint: &str) -> aws_sdk_ec2::Client {
        let config = aws_sdk_ec2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::disabled())
            .http_client(client.clone());
        aws_sdk_ec2::Client::from_conf(config.build())
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
    fn trusting(roots: &[&Root]) -> ByRoots {
        let bundle = roots.iter().map(|root| root.pem()).collect::<String>();
        let amazons = amazons(bundle.as_bytes()).map(client);
        let by_roots = ByRoots::new(None, TrustStore::empty().with_pem_certificate(bundle));
        by_roots.0.by_amazons.set(amazons).expect("nothing was read yet");
        by_roots
    }

    #[tokio::test]
    async fn a_server_of_amazon_is_trusted_at_once() {
        let (amazon, other) = (root(Some(&AMAZONS[2])), root(None));
        let (server, client) = (Server::new("localhost", &amazon), trusting(&[&other, &amazon]));
        assert_eq!(server.call(&client).await, Ok(()));
        assert_eq!(server.connections(), 1);
    }

    #[tokio::test]
    async fn a_server_that_only_another_root_vouches_for_is_trusted_too_and_from_then_on_at_once() {
        let amazon = root_called("Amazon", Some(&AMAZONS[0]));
        for other in [root(None), root_called("Amazon", None)] {
            let (server, client) = (Server::new("localhost", &other), trusting(&[&amazon, &other]));
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
        let client = trusting(&[&amazon, &other]);
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
        let (server, client) = (Server::new("localhost", &other), trusting(&[&other]));
        assert_eq!(server.call(&client).await, Ok(()));
        assert_eq!(server.connections(), 1);
        let no_bundle = ByRoots::new(None, TrustStore::empty().with_pem_certificate(other.pem()));
        assert_eq!(server.call(&no_bundle).await, Ok(()));
    }

    #[tokio::test]
    async fn another_failure_is_no_reason_to_try_again() {
        let amazon = root(Some(&AMAZONS[0]));
        let client = trusting(&[&amazon]);
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
    fn roots_are_read_ahead_of_the_first_call() {
        let amazon = root(Some(&AMAZONS[1]));
        let bundle = std::env::temp_dir().join(format!("doze-roots-{}.pem", std::process::id()));
        fs::write(&bundle, amazon.pem()).expect("can be written");
        let by_roots = ByRoots::new(Some(bundle.clone()), TrustStore::empty());
        drop(ec2(&by_roots, "https://localhost:1"));
        fs::remove_file(bundle).expect("was written");
        assert!(by_roots.0.by_amazons.get().is_some_and(Option::is_some));
    }
}
