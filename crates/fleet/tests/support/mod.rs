//! An endpoint on loopback that answers as a script says and remembers what it was asked: EC2's query protocol in, XML
//! out; CloudWatch's `rpc-v2-cbor` in and out.
#![allow(missing_docs, unreachable_pub, reason = "a module of one test, not an interface")]

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use aws_config::Region;
use aws_sdk_ec2::config::Credentials;
use ciborium::Value as Cbor;
use fleet::AwsFleet;

/// One call that came in.
#[derive(Clone, Debug)]
pub struct Call {
    /// The operation's name.
    pub operation: String,
    /// The parameters of an EC2 call.
    pub form: Vec<(String, String)>,
    /// The body of a CloudWatch call.
    pub cbor: Option<Cbor>,
}

impl Call {
    /// The values of all form parameters whose name starts so.
    pub fn values(&self, prefix: &str) -> Vec<&str> {
        self.form.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| value.as_str()).collect()
    }

    /// A field of a CloudWatch call.
    pub fn field(&self, name: &str) -> Option<&Cbor> {
        field(self.cbor.as_ref()?, name)
    }
}

/// A field of a CBOR map.
pub fn field<'a>(map: &'a Cbor, name: &str) -> Option<&'a Cbor> {
    map.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

/// What to answer.
pub enum Answer {
    /// A status and a body of any type.
    Body(u16, &'static str, Vec<u8>),
    /// Close the connection without a word.
    HangUp,
}

impl Answer {
    pub fn xml(body: &str) -> Self {
        Self::Body(200, "text/xml;charset=UTF-8", body.as_bytes().to_vec())
    }

    pub fn ec2_error(status: u16, code: &str, message: &str) -> Self {
        let body = format!(
            "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>r</RequestID></Response>"
        );
        Self::Body(status, "text/xml;charset=UTF-8", body.into_bytes())
    }

    pub fn cbor(body: &Cbor) -> Self {
        let mut bytes = Vec::new();
        ciborium::into_writer(body, &mut bytes).expect("a test's CBOR can be written");
        Self::Body(200, "application/cbor", bytes)
    }
}

/// The endpoint. It lives as long as the test process.
pub struct Endpoint {
    address: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Endpoint {
    /// Answers each call by `answer`.
    pub fn start(answer: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = format!("http://{}", listener.local_addr().expect("is bound"));
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), Arc::clone(&calls));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
                thread::spawn(move || serve(&stream, &*answer, &seen));
            }
        });
        Self { address, calls }
    }

    /// Gives these answers in turn, and then no more.
    pub fn in_turn(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Mutex<VecDeque<Answer>> = Mutex::new(answers.into_iter().collect());
        Self::start(move |_| answers.lock().expect("no test panics here").pop_front().unwrap_or(Answer::HangUp))
    }

    /// The adapter under test, pointed here.
    pub async fn fleet(&self) -> AwsFleet {
        let config = AwsFleet::defaults()
            .endpoint_url(&self.address)
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .load()
            .await;
        AwsFleet::new(&config)
    }

    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no test panics here").clone()
    }
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Call) -> Answer, seen: &Mutex<Vec<Call>>) {
    let mut reader = BufReader::new(stream);
    while let Some(call) = read_call(&mut reader) {
        let answer = answer(&call);
        seen.lock().expect("no test panics here").push(call);
        let Answer::Body(status, content_type, body) = answer else { return };
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = stream;
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

fn read_call(reader: &mut impl BufRead) -> Option<Call> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if let Some((_, operation)) = path.split_once("/operation/") {
        return Some(Call {
            operation: operation.to_owned(),
            form: Vec::new(),
            cbor: ciborium::from_reader(&body[..]).ok(),
        });
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let operation = form.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone())?;
    Some(Call { operation, form, cbor: None })
}
