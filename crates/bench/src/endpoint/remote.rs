//! The endpoint as seen from the process that started it.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::tally::Tally;

/// How the endpoint answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many instances there are.
    pub instances: usize,
    /// How long each call takes, at least.
    pub delay: Duration,
    /// Whether it speaks TLS.
    pub has_tls: bool,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Addresses {
    /// EC2: `http://localhost:…`.
    pub ec2: String,
    /// CloudWatch.
    pub cloudwatch: String,
    /// The certificate that signed its own, as PEM, if it speaks TLS.
    pub root: Option<String>,
}

/// An endpoint that runs. It ends with this value.
#[derive(Debug)]
pub(crate) struct Remote {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Where it listens.
    pub addresses: Addresses,
}

impl Remote {
    /// Starts this program once more, as an endpoint.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) fn start(options: Options) -> io::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("endpoint").arg(options.instances.to_string()).arg(options.delay.as_millis().to_string());
        if options.has_tls {
            command.arg("tls");
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let addresses = read(&mut output)?;
        Ok(Self { child, input, output, addresses })
    }

    /// What was asked for since it was asked the last time.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn tally(&mut self) -> io::Result<Tally> {
        self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(b"tally\n")?;
        read(&mut self.output)
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        // It ends with its input, or has ended.
        drop(self.input.take());
        let _ = self.child.wait();
    }
}

fn read<T: for<'de> Deserialize<'de>>(output: &mut impl BufRead) -> io::Result<T> {
    let mut line = String::new();
    output.read_line(&mut line)?;
    serde_json::from_str(&line).map_err(io::Error::other)
}
