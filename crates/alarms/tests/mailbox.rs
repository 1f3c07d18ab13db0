//! The reply to a stack, on its way over the network.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use alarms::{Mailbox, NotDelivered, Order, Request};
use scripted::Unreachable;
use serde_json::{Value, json};

/// What came in: the request's line, its headers, and its body.
type Letter = (String, Vec<String>, Value);

/// A place on loopback that answers with these statuses in turn, and keeps what it was sent. Then it is gone.
struct LetterBox {
    address: String,
    letters: Arc<Mutex<Vec<Letter>>>,
}

/// In place of a status: no word, on a connection that stays.
const SILENCE: u16 = 0;

impl LetterBox {
    fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = format!("http://{}/stack?signature=secret", listener.local_addr().expect("is bound"));
        let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
        let kept = Arc::clone(&letters);
        thread::spawn(move || {
            let mut silent = Vec::new();
            for status in statuses {
                let (stream, _) = listener.accept().expect("somebody calls");
                kept.lock().expect("no test panics here").push(receive(&stream));
                if *status == SILENCE { silent.push(stream) } else { answer(stream, *status) }
            }
        });
        Self { address, letters }
    }

    fn letters(&self) -> Vec<Letter> {
        self.letters.lock().expect("no test panics here").clone()
    }
}

fn receive(stream: &TcpStream) -> Letter {
    let mut reader = BufReader::new(stream);
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
    (lines.remove(0), lines, serde_json::from_slice(&body).expect("is JSON"))
}

fn answer(mut stream: TcpStream, status: u16) {
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).expect("is open");
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
    let reply = order.reply("doze-idle-auto-", Ok(()));
    let mailbox = Mailbox::open();
    tokio::time::timeout(Duration::from_mins(1), mailbox.send(&order, &reply)).await.expect("it comes to an end")
}

#[tokio::test(flavor = "current_thread")]
async fn it_is_put_where_the_stack_wants_it_without_a_type_and_once_more_if_that_fails() {
    let place = LetterBox::answering(&[503, 200]);
    send(&place.address).await.expect("the second try is taken");
    let letters = place.letters();
    assert_eq!(letters.len(), 2);
    for (line, headers, body) in letters {
        assert_eq!(line, "put /stack?signature=secret http/1.1");
        assert!(headers.iter().any(|header| header.trim_end() == "content-type:"), "{headers:?}");
        assert_eq!((&body["Status"], &body["PhysicalResourceId"]), (&json!("SUCCESS"), &json!("doze-idle-auto-")));
    }
}

#[tokio::test(flavor = "current_thread")]
async fn the_fourth_try_after_ever_longer_waits_is_the_last() {
    let (place, began) = (LetterBox::answering(&[500, 502, 503, 504]), Instant::now());
    let error = send(&place.address).await.expect_err("no try is taken").to_string();
    assert_eq!((error.as_str(), place.letters().len()), ("failed to reply to CloudFormation: status 504", 4));
    assert!(began.elapsed() >= Duration::from_secs(1 + 2 + 4), "it did not wait");
}

#[tokio::test(flavor = "current_thread")]
async fn silence_is_not_waited_out() {
    let place = LetterBox::answering(&[SILENCE, 200]);
    send(&place.address).await.expect("the second try is taken");
    assert_eq!(place.letters().len(), 2);
}

#[tokio::test(flavor = "current_thread")]
async fn an_address_where_nobody_answers_is_given_up() {
    let error = send(&Unreachable::new().address()).await.expect_err("nobody is there").to_string();
    assert_eq!(error, "failed to reply to CloudFormation: no answer in time");
}

#[tokio::test(flavor = "current_thread")]
async fn an_address_that_is_refused_is_not_tried_again_and_in_no_message() {
    let place = LetterBox::answering(&[403, 200]);
    let error = send(&place.address).await.expect_err("it is refused").to_string();
    assert_eq!((error.as_str(), place.letters().len()), ("failed to reply to CloudFormation: status 403", 1));
    let error = send("no address").await.expect_err("nobody is there").to_string();
    assert_eq!(error, "failed to reply to CloudFormation: its address makes no sense");
}
