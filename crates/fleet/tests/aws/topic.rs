//! Messages to an SNS topic.

use aws_config::retry::RetryConfig;
use fleet::ApiError;
use scheduler::{Message, Publish, Topic};
use scripted::Unreachable;

use crate::support::{Answer, Endpoint, config, config_for};

const ARN: &str = "arn:aws:sns:eu-west-1:1:doze";

fn message() -> Message {
    Message { subject: "Doze: 1 stopped".to_owned(), body: "Doze\n\n\"a\" (i-0) was stopped\n".to_owned() }
}

#[tokio::test]
async fn a_message_is_published_to_the_topic_as_it_is() {
    let answer = "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult>\
                  <MessageId>m</MessageId></PublishResult></PublishResponse>";
    let endpoint = Endpoint::always(Answer::xml(answer));
    let topic = Topic::new(&config(&endpoint), ARN);
    topic.publish(&message()).await.expect("is taken");
    let calls = endpoint.calls_of("Publish");
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].values("TopicArn"), [ARN]);
    assert_eq!(calls[0].values("Subject"), [message().subject]);
    assert_eq!(calls[0].values("Message"), [message().body]);
}

#[tokio::test]
async fn a_refusal_is_an_error_with_its_code() {
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>no</Message></Error>\
                </ErrorResponse>";
    let endpoint = Endpoint::always(Answer::Body(403, "content-type: text/xml".to_owned(), body.as_bytes().to_vec()));
    let error = Topic::new(&config(&endpoint), ARN).publish(&message()).await.expect_err("is refused");
    assert_eq!((error.operation, error.code.as_str()), ("sns:Publish", "AuthorizationError"));
}

#[tokio::test]
async fn a_topic_that_cannot_be_reached_is_an_error_that_says_why() {
    let nobody = Unreachable::new();
    let config = config_for(&nobody.address()).retry_config(RetryConfig::disabled()).build();
    let error = Topic::new(&config, ARN).publish(&message()).await.expect_err("nobody answers");
    assert_eq!(
        (error.operation, error.code.as_str(), error.message.as_str()),
        ("sns:Publish", ApiError::TIMEOUT, "dispatch failure: timeout: client error")
    );
}
