//! The certificate of `localhost`, and who signed it.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber};
use rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivateKeyDer};

/// The serial number of Amazon Root CA 1; <https://www.amazontrust.com/repository/>.
const AMAZON_ROOT_CA_1: &[u8] = b"\x06\x6c\x9f\xcf\x99\xbf\x8c\x0a\x39\xe2\xf0\x78\x8a\x43\xe6\x96\x36\x5b\xca";

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// It could not be made.
    #[error("failed to make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// It could not be used.
    #[error("failed to use a certificate")]
    Config(#[from] rustls::Error),
}

/// A server's configuration, and the root that clients have to trust, as PEM. Both exist in this process's memory alone.
pub(super) fn certificate() -> Result<(Arc<ServerConfig>, String), TlsError> {
    let mut root = CertificateParams::new(Vec::new())?;
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name.push(DnType::CommonName, "Doze's benchmark");
    // It stands in for the root of AWS's endpoints, by whose number the functions find it among all.
    root.serial_number = Some(SerialNumber::from_slice(AMAZON_ROOT_CA_1));
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &root)?;
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((Arc::new(config), root.pem()))
}
