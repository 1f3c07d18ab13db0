//! Instances that are read while EC2's answer arrives, instead of by the SDK: its parser needs all of the answer, and holds the name of
//! each element against those of all fields in turn, which was most of a sweep's CPU time and memory. It parses what is left.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use aws_sdk_ec2::{
    config::{
        ConfigBag, HttpClient, Intercept, RuntimeComponents, SharedHttpClient,
        http::{HttpRequest, HttpResponse},
        interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
};
use aws_smithy_runtime_api::client::{
    connector_metadata::ConnectorMetadata,
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    result::ConnectorError,
    runtime_components::RuntimeComponentsBuilder,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};

use crate::{Answer, Described};

/// Where the instances of a call's answer are put. An interceptor of the call, it goes along with the request.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals(Arc<Mutex<Vec<Described>>>);

impl Arrivals {
    /// The instances that have arrived with the last answer.
    pub(super) fn take(&self) -> Vec<Described> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the instances of an answer there, instead of those of an answer that came before: a call may be tried again.
    fn put(&self, instances: Vec<Described>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = instances;
    }
}

impl Intercept for Arrivals {
    fn name(&self) -> &'static str {
        "Arrivals"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        context.request_mut().add_extension(self.clone());
        Ok(())
    }
}

/// A client that reads the instances of those answers that have somewhere to put them.
#[derive(Debug)]
pub(super) struct Arriving<T>(pub(super) T);

impl HttpClient for Arriving<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Arriving(self.0.http_connector(settings, components)))
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

impl HttpConnector for Arriving<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let arrivals = request.extension::<Arrivals>().cloned();
        let answer = self.0.call(request);
        let Some(arrivals) = arrivals else { return answer };
        HttpConnectorFuture::new(async move {
            let mut answer: HttpResponse = answer.await?;
            if answer.status().is_success() {
                let (mut body, mut arrived) = (ByteStream::new(answer.take_body()), Answer::default());
                while let Some(part) = body.next().await {
                    arrived.add(&part.map_err(|error| ConnectorError::io(error.into()))?);
                }
                let (instances, rest) = arrived.finish();
                arrivals.put(instances);
                *answer.body_mut() = SdkBody::from(rest);
            }
            Ok(answer)
        })
    }
}
