//! One loop against several, with clients in this process that always ask.
//!
//! The clients are a thread that takes its part of the cores, and other programs may take theirs. So two figures are taken: requests a
//! second, which hold for this machine at this moment, and requests a second of CPU time of the loops, which hold for a machine with a core
//! for each loop and other cores for the clients.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};

use glassloop::net::TcpStream;
use glassloop::{create_task, gather, sleep};
use nix::time::ClockId;

use super::loops::Server;
use super::serve::{Cost, Report, cpu_time};
use crate::support::output::counted;

/// One and several loops take turns, so that a busy moment meets both.
const ROUNDS: u32 = 5;

/// What clients had of a server.
struct Served {
    /// Answers a second.
    rate: f64,
    /// Answers a second of the server's CPU time.
    rate_of_cpu: f64,
    /// The part that the clients took of the CPU time of this process.
    clients: f64,
}

/// The CPU time of the clients, which is this thread, and of the loops, which are the others.
fn cpu_times() -> (Duration, Duration) {
    let clients = cpu_time(ClockId::CLOCK_THREAD_CPUTIME_ID);
    (
        clients,
        cpu_time(ClockId::CLOCK_PROCESS_CPUTIME_ID) - clients,
    )
}

async fn client(
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
) -> io::Result<()> {
    let mut stream = TcpStream::connect_to(address).await?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    while !stop.load(SeqCst) {
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
            .await?;
        let mut got = 0;
        while !buffer[..got].ends_with(b"Hello!") {
            match stream.read(&mut buffer[got..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => got += n,
            }
        }
        answers.fetch_add(1, SeqCst);
    }
    Ok(())
}

/// Asks again and again on `connections` connections for so long.
fn load(address: SocketAddr, connections: usize, time: Duration) -> Result<Served, String> {
    let (stop, answers) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let ended = glassloop::run(async move {
        let clients = (0..connections).map(|_| client(address, stop.clone(), answers.clone()));
        let clients: Vec<_> = clients.map(create_task).collect();
        // Everybody is connected and served before the clock starts.
        sleep(Duration::from_millis(200)).await;
        let (before, begin, cpu) = (answers.load(SeqCst), Instant::now(), cpu_times());
        sleep(time).await;
        let (wall, after) = (begin.elapsed().as_secs_f64(), cpu_times());
        let answered = (answers.load(SeqCst) - before) as f64;
        stop.store(true, SeqCst);
        let ended = gather(clients).await.map_err(|error| error.to_string())?;
        if let Some(error) = ended.into_iter().find_map(Result::err) {
            return Err(error.to_string());
        }
        let (clients, loops) = (after.0 - cpu.0, after.1 - cpu.1);
        Ok(Served {
            rate: answered / wall,
            rate_of_cpu: answered / loops.as_secs_f64(),
            clients: clients.as_secs_f64() / (clients + loops).as_secs_f64(),
        })
    });
    ended.map_err(|error| error.to_string())?
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// What each loop did.
pub fn print_reports(reports: &[Report]) {
    for (number, report) in reports.iter().enumerate() {
        let connections = counted(report.connections, "connection");
        let requests = counted(report.requests, "request");
        print!("  loop {number}: {connections}, {requests}");
        match report.given_up {
            0 => println!(),
            given_up => println!(", {given_up} not answered in time"),
        }
    }
}

/// Prints what one loop, and then `loops`, served to `connections` clients in `time`, and the ratios.
pub fn measure(loops: usize, connections: usize, cost: Cost, time: Duration) -> Result<(), String> {
    let counts = [1, loops];
    let (mut rounds, mut reports) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        for (reports, loops) in reports.iter_mut().zip(counts) {
            let server = Server::start(0, loops, cost, Duration::ZERO)?;
            round.push(load(server.address, connections, time / ROUNDS)?);
            *reports = server.end()?;
        }
        rounds.push(round);
    }
    println!("medians of {ROUNDS} rounds, and what each loop did in the last:");
    for (side, loops) in counts.into_iter().enumerate() {
        let rate = median(rounds.iter().map(|round| round[side].rate));
        let of_cpu = median(rounds.iter().map(|round| round[side].rate_of_cpu));
        let loops = counted(loops as u64, "loop");
        println!("{loops}: {rate:.0} requests a second, {of_cpu:.0} in a second of its CPU time");
        print_reports(&reports[side]);
    }
    let ratio = median(rounds.iter().map(|round| round[1].rate / round[0].rate));
    let of_cpu = rounds
        .iter()
        .map(|round| round[1].rate_of_cpu / round[0].rate_of_cpu);
    let alone = loops as f64 * median(of_cpu);
    let clients = 100.0 * median(rounds.iter().map(|round| round[1].clients));
    let cores = counted(glassloop::cpu_count() as u64, "core");
    println!(
        "ratio: {ratio:.2} on {cores}, with clients that take {clients:.0} % of this CPU time"
    );
    println!("       {alone:.2} with a core for each loop and others for the clients, by CPU time");
    Ok(())
}
