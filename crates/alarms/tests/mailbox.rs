//! The reply to a stack, on its way over the network.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    thread::{self, JoinHandle},
};

use alarms::{Mailbox, NotDelivered, Order, Request};
use serde_json::{Value, json};

/// What came in: the request's line, its headers, and its body.
type Letter = (String, Vec<String>, Value);

/// A place on loopback that answers with these statuses in turn, and hands over what it was sent.
fn letter_box(statuses: &'static [u16]) -> (String, JoinHandle<Vec<Letter>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = format!("http://{}/stack?signature=secret", listener.local_addr().expect("is bound"));
    let served = thread::spawn(move || statuses.iter().map(|status| receive(&listener, *status)).collect());
    (address, served)
}

fn receive(listener: &TcpListener, status: u16) -> Letter {
    let (mut stream, _) = listener.accept().expect("somebody calls");
    let mut reader = BufReader::new(stream.try_clone().expect("is open"));
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("is a line");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_ascii_lowercase()),
        }
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.expect("S3 asks for the length").parse().expect("is a number")];
    reader.read_exact(&mut body).expect("the body is whole");
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).expect("is open");
    (lines.remove(0), lines, serde_json::from_slice(&body).expect("is JSON"))
}

fn order(address: &str) -> Order {
    let event = json!({
        "RequestType": "Delete", "ResponseURL": address, "StackId": "stack", "RequestId": "request",
        "LogicalResourceId": "KeptAlarms", "PhysicalResourceId": "doze-idle-auto-",
    });
    match Request::parse(&event) {
        Ok(Request::Deployment(order)) => order,
        other => panic!("it is a stack's: {other:?}"),
    }
}

async fn send(address: &str) -> Result<(), NotDelivered> {
    let order = order(address);
    Mailbox::open().send(&order, &order.reply("doze-idle-auto-", Ok(()))).await
}

#[tokio::test(flavor = "current_thread")]
async fn it_is_put_where_the_stack_wants_it_without_a_type_and_once_more_if_that_fails() {
    let (address, served) = letter_box(&[503, 200]);
    send(&address).await.expect("the second try is taken");
    let letters = served.join().expect("both were served");
    assert_eq!(letters.len(), 2);
    for (line, headers, body) in letters {
        assert_eq!(line, "put /stack?signature=secret http/1.1");
        assert!(headers.iter().any(|header| header.trim_end() == "content-type:"), "{headers:?}");
        assert_eq!((&body["Status"], &body["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("doze-idle-auto-")));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_address_that_is_refused_is_not_tried_again_and_in_no_message() {
    let (address, served) = letter_box(&[403]);
    let error = send(&address).await.expect_err("it is refused").to_string();
    assert_eq!(
        (error.as_str(), served.join().expect("it was served").len()),
        ("failed to reply to CloudFormation: status 403", 1)
    );
    let error = send("no address").await.expect_err("nobody is there").to_string();
    assert_eq!(error, "failed to reply to CloudFormation: its address makes no sense");
}
