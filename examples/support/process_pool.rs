//! Python's `multiprocessing.Pool(workers).map(f, range(count), chunksize)`, with real child processes.
//!
//! The parent starts its own program again with `--pool-worker CONTEXT` and writes chunks to each child's stdin,
//! a line `START COUNT` for each. The child writes an answer for each item to its stdout: the mark byte, the item,
//! `ok` or `error`, the length of the text, a newline, the text. All else that a child prints goes to the parent's stdout.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::ops::Range;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio, exit};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use glassloop::trace;

const WORKER: &str = "--pool-worker";
/// Begins an answer; no ordinary print contains it.
const MARK: char = '\u{1}';

/// Call this first in `main`. In a worker process it never returns: it answers items with `f(context, item)`.
pub fn worker_main_if_asked(f: impl Fn(&str, usize) -> Result<String, String>) {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() != Some(WORKER) {
        return;
    }
    let context = words.next().unwrap_or_default();
    for item in read_chunks().into_iter().flatten() {
        let (word, text) = match f(&context, item) {
            Ok(text) => ("ok", text),
            Err(text) => ("error", text),
        };
        let mut stdout = io::stdout().lock();
        let sent = write!(stdout, "{MARK}{item} {word} {}\n{text}", text.len());
        if sent.and_then(|()| stdout.flush()).is_err() {
            break;
        }
    }
    exit(0)
}

/// The chunks as they come. A thread reads them, so that the end of stdin (the pool was dropped, or the parent died)
/// ends this process at once, in the middle of an item too.
fn read_chunks() -> Receiver<Range<usize>> {
    let (sender, chunks) = channel();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            let numbers: Vec<usize> = line.split(' ').flat_map(str::parse).collect();
            if let [start, count] = numbers[..] {
                let _ = sender.send(start..start + count);
            }
        }
        exit(0)
    });
    chunks
}

/// Worker processes, waiting for a [`map`](Pool::map). Dropping the pool ends them.
pub struct Pool {
    workers: Vec<Worker>,
    events: Receiver<(usize, Event)>,
    chunks: usize,
}

struct Worker {
    child: Child,
    /// `None`: told to end.
    stdin: Option<ChildStdin>,
    /// What is still to be answered of its chunk.
    owed: Range<usize>,
    /// Its line in a recording.
    line: trace::Process,
}

enum Event {
    Answer(usize, Result<String, String>),
    Printed(Vec<u8>),
    Ended,
}

impl Pool {
    /// Starts `workers` processes; `context` is handed to each. An error says which one could not be started.
    #[track_caller]
    pub fn new(workers: usize, context: &str) -> Result<Pool, String> {
        if std::env::args().nth(1).as_deref() == Some(WORKER) {
            // Else every worker would start workers.
            return Err(
                "a pool worker cannot have a pool: call worker_main_if_asked first in main".into(),
            );
        }
        if workers == 0 {
            return Err("a pool of 0 workers would never finish: take 1 or more".into());
        }
        let (sender, events) = channel();
        let mut pool = Pool {
            workers: Vec::new(),
            events,
            chunks: 0,
        };
        for number in 0..workers {
            let worker = Worker::start(context, number, sender.clone());
            let error = |error| format!("cannot start worker {} of {workers}: {error}", number + 1);
            pool.workers.push(worker.map_err(error)?);
        }
        Ok(pool)
    }

    /// Has the items `0..count` worked on, a chunk at a time, by whichever worker is free.
    ///
    /// `on_result(item, result)` is called here as the answers come in. `chunksize` is [`default_chunksize`] if `None`.
    /// A worker that dies is an error, the first one ends the map, and the pool is of no more use;
    /// the answers that came before it have been handed over.
    pub fn map(
        &mut self,
        count: usize,
        chunksize: Option<usize>,
        mut on_result: impl FnMut(usize, Result<String, String>),
    ) -> Result<(), String> {
        let chunksize = chunksize.unwrap_or_else(|| default_chunksize(count, self.workers.len()));
        if count > 0 && chunksize == 0 {
            return Err("a chunk of 0 items would never finish: take 1 or more".into());
        }
        let mut next = 0;
        for number in 0..self.workers.len() {
            self.hand_out(number, &mut next, chunksize, count)?;
        }
        while self.workers.iter().any(|worker| !worker.owed.is_empty()) {
            let (number, event) = self
                .events
                .recv()
                .map_err(|_| "the pool's workers have ended")?;
            match event {
                Event::Answer(item, result) => {
                    let worker = &mut self.workers[number];
                    worker.owed.start = item + 1;
                    if worker.owed.is_empty() {
                        worker.line.chunk_end();
                    }
                    on_result(item, result);
                    self.hand_out(number, &mut next, chunksize, count)?;
                }
                Event::Printed(bytes) => {
                    // A closed stdout is not the workers' trouble.
                    let _ = io::stdout()
                        .write_all(&bytes)
                        .and_then(|()| io::stdout().flush());
                }
                Event::Ended => return Err(self.obituary(number)),
            }
        }
        Ok(())
    }

    /// Gives the worker the next chunk, if it is free and there is one.
    fn hand_out(
        &mut self,
        number: usize,
        next: &mut usize,
        chunksize: usize,
        count: usize,
    ) -> Result<(), String> {
        let worker = &mut self.workers[number];
        let chunk = *next..next.saturating_add(chunksize).min(count);
        if !worker.owed.is_empty() || chunk.is_empty() {
            return Ok(());
        }
        *next = chunk.end;
        self.chunks += 1;
        worker
            .line
            .chunk_begin(self.chunks, chunk.start, chunk.len());
        worker.owed = chunk.clone();
        let line = format!("{} {}\n", chunk.start, chunk.len());
        let sent = worker
            .stdin
            .as_mut()
            .map(|stdin| stdin.write_all(line.as_bytes()));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(self.obituary(number)),
        }
    }

    /// Says how a worker ended, and what it still owed.
    fn obituary(&mut self, number: usize) -> String {
        let Worker {
            child, stdin, owed, ..
        } = &mut self.workers[number];
        *stdin = None;
        let how = child
            .wait()
            .map_or_else(|error| error.to_string(), |status| status.to_string());
        let (number, id) = (number + 1, child.id());
        format!("worker {number} (process {id}) died: {how}; its items {owed:?} were not done")
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.stdin = None;
        }
        for worker in &mut self.workers {
            // It ends since its stdin has; an error would mean that it was waited for before.
            let _ = worker.child.wait();
            worker.line.end();
        }
    }
}

impl Worker {
    #[track_caller]
    fn start(context: &str, number: usize, events: Sender<(usize, Event)>) -> io::Result<Worker> {
        let mut child = Command::new(std::env::current_exe()?)
            .args([WORKER, context])
            // The parent records for all.
            .env_remove("GLASSLOOP_TRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let line = trace::process(child.id(), number + 1);
        let stdin = child.stdin.take();
        let stdout = child.stdout.take();
        let worker = Worker {
            child,
            stdin,
            owed: 0..0,
            line,
        };
        let reader = thread::Builder::new().name(format!("pool reader {number}"));
        reader.spawn(move || {
            // A pool that was dropped takes no more events.
            if let Some(stdout) = stdout {
                let _ = forward(&mut BufReader::new(stdout), |event| {
                    let _ = events.send((number, event));
                });
            }
            let _ = events.send((number, Event::Ended));
        })?;
        Ok(worker)
    }
}

/// Turns what a worker writes into events, until it ends or writes what no worker of ours would.
fn forward(from: &mut BufReader<ChildStdout>, send: impl Fn(Event)) -> io::Result<()> {
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let Some(mark) = line.iter().position(|byte| *byte == MARK as u8) else {
            send(Event::Printed(line));
            continue;
        };
        if mark > 0 {
            send(Event::Printed(line[..mark].to_vec()));
        }
        let answer = String::from_utf8_lossy(&line[mark + 1..]);
        let words: Vec<&str> = answer.split_whitespace().collect();
        let [item, word, length] = words[..] else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let number = |word: &str| word.parse().map_err(io::Error::other);
        let mut text = vec![0; number(length)?];
        from.read_exact(&mut text)?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let result = if word == "ok" { Ok(text) } else { Err(text) };
        send(Event::Answer(number(item)?, result));
    }
}

/// Python's rule: four chunks for each worker, rounded up so that none is left over.
pub fn default_chunksize(count: usize, workers: usize) -> usize {
    count.div_ceil(workers.saturating_mul(4).max(1))
}
