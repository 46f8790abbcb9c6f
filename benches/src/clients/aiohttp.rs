//! aiohttp, in a `python3` that has it: a process of its own, which tells what it took.

use std::process::Command;

use crate::http_server::BODY;
use crate::measure::{Outcome, Size};
use crate::process::{ABSENT, CLIENT_CORE, Server, absent, pin_to};

const SCRIPT: &str = include_str!("aiohttp_get.py");

/// It makes a tenth of the GETs, which take long enough.
const FEWER: u64 = 10;

pub fn keep_alive(Size { population, ops }: Size) -> Outcome {
    // The child inherits the core.
    pin_to(CLIENT_CORE);
    let server = Server::start("http", "0");
    let each = (ops / population / FEWER).max(1);
    let ran = Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(format!("http://{}/", server.address))
        .args([BODY, &population.to_string(), &each.to_string()])
        .output();
    let Ok(ran) = ran else { absent("no python3") };
    if ran.status.code() == Some(ABSENT) {
        absent("python3 has no aiohttp");
    }
    let complaint = String::from_utf8_lossy(&ran.stderr);
    let last = complaint.lines().last().unwrap_or_default();
    assert!(ran.status.success(), "{last}");
    let printed = String::from_utf8_lossy(&ran.stdout);
    let seconds: Vec<f64> = printed.split_whitespace().flat_map(str::parse).collect();
    let &[cpu, user, wall] = &seconds[..] else {
        panic!("not three figures: {printed}");
    };
    let gets = (each * population) as f64;
    Outcome::new(cpu * 1e6 / gets)
        .with("user", user * 1e6 / gets)
        .with("requests a second", gets / wall)
}
