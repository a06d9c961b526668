//! Foreign programs: run to their end, or kept running and ended with the test.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What a program that ended left behind.
#[derive(Debug)]
pub struct Done {
    pub command: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    /// The run, if the program exited with 0; otherwise the test ends with everything it said.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.told());
        self
    }

    /// The run, if the program exited with `code`.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}", self.told());
        self
    }

    /// Its standard output as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.told()))
    }

    /// Both outputs, for messages and for searching.
    pub fn told(&self) -> String {
        let mut text = format!("`{}` exited {:?}\n", self.command, self.code);
        let _ = write!(text, "{}{}", self.stdout, self.stderr);
        text
    }
}

/// Runs a program to its end.
pub fn run<S: AsRef<OsStr>>(program: impl AsRef<OsStr>, arguments: impl IntoIterator<Item = S>) -> Done {
    let mut command = Command::new(program);
    command.args(arguments);
    finish(command)
}

/// As [`run`], from a prepared command.
pub fn finish(mut command: Command) -> Done {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
    Done {
        command: shown,
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// A program that runs beside the test and is killed with it, also when the test itself is killed.
#[derive(Debug)]
pub struct Background {
    child: Child,
    log: PathBuf,
}

impl Background {
    /// Starts `command` with both outputs going to `log` (appended).
    pub fn start(command: &Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).expect("log file");
        // setpriv keeps the process id and asks the kernel to kill the program when this thread is gone.
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        let child = wrapped
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("log file"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        Self { child, log: log.into() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end (SIGTERM) and waits; its exit code, or none if it had to be killed.
    pub fn stop(&mut self, patience: Duration) -> Option<i32> {
        if let Some(pid) = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).expect("pid")) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill();
        None
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks `probe` until it answers; the test ends when it has not within `patience`.
#[track_caller]
pub fn eventually<T>(what: &str, patience: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + patience;
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {patience:?}");
        std::thread::sleep(Duration::from_millis(25));
    }
}

/// Resources a process used, from `/proc` (works for processes that are not dumpable).
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Processor time of all its threads, in seconds.
    pub cpu: f64,
    /// Resident memory now, in octets.
    pub resident: u64,
    /// Highest resident memory so far, in octets.
    pub peak: u64,
}

/// Looks a running process up.
pub fn usage(pid: u32) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("process runs");
    // The second field is the program's name in parentheses and may hold anything: count from its end. utime and stime
    // are fields 14 and 15 (proc(5)), in clock ticks of 1/100 s on every Linux architecture Rust's std supports.
    let after = &stat[stat.rfind(')').expect("stat format") + 2..];
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().expect("utime") + fields[12].parse::<u64>().expect("stime");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("process runs");
    let kilobytes = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0) * 1024
    };
    #[allow(clippy::cast_precision_loss, reason = "ticks of a test's life time")]
    Usage { cpu: ticks as f64 / 100.0, resident: kilobytes("VmRSS:"), peak: kilobytes("VmHWM:") }
}

/// Highest resident memory of a running process while `work` is done, in octets.
///
/// The kernel's own high-water mark where it can be reset (by root: the service is not dumpable); else the highest of samples
/// taken every few milliseconds.
pub fn peak_during<T>(pid: u32, work: impl FnOnce() -> T) -> (T, u64) {
    let reset = std::fs::write(format!("/proc/{pid}/clear_refs"), "5").is_ok();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut highest = 0;
            while !done.load(Ordering::Relaxed) {
                highest = usage(pid).resident.max(highest);
                std::thread::sleep(Duration::from_millis(3));
            }
            highest
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        done.store(true, Ordering::Relaxed);
        let sampled = sampler.join().expect("sampler");
        let result = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (result, if reset { usage(pid).peak.max(sampled) } else { sampled })
    })
}

/// As [`finish`], with the highest resident memory the program had, in octets (the kernel's own mark, read until it ended).
pub fn finish_with_peak(mut command: Command) -> (Done, u64) {
    let shown = format!("{command:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let output = |name: &str| File::create(folder.path().join(name)).expect("a file");
    command.stdin(Stdio::null()).stdout(output("out")).stderr(output("err"));
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot run {shown}: {e}"));
    let mut peak = 0;
    let status = loop {
        // Gone from /proc/PID/status once the program is a zombie: what was read before stands.
        peak = usage(child.id()).peak.max(peak);
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap_or_default();
    (Done { command: shown, code: status.code(), stdout: read("out"), stderr: read("err") }, peak)
}

/// A TCP port that nobody listens on now, on either loopback address.
///
/// Taken from below the range the kernel hands out for outgoing connections, or a client of another test could sit on it
/// before the service does; the place to begin differs from process to process, for suites run side by side.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(2_654_435_761) >> 16;
    for _ in 0..2000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + u16::try_from(begin.wrapping_add(step) % 12_000).expect("below 12,000");
        let taken = |host: &str| {
            let bound = std::net::TcpListener::bind((host, port));
            bound.is_err_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
        };
        if !taken("127.0.0.1") && !taken("::1") {
            return port;
        }
    }
    panic!("no free port between 20000 and 32000");
}
