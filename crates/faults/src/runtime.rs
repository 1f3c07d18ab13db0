//! A Runtime API on loopback, and a function that runs against it as a process of its own.

use std::{
    io::{BufRead, BufReader},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use crate::http;

/// What a function makes of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It answered.
    Answer(Value),
    /// It said that it failed.
    Error(Value),
    /// Its process ended before it said anything.
    Gone,
    /// It said nothing until its deadline.
    Late,
}

/// The memory that a process holds, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// At the moment.
    pub now: u64,
    /// At most, so far.
    pub peak: u64,
}

/// An event on its way to the function.
struct Event {
    id: usize,
    body: Vec<u8>,
    deadline: u128,
}

/// A function that runs.
#[derive(Debug)]
pub struct Function {
    process: Child,
    events: Sender<Event>,
    endings: Receiver<(String, Ending)>,
    log: Arc<Mutex<Vec<String>>>,
    sent: usize,
}

impl Function {
    /// Runs a bootstrap, with these variables and no others, and an account at that address.
    #[must_use]
    pub fn start(bootstrap: &Path, account: &str, variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("is bound").to_string();
        let (events, queue) = channel();
        let (sender, endings) = channel();
        thread::spawn(move || serve(&listener, &Arc::new(Mutex::new(queue)), &sender));
        let own = [
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", "doze-test"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_LOG_LEVEL", "DEBUG"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL", account),
            ("RUST_BACKTRACE", "0"),
        ];
        let mut command = Command::new(bootstrap);
        command.env_clear().envs(own).envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", bootstrap.display()));
        let log = Arc::new(Mutex::new(Vec::new()));
        let (out, err) = (process.stdout.take().expect("is piped"), process.stderr.take().expect("is piped"));
        let (of_out, of_err) = (Arc::clone(&log), Arc::clone(&log));
        thread::spawn(move || collect(BufReader::new(out), &of_out));
        thread::spawn(move || collect(BufReader::new(err), &of_err));
        Self { process, events, endings, log, sent: 0 }
    }

    /// Sends an event with so much time for it.
    pub fn send(&mut self, body: &[u8], time: Duration) {
        self.sent += 1;
        #[expect(clippy::disallowed_methods, reason = "Lambda gives deadlines by the machine's clock")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let event = Event { id: self.sent, body: body.to_vec(), deadline: (now + time).as_millis() };
        self.events.send(event).expect("the Runtime API listens");
    }

    /// What the function makes of the event that was sent last.
    pub fn ending(&mut self, time: Duration) -> Ending {
        let step = Duration::from_millis(20);
        for _ in 0..=time.as_millis() / step.as_millis() {
            match self.endings.recv_timeout(step) {
                Ok((_, ending)) => return ending,
                Err(RecvTimeoutError::Timeout) if self.is_running() => {}
                Err(_) => return Ending::Gone,
            }
        }
        Ending::Late
    }

    /// Sends an event, and waits for what becomes of it.
    pub fn invoke_within(&mut self, body: &[u8], time: Duration) -> Ending {
        self.send(body, time);
        self.ending(time)
    }

    /// The same with the time that the template gives the scheduler.
    pub fn invoke(&mut self, event: &Value) -> Ending {
        self.invoke_within(event.to_string().as_bytes(), Duration::from_mins(2))
    }

    /// Whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().is_ok_and(|status| status.is_none())
    }

    /// The memory that the process holds, which Linux tells.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let path = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the process runs");
            line.trim().trim_end_matches(" kB").parse().expect("is a number")
        };
        Memory { now: field("VmRSS:"), peak: field("VmHWM:") }
    }

    /// Waits until the process ends by itself; `None` if it does not.
    pub fn ended(&mut self, time: Duration) -> Option<ExitStatus> {
        let step = Duration::from_millis(20);
        for _ in 0..=time.as_millis() / step.as_millis() {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Some(status);
            }
            thread::sleep(step);
        }
        None
    }

    /// Ends the process at once, as Lambda does at the deadline.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// The lines that it wrote so far. The last of them may be on their way when an answer is here.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        thread::sleep(Duration::from_millis(200));
        lock(&self.log).clone()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.kill();
    }
}

fn collect(lines: impl BufRead, log: &Mutex<Vec<String>>) {
    for line in lines.lines().map_while(Result::ok) {
        lock(log).push(line);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(listener: &TcpListener, queue: &Arc<Mutex<Receiver<Event>>>, endings: &Sender<(String, Ending)>) {
    for stream in listener.incoming().flatten() {
        let (queue, endings) = (Arc::clone(queue), endings.clone());
        thread::spawn(move || serve_connection(&stream, &queue, &endings));
    }
}

fn serve_connection(stream: &TcpStream, queue: &Mutex<Receiver<Event>>, endings: &Sender<(String, Ending)>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket can be shared"));
    while let Some(request) = http::read(&mut reader) {
        if request.path.ends_with("/invocation/next") {
            let Ok(Event { id, body, deadline }) = lock(queue).recv() else { return };
            let headers = format!(
                "lambda-runtime-aws-request-id: {id}\r\nlambda-runtime-deadline-ms: {deadline}\r\n\
                 lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:123456789012:function:doze-test\r\n\
                 content-type: application/json\r\n"
            );
            if !http::answer(stream, 200, &headers, &body) {
                return;
            }
            continue;
        }
        let json = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let (what, id) = {
            let mut parts = request.path.rsplit('/');
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default().to_owned())
        };
        let ending = if what == "response" { Ending::Answer(json) } else { Ending::Error(json) };
        // Nobody may be waiting any more.
        let _ = endings.send((id, ending));
        if !http::answer(stream, 202, "", b"{}") {
            return;
        }
    }
}
