//! The way of a reply to CloudFormation: one PUT to an address that it has signed.

use std::{error::Error, sync::OnceLock, time::Duration};

use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings},
    orchestrator::HttpRequest,
};
use aws_smithy_types::body::SdkBody;
use tokio::time::sleep;

use crate::deployment::{Order, Reply};

/// How often a reply is tried: without one the stack waits until its own time-out.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Sends replies.
#[derive(Debug, Default)]
pub struct Mailbox {
    /// Made when it is first needed: only deployments want a reply, and it reads the machine's root certificates.
    connector: OnceLock<Connector>,
}

/// A reply that could not be delivered. It names no address: whoever has that can answer in our place.
#[derive(Debug, thiserror::Error)]
#[error("failed to reply to CloudFormation: {0}")]
pub struct NotDelivered(String);

/// Why one try failed.
enum Failure {
    /// Another try may succeed.
    Passing(String),
    /// None will.
    Lasting(String),
}

impl From<Failure> for NotDelivered {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Passing(why) | Failure::Lasting(why) => Self(why),
        }
    }
}

impl Mailbox {
    /// Nothing is sent yet.
    #[must_use]
    pub fn open() -> Self {
        Self::default()
    }

    fn connect() -> Connector {
        // It begins before there is a connection.
        let settings = HttpConnectorSettings::builder().read_timeout(Duration::from_secs(6)).build();
        Connector::builder()
            .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
            .connector_settings(settings)
            .build()
    }

    /// Sends the reply to where the order wants it.
    ///
    /// # Errors
    /// It was refused, or could not be delivered in four tries.
    pub async fn send(&self, order: &Order, reply: &Reply) -> Result<(), NotDelivered> {
        let body = serde_json::to_string(reply).map_err(|error| NotDelivered(error.to_string()))?;
        let mut wait = FIRST_WAIT;
        for _ in 1..TRIES {
            match self.put(&order.response_url, &body).await {
                Err(Failure::Passing(_)) => sleep(wait).await,
                ended => return ended.map_err(NotDelivered::from),
            }
            wait *= 2;
        }
        self.put(&order.response_url, &body).await.map_err(NotDelivered::from)
    }

    async fn put(&self, address: &str, body: &str) -> Result<(), Failure> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        let malformed = |_| Failure::Lasting("its address makes no sense".to_owned());
        request.set_method("PUT").map_err(malformed)?;
        request.set_uri(address).map_err(malformed)?;
        // The address is signed for a body without a type, and S3 takes none that comes in pieces.
        request.headers_mut().insert("content-type", "");
        request.headers_mut().insert("content-length", body.len().to_string());
        let answer = self.connector.get_or_init(Self::connect).call(request).await.map_err(|error| {
            Failure::Passing(if error.is_timeout() { "no answer in time".to_owned() } else { cause(&error) })
        })?;
        let status = answer.status();
        let refused = || format!("status {}", status.as_u16());
        match status.as_u16() {
            200..=299 => Ok(()),
            // The address has expired, or was answered before.
            400..=499 => Err(Failure::Lasting(refused())),
            _ => Err(Failure::Passing(refused())),
        }
    }
}

/// The innermost cause, which says what the network said, and not to whom.
fn cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
