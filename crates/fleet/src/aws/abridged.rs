//! A client of EC2 whose answers are abridged before the SDK parses them: that parser, which holds the name of each element against
//! those of all fields in turn, would take most of a sweep's CPU time and memory for what nobody reads.

use aws_sdk_ec2::config::{
    ConfigBag, HttpClient, RuntimeComponents, SharedHttpClient,
    http::{HttpRequest, HttpResponse},
};
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        connector_metadata::ConnectorMetadata,
        http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        result::ConnectorError,
        runtime_components::RuntimeComponentsBuilder,
    },
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

use super::abridgement::Abridgement;

/// A client whose answers are abridged.
#[derive(Debug)]
pub(super) struct Abridged<T>(pub(super) T);

impl HttpClient for Abridged<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Abridged(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(&self, parts: &RuntimeComponentsBuilder, cfg: &ConfigBag) -> Result<(), BoxError> {
        self.0.validate_base_client_config(parts, cfg)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, cfg: &ConfigBag) -> Result<(), BoxError> {
        self.0.validate_final_config(components, cfg)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

impl HttpConnector for Abridged<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut answer: HttpResponse = answer.await?;
            if answer.status().is_success() {
                let (mut body, mut abridgement) = (ByteStream::new(answer.take_body()), Abridgement::default());
                while let Some(part) = body.next().await {
                    abridgement.add(&part.map_err(|error| ConnectorError::io(error.into()))?);
                }
                *answer.body_mut() = SdkBody::from(abridgement.finish());
            }
            Ok(answer)
        })
    }
}
