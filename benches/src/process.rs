//! Processes: servers beside the one that measures, which core each runs on, and how many files it may open.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::measure::resident;

/// The cores of the server and of whoever talks to it. Where there is but one, they share it.
pub const SERVER_CORE: usize = 0;
pub const CLIENT_CORE: usize = 1;

/// Where strace writes what system calls an echo server made.
pub static TRACE: OnceLock<String> = OnceLock::new();

/// The status of a process that was to be a contestant that this machine does not have.
pub const ABSENT: i32 = 3;

/// Ends this process: the contestant is not on this machine.
#[cfg(feature = "peers")]
pub fn absent(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(ABSENT);
}

/// Has a panic end this process with its message alone: a runtime that catches it would have the others wait for ever.
pub fn end_by_panic() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("{}", panic.payload_as_str().unwrap_or("it panicked"));
        std::process::exit(1);
    }));
}

/// Binds this thread to a core, and with it the threads and processes that it starts.
pub fn pin_to(core: usize) {
    // Not `available_parallelism`: that counts the cores of this thread, one after the first call.
    // SAFETY: it only asks for a number.
    let cores = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1) as usize;
    // SAFETY: a cpu_set_t may be zero, and the calls only look at the one given.
    let failed = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core % cores, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if failed != 0 {
        eprintln!(
            "not bound to core {core}: {}",
            std::io::Error::last_os_error()
        );
    }
}

/// Allows as many open files as the system lets us.
pub fn raise_file_limit() {
    // SAFETY: the calls only touch the struct given.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// A server in a process of its own; it ends with this value.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts this program as `serve KIND NAME`; an echo server under strace if [`TRACE`] names a file for its summary.
    pub fn start(kind: &str, name: &str) -> Server {
        let program = std::env::current_exe().expect("this program");
        let mut command = match TRACE.get() {
            Some(file) if kind == "echo" => {
                let mut strace = Command::new("strace");
                strace.args(["-f", "-c", "-o", file]).arg(program);
                strace
            }
            _ => Command::new(program),
        };
        let mut child = command
            .args(["serve", kind, name])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let port: u16 = line.trim().parse().expect("the server says its port");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        Server { child, address }
    }

    /// The CPU time it has taken so far.
    pub fn cpu_time(&self) -> Duration {
        let mut clock = 0;
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: both pointers are to values of ours.
        let failed = unsafe {
            libc::clock_getcpuclockid(self.child.id() as libc::pid_t, &mut clock)
                | libc::clock_gettime(clock, &mut time)
        };
        assert_eq!(failed, 0, "no CPU clock of the server");
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    /// Its resident memory in bytes.
    pub fn resident(&self) -> u64 {
        resident(&self.child.id().to_string())
    }

    /// Has the server end by itself, so that what watches it can say what it saw.
    pub fn quit(mut self) {
        if let Ok(mut stream) = TcpStream::connect(self.address) {
            let _ = std::io::Write::write_all(&mut stream, b"Quit");
        }
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ends this process when the one that started it ends.
pub fn end_with_parent() {
    // SAFETY: it only sets a property of this process.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// What a server does with the first byte of a message: a capital Q ends it.
pub fn quit_if_asked(message: &[u8]) {
    if message.first() == Some(&b'Q') {
        std::process::exit(0);
    }
}

/// What a server prints when it listens.
pub fn announce(address: std::io::Result<SocketAddr>) {
    println!("{}", address.expect("it listens").port());
}
