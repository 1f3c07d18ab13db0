//! A Runtime API on loopback that times what a function does with it. It has all events before the function asks for them, so
//! that between two requests nothing waits but the function.

use std::{
    collections::VecDeque,
    io::{self, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{http::Message, process::CpuClock};

/// How long a function is told to have for each event: Lambda's longest.
const TIME: Duration = Duration::from_mins(15);

/// How often it is looked whether the process still runs.
const STEP: Duration = Duration::from_millis(50);

/// When an event was handed out, and when its answer was there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invocation {
    /// When the event left.
    pub sent: Instant,
    /// When the answer had arrived as a whole.
    pub answered: Instant,
}

/// What a function did with its events.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// When it asked for its first event.
    pub(crate) first_poll: Option<Instant>,
    /// The CPU time that it had used when it asked for its first and for its second event.
    pub(crate) cpu: Vec<Duration>,
    /// Its answers.
    pub invocations: Vec<Invocation>,
    /// The last answer.
    pub answer: Vec<u8>,
    /// How many connections it opened.
    pub connections: usize,
    /// When the event left that it is at. The answer may come by another connection.
    sent: Option<Instant>,
}

/// Why a function did not get through its events.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfinished {
    /// It said that it failed.
    #[error("the function reported an error: {0}")]
    Failed(String),
    /// It did not come to its end.
    #[error("the function was not done after {0:?}")]
    Late(Duration),
    /// Its process ended.
    #[error("the function's process ended by itself")]
    Gone,
}

/// The Runtime API of one process.
#[derive(Debug)]
pub(crate) struct RuntimeApi {
    address: String,
    shared: Arc<Shared>,
    endings: Receiver<Result<(), String>>,
}

#[derive(Debug)]
struct Shared {
    events: Mutex<VecDeque<Vec<u8>>>,
    log: Mutex<Log>,
    /// The clock of the process's CPU time, known once it has been started.
    clock: OnceLock<CpuClock>,
    endings: Sender<Result<(), String>>,
    /// Whether the next connection is the last, and only there to be told.
    is_over: AtomicBool,
}

impl RuntimeApi {
    /// Listens, and has these events.
    ///
    /// # Errors
    /// Loopback has no free port.
    pub(crate) fn listen(events: Vec<Vec<u8>>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let (sender, endings) = channel();
        let shared = Arc::new(Shared {
            events: Mutex::new(events.into()),
            log: Mutex::default(),
            clock: OnceLock::new(),
            endings: sender,
            is_over: AtomicBool::new(false),
        });
        let of_listener = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&of_listener);
                if shared.is_over.load(Ordering::Relaxed) {
                    return;
                }
                lock(&shared.log).connections += 1;
                // A function that goes away ends its connection, and that is all.
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Ok(Self { address, shared, endings })
    }

    /// Where it listens.
    #[must_use]
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Says by which clock the process's CPU time is read. It gets no event before.
    pub(crate) fn watch(&self, clock: CpuClock) {
        // A second clock would be that of a second process, and there is none.
        let _ = self.shared.clock.set(clock);
    }

    /// Waits until the function has answered all events and asks for another one.
    ///
    /// # Errors
    /// It reported an error, took too long, or does not run any more.
    pub(crate) fn finish(&self, time: Duration, mut is_running: impl FnMut() -> bool) -> Result<Log, Unfinished> {
        let until = Instant::now() + time;
        loop {
            match self.endings.recv_timeout(STEP) {
                Ok(Ok(())) => return Ok(lock(&self.shared.log).clone()),
                Ok(Err(error)) => return Err(Unfinished::Failed(error)),
                Err(_) if !is_running() => return Err(Unfinished::Gone),
                Err(_) if Instant::now() > until => return Err(Unfinished::Late(time)),
                Err(_) => {}
            }
        }
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        // Without a connection the listener would not notice; without a listener there is nothing to notice.
        let _ = TcpStream::connect(&self.address);
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut request, mut answer) = (BufReader::new(stream), Message::default(), Vec::new());
    while request.read(&mut reader)? {
        let at = Instant::now();
        let is_poll = request.target().ends_with("/next");
        if is_poll {
            note_poll(shared, at)?;
            let Some(event) = lock(&shared.events).pop_front() else {
                // Nobody may be waiting any more.
                let _ = shared.endings.send(Ok(()));
                continue;
            };
            write_event(&mut answer, &event)?;
        } else if request.target().ends_with("/response") {
            let mut log = lock(&shared.log);
            log.answer.clone_from(&request.body);
            let sent = log.sent.take().unwrap_or(at);
            log.invocations.push(Invocation { sent, answered: at });
            drop(log);
            answer.clear();
            answer.extend_from_slice(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n");
        } else {
            let _ = shared.endings.send(Err(String::from_utf8_lossy(&request.body).into_owned()));
            return Ok(());
        }
        if is_poll {
            lock(&shared.log).sent = Some(Instant::now());
        }
        let mut stream = stream;
        stream.write_all(&answer)?;
    }
    Ok(())
}

/// Until the CPU time is in the books, the event is held back: what it takes to handle it, is counted from when it leaves.
fn note_poll(shared: &Shared, at: Instant) -> io::Result<()> {
    let polls = lock(&shared.log).cpu.len();
    if polls < 2 {
        let cpu = shared.clock.wait().read()?;
        let mut log = lock(&shared.log);
        log.first_poll.get_or_insert(at);
        log.cpu.push(cpu);
    }
    Ok(())
}

fn write_event(answer: &mut Vec<u8>, event: &[u8]) -> io::Result<()> {
    #[expect(clippy::disallowed_methods, reason = "Lambda gives deadlines by the machine's clock")]
    let deadline = SystemTime::now().duration_since(UNIX_EPOCH).map_err(io::Error::other)? + TIME;
    answer.clear();
    write!(
        answer,
        "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         lambda-runtime-deadline-ms: {}\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:eu-west-1:123456789012:function:doze-bench\r\n\
         lambda-runtime-trace-id: Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        deadline.as_millis(),
        event.len()
    )?;
    answer.extend_from_slice(event);
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
