#![doc = include_str!("../README.md")]
#![expect(clippy::missing_panics_doc, reason = "for tests: whatever a test gets wrong, panics")]

mod account;
pub mod cloudwatch;
pub mod ec2;
mod script;
mod unreachable;

use std::{
    collections::VecDeque,
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

pub use account::{Account, Machine};
pub use script::Script;
use serde_json::{Map, Value, json};
pub use unreachable::Unreachable;

/// One call that came in.
#[derive(Clone, Debug)]
pub struct Call {
    /// The service, as IAM names it.
    pub service: &'static str,
    /// The operation's name.
    pub operation: String,
    /// The parameters of an EC2 call.
    pub form: Vec<(String, String)>,
    /// The body of any other call.
    pub body: Value,
}

impl Call {
    /// Notes the call, where somebody collects all of them to hold them against what the roles may do.
    fn note(&self) {
        #[expect(clippy::disallowed_methods, reason = "a test's own setting")]
        let Some(folder) = std::env::var_os("DOZE_CALLS") else { return };
        let form: Map<String, Value> = self.form.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let parameters = if self.form.is_empty() { self.body.clone() } else { Value::Object(form) };
        let line = json!({"by": null, "service": self.service, "action": self.operation, "parameters": parameters});
        fs::create_dir_all(&folder).expect("the folder can be made");
        let path = PathBuf::from(folder).join(format!("adapter-{}.jsonl", std::process::id()));
        let mut file = OpenOptions::new().create(true).append(true).open(path).expect("the file can be opened");
        file.write_all(format!("{line}\n").as_bytes()).expect("the line can be written");
    }

    /// The values of all form parameters whose name starts so.
    #[must_use]
    pub fn values(&self, prefix: &str) -> Vec<&str> {
        self.form.iter().filter(|(name, _)| name.starts_with(prefix)).map(|(_, value)| value.as_str()).collect()
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status, a header, and a body of any type.
    Body(u16, String, Vec<u8>),
    /// Close the connection without a word.
    HangUp,
    /// Wait for so long, and then answer.
    Late(Duration, Box<Answer>),
    /// Close the connection before the last byte of the answer.
    Torn(Box<Answer>),
}

impl Answer {
    /// XML, with the status 200.
    #[must_use]
    pub fn xml(body: &str) -> Self {
        Self::Body(200, "content-type: text/xml;charset=UTF-8".to_owned(), body.as_bytes().to_vec())
    }

    /// An error of EC2 or SNS.
    #[must_use]
    pub fn ec2_error(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        let body = format!("<Response><Errors>{error}</Errors><RequestID>r</RequestID></Response>");
        Self::Body(status, "content-type: text/xml;charset=UTF-8".to_owned(), body.into_bytes())
    }

    /// JSON, as Systems Manager and Secrets Manager have it.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        Self::Body(status, "content-type: application/x-amz-json-1.1".to_owned(), body.as_bytes().to_vec())
    }
}

/// The endpoint. It lives as long as the test process.
#[derive(Debug)]
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

    /// Gives the same answer to every call.
    #[must_use]
    pub fn always(answer: Answer) -> Self {
        Self::start(move |_| answer.clone())
    }

    /// Where it listens: `http://127.0.0.1:…`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// All calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("no test panics here").clone()
    }

    /// The calls of one operation.
    #[must_use]
    pub fn calls_of(&self, operation: &str) -> Vec<Call> {
        self.calls().into_iter().filter(|call| call.operation == operation).collect()
    }
}

fn serve(stream: &TcpStream, answer: &dyn Fn(&Call) -> Answer, seen: &Mutex<Vec<Call>>) {
    let mut reader = BufReader::new(stream);
    while let Some(call) = read_call(&mut reader) {
        call.note();
        seen.lock().expect("no test panics here").push(call.clone());
        let Some((text, goes_on)) = in_time(answer(&call)) else { return };
        let mut stream = stream;
        if stream.write_all(&text).is_err() || !goes_on {
            return;
        }
    }
}

/// The answer once it is time, and whether another call may follow; `None` if there is no answer.
fn in_time(answer: Answer) -> Option<(Vec<u8>, bool)> {
    match answer {
        Answer::Body(status, header, body) => {
            let length = body.len();
            let mut text = format!(
                "HTTP/1.1 {status} X\r\n{header}\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-length: {length}\r\n\r\n"
            )
            .into_bytes();
            // In one piece: the second of two would wait 40 ms for a client that is in no hurry to confirm the first.
            text.extend(body);
            Some((text, true))
        }
        Answer::HangUp => None,
        Answer::Late(delay, answer) => {
            thread::sleep(delay);
            in_time(*answer)
        }
        Answer::Torn(answer) => {
            let (mut text, _) = in_time(*answer)?;
            text.pop();
            Some((text, false))
        }
    }
}

fn read_call(reader: &mut impl BufRead) -> Option<Call> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let (mut length, mut target) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "x-amz-target" => target = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    if let Some((_, operation)) = path.split_once("/operation/") {
        let body = cloudwatch::from_wire(&ciborium::from_reader(&body[..]).ok()?);
        return Some(Call { service: "cloudwatch", operation: operation.to_owned(), form: Vec::new(), body });
    }
    if let Some(target) = target {
        let (service, operation) = target.rsplit_once('.')?;
        let service = if service == "AmazonSSM" { "ssm" } else { "secretsmanager" };
        let operation = operation.to_owned();
        return Some(Call { service, operation, form: Vec::new(), body: serde_json::from_slice(&body).ok()? });
    }
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&body).into_owned().collect();
    let operation = form.iter().find(|(name, _)| name == "Action").map(|(_, value)| value.clone())?;
    let is_of_sns = form.iter().any(|(name, _)| name == "TopicArn");
    Some(Call { service: if is_of_sns { "sns" } else { "ec2" }, operation, form, body: json!(null) })
}
