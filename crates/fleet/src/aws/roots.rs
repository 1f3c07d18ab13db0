//! Root certificates: where the machine keeps them, and which of them are Amazon's. A start that reads all, 140 of them, spends nine
//! tenths of its instructions on that; and above the certificates of AWS stands one of Amazon's four.

use std::path::PathBuf;

use aws_smithy_http_client::tls::TrustStore;
use base64::{Engine, prelude::BASE64_STANDARD};
use memchr::memmem;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use settings::Environment;

/// The serial numbers of Amazon Root CA 1 to 4; <https://www.amazontrust.com/repository/>. They only choose among what the machine
/// trusts anyway.
pub(super) const AMAZONS: [[u8; 19]; 4] = [
    *b"\x06\x6c\x9f\xcf\x99\xbf\x8c\x0a\x39\xe2\xf0\x78\x8a\x43\xe6\x96\x36\x5b\xca",
    *b"\x06\x6c\x9f\xd2\x96\x35\x86\x9f\x0a\x0f\xe5\x86\x78\xf8\x5b\x26\xbb\x8a\x37",
    *b"\x06\x6c\x9f\xd5\x74\x97\x36\x66\x3f\x3b\x0b\x9a\xd9\xe8\x9e\x76\x03\xf2\x4a",
    *b"\x06\x6c\x9f\xd7\xc1\xbb\x10\x4c\x29\x43\xe5\x71\x7b\x7b\x2c\xc8\x1a\xc1\x0e",
];

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// The file with the roots that the machine trusts, as far as all of them are not in a folder: the one that the environment names, or
/// the system's. The variables are taken as the reader of all roots takes them: a blank one is no absent one.
pub(super) fn bundle(environment: &Environment) -> Option<PathBuf> {
    match (environment.verbatim("SSL_CERT_FILE"), environment.verbatim("SSL_CERT_DIR")) {
        (Some(file), _) => Some(PathBuf::from(file)),
        (None, None | Some("")) => openssl_probe::probe().cert_file,
        (None, Some(_)) => None,
    }
}

/// Amazon's roots, as far as this bundle has them; `None` if it has none.
pub(super) fn amazons(bundle: &[u8]) -> Option<TrustStore> {
    // Frames begin with a line: whoever turned one into a comment does not trust it.
    let begins_line = |start: &usize| start.checked_sub(1).is_none_or(|before| matches!(bundle[before], b'\n' | b'\r'));
    let certificates = memmem::find_iter(bundle, BEGIN).filter(begins_line).map(|start| &bundle[start..]);
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
pub(super) mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SerialNumber};

    use super::*;

    pub(in crate::aws) type Root = CertifiedIssuer<'static, KeyPair>;

    pub(in crate::aws) fn root(serial: Option<&[u8]>) -> Root {
        static ROOTS: AtomicUsize = AtomicUsize::new(0);
        root_called(&format!("Root {}", ROOTS.fetch_add(1, Ordering::Relaxed)), serial)
    }

    pub(in crate::aws) fn root_called(name: &str, serial: Option<&[u8]>) -> Root {
        let mut root = CertificateParams::new(Vec::new()).expect("no names");
        root.distinguished_name.push(DnType::CommonName, name);
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.serial_number = serial.map(SerialNumber::from_slice);
        CertifiedIssuer::self_signed(root, KeyPair::generate().expect("a key")).expect("a root")
    }

    #[test]
    fn amazons_roots_are_told_from_others_in_any_bundle() {
        let amazons: Vec<_> = AMAZONS.iter().map(|serial| root(Some(serial)).pem()).collect();
        let others: Vec<_> =
            [None, Some(&AMAZONS[0][1..]), Some(&[1, 2, 3][..])].map(|serial| root(serial).pem()).into();
        let trusted = |text: &str| format!("{:?}", super::amazons(text.as_bytes())).matches("CertificatePEM").count();
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
