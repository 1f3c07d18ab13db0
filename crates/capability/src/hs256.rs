//! HS256 for `jsonwebtoken`, and no other algorithm.
//!
//! The crate offers two implementations of its own, and both bring more than is needed. `rust_crypto` has RSA, whose timing
//! side channel is an open advisory (RUSTSEC-2023-0071), and elliptic curves that we never use; `aws_lc_rs` is a second C
//! library. What is here can neither sign nor verify by anything but HMAC with SHA-256, whatever a token's header says.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{Error as SignatureError, Signer, Verifier},
};
use sha2::Sha256;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.family(), key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(Hs256::new(*algorithm, key.family(), key.try_get_as_bytes()?)?)),
    key_utils: KeyUtils::new_unimplemented(),
};

/// Has `jsonwebtoken` use HS256 as it is here. To be called before anything is signed or verified; more often does no harm.
pub(crate) fn install() {
    // The error says that this process has a provider already: this one, which is the only one of this workspace.
    PROVIDER.install_default().ok();
}

struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(algorithm: Algorithm, family: AlgorithmFamily, secret: &[u8]) -> Result<Self, Error> {
        if algorithm != Algorithm::HS256 || family != AlgorithmFamily::Hmac {
            return Err(ErrorKind::UnsupportedAlgorithm.into());
        }
        Hmac::new_from_slice(secret).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    /// Compares in constant time: how long it takes says nothing about how much of a guess was right.
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        self.0.clone().chain_update(message).verify_slice(signature).map_err(|_| SignatureError::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{
        DecodingKey, EncodingKey, Validation,
        crypto::{sign, verify},
        decode,
    };
    use serde_json::Value;

    use super::*;

    /// RFC 7515, appendix A.1: the key, and the token, whose line breaks are part of what is signed.
    const RFC_7515_KEY: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow==";
    const RFC_7515_TOKEN: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9\
                                  .eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ\
                                  .dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn bytes(digits: &str) -> Vec<u8> {
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("is ASCII"));
        pairs.map(|pair| u8::from_str_radix(pair, 16).expect("is hexadecimal")).collect()
    }

    #[test]
    fn hmac_gives_the_results_of_rfc_4231() {
        let cases = [
            (vec![0x0b; 20], "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe".to_vec(),
                "what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                "Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in cases {
            let signer =
                (PROVIDER.signer_factory)(&Algorithm::HS256, &EncodingKey::from_secret(&key)).expect("knows HS256");
            assert_eq!(signer.try_sign(message.as_bytes()).expect("signs"), bytes(expected), "{message}");
            let verifier =
                (PROVIDER.verifier_factory)(&Algorithm::HS256, &DecodingKey::from_secret(&key)).expect("knows HS256");
            assert!(verifier.verify(message.as_bytes(), &bytes(expected)).is_ok(), "{message}");
            let mut wrong = bytes(expected);
            wrong[31] ^= 1;
            assert!(verifier.verify(message.as_bytes(), &wrong).is_err(), "{message}");
            assert!(verifier.verify(message.as_bytes(), &bytes(expected)[..31].to_vec()).is_err(), "{message}");
        }
    }

    #[test]
    fn the_token_of_rfc_7515_is_verified() {
        install();
        let encoding = EncodingKey::from_urlsafe_base64_secret(RFC_7515_KEY).expect("is base64");
        let key = DecodingKey::from_secret(encoding.as_bytes());
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        let token = decode::<Value>(RFC_7515_TOKEN, &key, &validation).expect("is signed by this key");
        assert_eq!(token.claims["iss"], "joe");
        let (message, signature) = RFC_7515_TOKEN.rsplit_once('.').expect("has parts");
        assert_eq!(sign(message.as_bytes(), &encoding, Algorithm::HS256), Ok(signature.to_owned()));
        let other = DecodingKey::from_secret(b"another key");
        assert!(decode::<Value>(RFC_7515_TOKEN, &other, &validation).is_err());
    }

    #[test]
    fn no_other_algorithm_signs_or_verifies() {
        install();
        let names = ["HS384", "HS512", "ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"];
        for algorithm in names.map(|name| name.parse::<Algorithm>().expect("is known")) {
            assert!(sign(b"x", &EncodingKey::from_secret(&[7; 64]), algorithm).is_err(), "{algorithm:?}");
            assert!(verify("", b"x", &DecodingKey::from_secret(&[7; 64]), algorithm).is_err(), "{algorithm:?}");
        }
        assert!(verify("", b"x", &DecodingKey::from_rsa_der(&[7; 64]), Algorithm::HS256).is_err());
    }
}
