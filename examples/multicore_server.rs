//! Beyond the chapter: more than one core. A loop belongs to one thread, so a server that wants two cores runs two loops.
//! Run: cargo run --release --example multicore_server, then `curl http://127.0.0.1:5000`; Ctrl-C ends it. With --measure 3 it
//!   measures itself: one loop against all of them.
//! Predict: two loops share nothing. Who decides which of them gets a connection?
//! Expect: the kernel, by SO_REUSEPORT: each loop listens on the same port with a socket of its own, and gets about its share.
//! Look: Ctrl-C: nothing new is accepted, requests that are worked on are answered, connections that only wait are closed.
//! Change: --delay 5, a request, and Ctrl-C meanwhile; --work 0 --measure 3: what is left to share without work?

mod support;

#[cfg(not(unix))]
fn main() {
    support::args::fail("SO_REUSEPORT is only on Unix");
}

#[cfg(unix)]
fn main() {
    server::main();
}

#[cfg(unix)]
mod server {
    use std::cell::{Cell, RefCell};
    use std::collections::HashMap;
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
    use std::rc::Rc;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
    use std::sync::mpsc;
    use std::thread::{self, JoinHandle};
    use std::time::{Duration, Instant};

    use glassloop::net::{TcpListener, TcpStream};
    use glassloop::{
        EventLoop, LoopError, LoopHandle, RemoteTask, Task, catch_cancel, create_task, gather,
        get_running_loop, sleep, wait,
    };
    use socket2::{Domain, Socket, Type};

    use crate::support::args::{self, Args};

    const SIGINT: i32 = 2;
    const SIGTERM: i32 = 15;

    /// How long requests may take that are worked on when the server is told to end.
    const GRACE: Duration = Duration::from_secs(10);

    /// What a request costs: time in which others are served, and time in which this core is busy.
    #[derive(Clone, Copy)]
    struct Cost {
        delay: Duration,
        work: Duration,
    }

    /// A listening socket that shares its port with others like it.
    fn listen(port: u16) -> io::Result<StdListener> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_port(true)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
        socket.listen(4096)?;
        Ok(socket.into())
    }

    /// What the connections of one loop share.
    struct Shared {
        cost: Cost,
        served: Cell<u64>,
        ending: Cell<bool>,
        open: RefCell<HashMap<u64, Connection>>,
    }

    struct Connection {
        task: Task<()>,
        /// It has read a request and not answered it yet.
        busy: Rc<Cell<bool>>,
    }

    /// What a loop did in its life.
    struct Report {
        connections: u64,
        requests: u64,
        /// Requests that had not been answered when the grace period was over.
        given_up: usize,
    }

    /// Serves until it is cancelled, then ends what is open: what only waits at once, what is busy when it has answered.
    async fn serve(listener: StdListener, cost: Cost) -> io::Result<Report> {
        let listener = TcpListener::from_std(listener)?;
        let shared = Rc::new(Shared {
            cost,
            served: Cell::new(0),
            ending: Cell::new(false),
            open: RefCell::default(),
        });
        let accepted = Cell::new(0);
        let accepting = catch_cancel(async {
            loop {
                let (stream, _) = match listener.accept().await {
                    Ok(accepted) => accepted,
                    Err(error) => return error,
                };
                let (number, busy) = (accepted.get(), Rc::new(Cell::new(false)));
                accepted.set(number + 1);
                let task = create_task(connection(stream, number, busy.clone(), shared.clone()));
                shared
                    .open
                    .borrow_mut()
                    .insert(number, Connection { task, busy });
            }
        });
        if let Ok(error) = accepting.await {
            return Err(error);
        }
        drop(listener);
        shared.ending.set(true);
        let mut open = Vec::new();
        for connection in shared.open.take().into_values() {
            if !connection.busy.get() {
                connection.task.cancel();
            }
            open.push(connection.task);
        }
        let mut given_up = 0;
        if let Ok((_, late)) = wait(open).timeout(GRACE).await {
            given_up = late.len();
        }
        Ok(Report {
            connections: accepted.get(),
            requests: shared.served.get(),
            given_up,
        })
    }

    async fn connection(stream: TcpStream, number: u64, busy: Rc<Cell<bool>>, shared: Rc<Shared>) {
        // A peer that resets the connection has had what it wanted.
        let _ = answer_all(stream, &busy, &shared).await;
        shared.open.borrow_mut().remove(&number);
    }

    async fn answer_all(
        mut stream: TcpStream,
        busy: &Cell<bool>,
        shared: &Shared,
    ) -> io::Result<()> {
        let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
        stream.set_nodelay(true)?;
        loop {
            busy.set(false);
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut buffer).await? {
                    0 => return Ok(()),
                    n => request.extend_from_slice(&buffer[..n]),
                }
            }
            request.clear();
            busy.set(true);
            if !shared.cost.delay.is_zero() {
                sleep(shared.cost.delay).await;
            }
            let begin = Instant::now();
            while begin.elapsed() < shared.cost.work {
                std::hint::spin_loop();
            }
            let ending = shared.ending.get();
            let keep = if ending { "close" } else { "keep-alive" };
            let answer =
                format!("HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: {keep}\r\n\r\nHello!");
            stream.write_all(answer.as_bytes()).await?;
            shared.served.set(shared.served.get() + 1);
            if ending {
                return Ok(());
            }
        }
    }

    /// A thread with a loop that serves.
    struct Worker {
        serving: RemoteTask<io::Result<Report>>,
        handle: LoopHandle,
        thread: JoinHandle<Result<(), LoopError>>,
    }

    impl Worker {
        fn start(listener: StdListener, cost: Cost) -> Result<Worker, LoopError> {
            let (sender, receiver) = mpsc::channel();
            let thread = thread::spawn(move || {
                let event_loop = EventLoop::new()?;
                // Whoever started this thread waits for it.
                let _ = sender.send(event_loop.handle());
                event_loop.run_forever()?;
                event_loop.close()
            });
            let handle: LoopHandle = receiver.recv().map_err(|_| LoopError::Closed)?;
            let serving = handle.run_coroutine_threadsafe(move || serve(listener, cost))?;
            Ok(Worker {
                serving,
                handle,
                thread,
            })
        }

        fn end(self) -> Result<Report, String> {
            let report = self.serving.result().map_err(|error| error.to_string())?;
            let stopped = self.handle.call_soon_threadsafe(|| {
                if let Ok(running) = get_running_loop() {
                    running.stop();
                }
            });
            stopped.map_err(|error| error.to_string())?;
            let ended = self
                .thread
                .join()
                .map_err(|_| "a loop panicked".to_owned())?;
            ended.map_err(|error| error.to_string())?;
            report.map_err(|error| error.to_string())
        }
    }

    /// Loops that listen on the same port.
    struct Server {
        address: SocketAddr,
        workers: Vec<Worker>,
    }

    impl Server {
        fn start(port: u16, loops: usize, cost: Cost) -> Result<Server, String> {
            let said = |error: io::Error| format!("cannot listen on port {port}: {error}");
            let first = listen(port).map_err(said)?;
            let address = first.local_addr().map_err(said)?;
            let others = (1..loops).map(|_| listen(address.port()));
            let listeners: Vec<_> = std::iter::once(Ok(first)).chain(others).collect();
            let mut workers = Vec::new();
            for listener in listeners {
                let worker = Worker::start(listener.map_err(said)?, cost);
                workers.push(worker.map_err(|error| error.to_string())?);
            }
            Ok(Server { address, workers })
        }

        /// All loops are told first, so that they end side by side.
        fn end(self) -> Result<Vec<Report>, String> {
            for worker in &self.workers {
                worker.serving.cancel().map_err(|error| error.to_string())?;
            }
            self.workers.into_iter().map(Worker::end).collect()
        }
    }

    /// Returns when Ctrl-C is pressed or the process is told to end.
    fn wait_for_signal() -> Result<(), LoopError> {
        let event_loop = EventLoop::new()?;
        for signal in [SIGINT, SIGTERM] {
            event_loop.add_signal_handler(signal, || {
                if let Ok(running) = get_running_loop() {
                    running.stop();
                }
            })?;
        }
        event_loop.run_forever()?;
        event_loop.close()
    }

    /// Asks again and again on `connections` connections for so long; the answers a second.
    fn load(address: SocketAddr, connections: usize, seconds: Duration) -> Result<f64, String> {
        let (stop, answers) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let client = move |stop: Arc<AtomicBool>, answers: Arc<AtomicU64>| async move {
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
                        0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                        n => got += n,
                    }
                }
                answers.fetch_add(1, SeqCst);
            }
            io::Result::Ok(())
        };
        let ended = glassloop::run(async move {
            let clients = (0..connections).map(|_| client(stop.clone(), answers.clone()));
            let clients: Vec<_> = clients.map(create_task).collect();
            // Everybody is connected and served before the clock starts.
            sleep(Duration::from_millis(200)).await;
            let (before, begin) = (answers.load(SeqCst), Instant::now());
            sleep(seconds).await;
            let rate = (answers.load(SeqCst) - before) as f64 / begin.elapsed().as_secs_f64();
            stop.store(true, SeqCst);
            let ended = gather(clients).await.map_err(|error| error.to_string())?;
            let failed = ended.into_iter().find_map(Result::err);
            failed.map_or(Ok(rate), |error| Err(error.to_string()))
        });
        ended.map_err(|error| error.to_string())?
    }

    fn print_reports(reports: &[Report]) {
        for (number, report) in reports.iter().enumerate() {
            let (connections, requests) = (report.connections, report.requests);
            print!("  loop {number}: {connections} connections, {requests} requests");
            match report.given_up {
                0 => println!(),
                given_up => println!(", {given_up} not answered in time"),
            }
        }
    }

    fn measure(
        loops: usize,
        connections: usize,
        cost: Cost,
        seconds: Duration,
    ) -> Result<(), String> {
        let mut rates = Vec::new();
        for loops in [1, loops] {
            let server = Server::start(0, loops, cost)?;
            let rate = load(server.address, connections, seconds)?;
            let name = if loops == 1 { "loop" } else { "loops" };
            println!("{loops} {name}: {rate:.0} requests a second");
            print_reports(&server.end()?);
            rates.push(rate);
        }
        let (ratio, cores) = (rates[1] / rates[0], glassloop::cpu_count());
        println!("ratio: {ratio:.2}, on {cores} cores, of which the clients take their part");
        Ok(())
    }

    fn serve_until_told(port: u16, loops: usize, cost: Cost) -> Result<(), String> {
        let server = Server::start(port, loops, cost)?;
        println!(
            "Serving on http://{} with {loops} loops; Ctrl-C ends it",
            server.address
        );
        wait_for_signal().map_err(|error| error.to_string())?;
        println!("Ending: requests that are worked on are answered first");
        print_reports(&server.end()?);
        Ok(())
    }

    pub fn main() {
        let cores = glassloop::cpu_count().to_string();
        let options = [
            args::number("loops", 1..=1024, &cores, "threads, with a loop each"),
            args::number(
                "port",
                0..=65_535,
                "5000",
                "where to listen; 0 picks a free port",
            ),
            args::delay("0"),
            args::number(
                "work",
                0..=1_000_000,
                "100",
                "µs for which a request keeps its core busy",
            ),
            args::number(
                "connections",
                1..=10_000,
                "64",
                "of the clients that --measure starts",
            ),
            args::seconds(
                "measure",
                "0",
                "measure one loop, then all, for so long each",
            ),
        ];
        let args = Args::read("An HTTP server with one loop per core.", &options);
        let cost = Cost {
            delay: args.seconds("delay"),
            work: Duration::from_micros(args.number("work") as u64),
        };
        let (loops, measured) = (args.number("loops"), args.seconds("measure"));
        let done = match measured.is_zero() {
            true => serve_until_told(args.number("port") as u16, loops, cost),
            false => measure(loops, args.number("connections"), cost, measured),
        };
        done.unwrap_or_else(|error| args::fail(error));
    }
}
