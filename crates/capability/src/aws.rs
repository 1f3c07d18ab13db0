//! `ReadKeys` by AWS Secrets Manager. The staging labels say which version of the secret is which key:
//! <https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version>. The values are moved
//! from the answer into keys, and shown nowhere.

use std::sync::OnceLock;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    operation::get_secret_value::{GetSecretValueError, GetSecretValueOutput},
};

use crate::{Key, KeyRing, KeysUnreadable, ReadKeys};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The versions of one secret. Its text is the key.
#[derive(Clone, Debug)]
pub struct SecretKeys {
    config: SdkConfig,
    /// Made when it is first needed: most starts of a function read no key.
    client: OnceLock<Client>,
    secret_arn: String,
}

impl SecretKeys {
    /// The keys of this secret, read by a client of this configuration. Nothing is sent.
    #[must_use]
    pub fn new(config: &SdkConfig, secret_arn: &str) -> Self {
        Self { config: config.clone(), client: OnceLock::new(), secret_arn: secret_arn.to_owned() }
    }

    /// The version with this label; `None` if the secret has none, or does not exist.
    async fn version(&self, label: &str) -> Result<Option<GetSecretValueOutput>, KeysUnreadable> {
        let client = self.client.get_or_init(|| Client::new(&self.config));
        let answer = client.get_secret_value().secret_id(&self.secret_arn).version_stage(label).send().await;
        match answer {
            Ok(version) => Ok(Some(version)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

impl ReadKeys for SecretKeys {
    async fn keys(&self) -> Result<KeyRing, KeysUnreadable> {
        let current = self.version(CURRENT).await?.ok_or_else(|| bad_answer("the secret has no current version"))?;
        let current = key(current)?;
        // A secret has no previous version before its first change. And a version that is no key has signed nothing: it must
        // not keep the current one from being used.
        let previous = self.version(PREVIOUS).await?.and_then(|version| key(version).ok());
        Ok(KeyRing::new(current, previous))
    }
}

fn key(version: GetSecretValueOutput) -> Result<Key, KeysUnreadable> {
    let id = version.version_id.ok_or_else(|| bad_answer("the version of the secret has no id"))?;
    let secret = version.secret_string.ok_or_else(|| bad_answer("the secret is not text"))?;
    Key::new(id, secret).map_err(|weak| bad_answer(&weak.to_string()))
}

fn bad_answer(message: &str) -> KeysUnreadable {
    KeysUnreadable::new(KeysUnreadable::BAD_ANSWER, message)
}

fn is_absent(error: &SdkError<GetSecretValueError>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// Names what went wrong: by the service's own code where it answered, else by what did not work.
fn unreadable(error: &SdkError<GetSecretValueError>) -> KeysUnreadable {
    let code = match error {
        SdkError::ServiceError(_) => error.code().unwrap_or(KeysUnreadable::BAD_ANSWER),
        SdkError::TimeoutError(_) => KeysUnreadable::TIMEOUT,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => KeysUnreadable::TIMEOUT,
        SdkError::DispatchFailure(_) => KeysUnreadable::NO_CONNECTION,
        _ => KeysUnreadable::BAD_ANSWER,
    };
    match error.message() {
        Some(message) => KeysUnreadable::new(code, message),
        None => KeysUnreadable::new(code, causes(error)),
    }
}

/// The chain of causes without their `Debug` half, which would repeat headers and bodies.
fn causes(error: &SdkError<GetSecretValueError>) -> String {
    let with_debug = DisplayErrorContext(error).to_string();
    with_debug.split(" (").next().unwrap_or_default().to_owned()
}
