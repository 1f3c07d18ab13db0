//! A process that is measured from outside: CPU time by its clock, memory and threads by `/proc`.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

/// A process's CPU time. A thread that has ended is not counted any more.
#[derive(Clone, Debug)]
pub(crate) struct CpuClock(PathBuf);

/// How long it takes a process that has just asked for something, to wait for the answer. Only then is its time in the books.
const SETTLING: Duration = Duration::from_millis(2);

impl CpuClock {
    /// The CPU time so far, of a process that is about to wait.
    ///
    /// # Errors
    /// The process is gone, or the kernel does not account for it.
    pub(crate) fn read(&self) -> io::Result<Duration> {
        thread::sleep(SETTLING);
        fs::read_dir(&self.0)?.map(|thread| cpu_time(&fs::read_to_string(thread?.path().join("schedstat"))?)).sum()
    }
}

/// A process. It ends with this value.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
}

impl Process {
    /// Starts a command with no variables but these; what it writes goes into a file.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn start(
        command: &[String],
        variables: &[(String, String)],
        folder: &Path,
        log: &Path,
    ) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let log = File::create(log)?;
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        Ok(Self { child })
    }

    /// The clock of its CPU time.
    pub(crate) fn cpu_clock(&self) -> CpuClock {
        CpuClock(self.folder().join("task"))
    }

    /// The most memory that it had resident, in bytes.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn peak_memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(self.folder().join("status"))?;
        peak_memory(&status).ok_or_else(|| io::Error::other("the kernel does not say how much memory was resident"))
    }

    /// How many threads it has.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn threads(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.folder().join("task"))?.count())
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Asks it to end, which lets callgrind write what it counted, and waits for that.
    ///
    /// # Errors
    /// It cannot be asked, or not be waited for.
    pub(crate) fn end(mut self) -> io::Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        self.child.wait().map(drop)
    }

    fn folder(&self) -> PathBuf {
        Path::new("/proc").join(self.child.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time on a CPU, which is the first number, in nanoseconds.
fn cpu_time(schedstat: &str) -> io::Result<Duration> {
    let nanoseconds = schedstat.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| io::Error::other("the kernel does not account for CPU time"))
}

fn peak_memory(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_in_nanoseconds() {
        assert_eq!(cpu_time("3840710 1200 4\n").ok(), Some(Duration::from_nanos(3_840_710)));
        assert!(cpu_time("\n").is_err());
    }

    #[test]
    fn the_peak_is_the_high_water_mark() {
        assert_eq!(peak_memory("VmPeak:\t 9999 kB\nVmHWM:\t    1764 kB\nVmRSS:\t 12 kB\n"), Some(1764 * 1024));
        assert_eq!(peak_memory("Name:\tx\n"), None);
    }
}
