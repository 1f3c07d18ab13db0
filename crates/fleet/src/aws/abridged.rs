//! EC2's descriptions of instances, abridged while they arrive. Of the 4 KB about each, Doze reads a fifth; and the SDK's parser,
//! which holds the name of each element against those of all fields in turn, would take most of a sweep's CPU time and memory for
//! the rest.

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
use quick_xml::{Error, Reader, Writer, events::Event};
use tokio::io::AsyncBufRead;

/// Where an answer has an instance.
const INSTANCE: [&str; 5] = ["DescribeInstancesResponse", "reservationSet", "item", "instancesSet", "item"];

/// What `describe` reads of an instance.
const READ: [&str; 16] = [
    "cpuOptions",
    "dnsName",
    "instanceId",
    "instanceLifecycle",
    "instanceState",
    "instanceType",
    "ipAddress",
    "ipv6Address",
    "launchTime",
    "privateDnsName",
    "privateIpAddress",
    "reason",
    "rootDeviceType",
    "spotInstanceRequestId",
    "stateReason",
    "tagSet",
];

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
                let text = ByteStream::new(answer.take_body()).into_async_read();
                let abridged = abridge(text).await.map_err(|error| ConnectorError::io(error.into()))?;
                *answer.body_mut() = SdkBody::from(abridged);
            }
            Ok(answer)
        })
    }
}

/// The text without what nobody reads. What makes no sense to its reader ends it, and in a way that no whole answer ends: `whole`
/// refuses it.
///
/// # Errors
/// The text does not come to its end.
async fn abridge(text: impl AsyncBufRead + Unpin) -> Result<Vec<u8>, std::io::Error> {
    let (mut reader, mut writer) = (Reader::from_reader(text), Writer::new(Vec::new()));
    match copy(&mut reader, &mut writer).await {
        Ok(()) => Ok(writer.into_inner()),
        Err(Error::Io(error)) => Err(std::io::Error::new(error.kind(), error)),
        Err(error) => {
            let failure = error.to_string();
            tracing::warn!(failure, "an answer of EC2 makes no sense");
            Ok([writer.into_inner(), b"<".to_vec()].concat())
        }
    }
}

async fn copy(reader: &mut Reader<impl AsyncBufRead + Unpin>, writer: &mut Writer<Vec<u8>>) -> Result<(), Error> {
    let (mut place, mut buffer, mut left_out) = (Place::default(), Vec::new(), Vec::new());
    loop {
        buffer.clear();
        let event = reader.read_event_into_async(&mut buffer).await?;
        match &event {
            Event::Eof => return Ok(()),
            Event::Empty(element) if place.leaves_out(element.local_name().as_ref()) => continue,
            Event::Start(element) if place.leaves_out(element.local_name().as_ref()) => {
                left_out.clear();
                reader.read_to_end_into_async(element.name(), &mut left_out).await?;
                continue;
            }
            Event::Start(element) => place.enter(element.name().as_ref()),
            Event::End(_) => place.leave(),
            _ => {}
        }
        writer.write_event(event)?;
    }
}

/// Where in an answer the reader is.
#[derive(Default)]
struct Place {
    depth: usize,
    /// How many of the elements around it, from the outermost, are those around and of an instance.
    on_the_way: usize,
}

impl Place {
    fn enter(&mut self, name: &str) {
        let is_on_the_way = self.on_the_way == self.depth;
        if is_on_the_way && INSTANCE.get(self.depth).is_some_and(|next| *next == name) {
            self.on_the_way += 1;
        }
        self.depth += 1;
    }

    fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.on_the_way = self.on_the_way.min(self.depth);
    }

    /// Whether it is a part of an instance that nobody reads, by its local name: the SDK takes no notice of prefixes.
    fn leaves_out(&self, name: &str) -> bool {
        let is_in_instance = self.depth == INSTANCE.len() && self.on_the_way == self.depth;
        is_in_instance && !READ.contains(&name)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn abridged(text: &str) -> String {
        let abridged =
            abridge(text.as_bytes()).now_or_never().expect("nothing waits").expect("a text comes to its end");
        String::from_utf8(abridged).expect("was UTF-8")
    }

    /// An answer with this within an instance.
    fn about(instance: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n  \
             <requestId>r</requestId><reservationSet><item><groupSet/><instancesSet><item>{instance}</item></instancesSet></item>\
             </reservationSet><nextToken>a&amp;b</nextToken></DescribeInstancesResponse>"
        )
    }

    #[test]
    fn what_is_read_of_an_instance_stays_as_it_is_and_all_else_goes() {
        let read: String =
            READ.map(|name| format!("<{name}><item><groupSet>&lt;</groupSet><x/></item></{name}><{name}/>")).concat();
        let unread = "<groupSet/><groupSet><item><instanceId>i-1</instanceId><groupSet/></item></groupSet>";
        assert_eq!(abridged(&about(&format!("{unread}{read}{unread}"))), about(&read));
    }

    /// The SDK takes no notice of prefixes.
    #[test]
    fn a_prefix_hides_nothing_that_is_read() {
        let spot = about("<e:instanceLifecycle>spot</e:instanceLifecycle>");
        assert_eq!(abridged(&spot), spot);
    }

    #[test]
    fn every_other_answer_stays_as_it_is() {
        let elsewhere = about("")
            .replace("DescribeInstances", "DescribeImages")
            .replace("<item></item>", "<item><groupSet/></item>");
        for text in [
            "",
            "{}",
            "no XML",
            "<html><body>Bad Gateway</body></html>",
            "<StopInstancesResponse/>",
            &about(""),
            &elsewhere,
        ] {
            assert_eq!(abridged(text), text);
        }
    }

    #[test]
    fn what_is_cut_or_makes_no_sense_does_not_end_as_an_answer_does() {
        let whole = about("<instanceId>i-1</instanceId><groupSet><item>a</item></groupSet>");
        for end in (1..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            let cut = abridged(&whole[..end]);
            assert!(!cut.ends_with("Response>"), "cut at {end}: {cut}");
        }
        for (sense, nonsense) in
            [("</groupSet>", "</groupSt>"), ("</item></instancesSet>", "</instancesSet>"), ("<item>a", "<item a<")]
        {
            let text = abridged(&whole.replacen(sense, nonsense, 1));
            assert!(!text.ends_with("Response>"), "{text}");
        }
    }
}
