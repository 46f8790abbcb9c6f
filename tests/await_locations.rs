//! Every operation that a task can await knows the line of its `.await`.

use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use glassloop::http::{Body, ClientSession, Resolve, TcpConnector};
use glassloop::net::*;
use glassloop::sync::*;
use glassloop::*;

const HOUR: Duration = Duration::from_secs(3600);

/// Runs `waits` for one step, and looks where it says that it stands and whether it says what for.
async fn check<T: 'static>(what: &str, line: u32, waits: impl Future<Output = T> + 'static) {
    let task = create_task(waits);
    yield_now().await;
    let graph = wait_graph();
    let number = task.as_any().number();
    let node = graph.nodes.iter().find(|node| node.number == number);
    let node = node.unwrap_or_else(|| panic!("{what}: it does not wait"));
    let site = node
        .site
        .unwrap_or_else(|| panic!("{what}: without a line"));
    assert_eq!((site.file(), site.line()), (file!(), line), "{what}");
    assert!(node.waits_for.is_some(), "{what}: without a reason");
    task.cancel();
    let _ = task.await;
}

/// An hour of nothing.
fn hour() -> Task<()> {
    create_task(async { sleep(HOUR).await })
}

#[test]
#[rustfmt::skip] // each await stands on the line of its check
fn of_tasks_and_combinators() {
    run(async {
        check("sleep", line!(), async { sleep(HOUR).await }).await;
        check("yield_now", line!(), async { yield_now().await; yield_now().await }).await;
        let mut ticks = interval(HOUR);
        ticks.tick().await;
        check("interval", line!(), async move { ticks.tick().await }).await;
        let task = hour();
        check("task", line!(), async move { task.await }).await;
        let task = hour();
        check("&task", line!(), async move { (&task).await }).await;
        check("promise", line!(), async { Promise::<()>::new().await }).await;
        check("gather", line!(), async { gather([hour(), hour()]).await }).await;
        check("return_exceptions", line!(), async { gather([hour()]).return_exceptions().await }).await;
        check("try_gather", line!(), async { try_gather([async { sleep(HOUR).await; Ok::<(), ()>(()) }]).await }).await;
        check("wait", line!(), async { wait([hour()]).timeout(HOUR).await }).await;
        check("wait_for", line!(), async { wait_for(hour(), HOUR).await }).await;
        check("wait_for of a zero", line!(), async { wait_for(create_task(catch_cancel(sleep(HOUR))), Duration::ZERO).await }).await;
        check("timeout", line!(), async { timeout(HOUR, hour()).await }).await;
        check("timeout_at", line!(), async { timeout_at(HOUR, hour()).await }).await;
        check("Timeout::run", line!(), async { Timeout::new(HOUR).run(hour()).await }).await;
        check("catch_cancel", line!(), async { catch_cancel(hour()).await }).await;
        check("as_completed", line!(), async { as_completed([hour()]).next().await }).await;
        check("shield", line!(), async { shield(hour()).await }).await;
        let child = async || { sleep(HOUR).await; Ok::<(), ()>(()) };
        check("TaskGroup::run", line!(), async move { let group = TaskGroup::new(); group.run(async { group.create_task(child()).unwrap(); Ok(()) }).await }).await;
        check("to_thread", line!(), async { to_thread(|| std::thread::sleep(Duration::from_millis(20))).await }).await;
        let event_loop = get_running_loop().unwrap();
        check("run_in_executor", line!(), async move { event_loop.run_in_executor(|| std::thread::sleep(Duration::from_millis(20))).unwrap().await }).await;
    })
    .unwrap();
}

#[test]
#[rustfmt::skip]
fn of_synchronisation() {
    run(async {
        let lock = Lock::new();
        let guard = lock.acquire().await;
        check("Lock", line!(), async move { lock.acquire().await }).await;
        drop(guard);
        check("Event", line!(), async { Event::new().wait().await }).await;
        check("Semaphore", line!(), async { Semaphore::new(0).acquire().await }).await;
        check("BoundedSemaphore", line!(), async { BoundedSemaphore::new(0).acquire().await }).await;
        let condition = Condition::new();
        let held = condition.clone();
        check("Condition.wait", line!(), async move { let _guard = held.acquire().await; held.wait().await }).await;
        let held = condition.clone();
        check("Condition.wait_for", line!(), async move { let _guard = held.acquire().await; held.wait_for(|| false).await }).await;
        let guard = condition.acquire().await;
        check("Condition.acquire", line!(), async move { condition.acquire().await }).await;
        drop(guard);
        check("Barrier", line!(), async { Barrier::new(2).wait().await }).await;
        check("Queue.get", line!(), async { Queue::<u8>::new(1).get().await }).await;
        let full = Queue::new(1);
        full.put_nowait(1).unwrap();
        let put = full.clone();
        check("Queue.put", line!(), async move { put.put(2).await }).await;
        check("Queue.join", line!(), async move { full.join().await }).await;
        check("PriorityQueue.get", line!(), async { PriorityQueue::<u8, ()>::new(1).get().await }).await;
        check("LifoQueue.get", line!(), async { LifoQueue::<u8>::new(1).get().await }).await;
    })
    .unwrap();
}

#[test]
#[rustfmt::skip]
fn of_sockets_and_streams() {
    run(async {
        let listener = Rc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap().to_string();
        let accepts = listener.clone();
        check("TcpListener.accept", line!(), async move { accepts.accept().await }).await;
        check("TcpStream::connect", line!(), async { TcpStream::connect("localhost:1").await }).await;
        check("open_connection", line!(), async { open_connection("localhost:1").await }).await;
        let connect = async || TcpStream::connect(&address).await.unwrap();
        let (mut one, mut other) = (connect().await, connect().await);
        check("TcpStream.read", line!(), async move { one.read(&mut [0; 9]).await }).await;
        check("TcpStream.read_exact", line!(), async move { other.read_exact(&mut [0; 9]).await }).await;
        let (mut one, mut other) = (connect().await, connect().await);
        check("TcpStream.write_all", line!(), async move { one.write_all(&vec![0; 1 << 24]).await }).await;
        check("TcpStream.write", line!(), async move { while other.write(&[0; 1 << 16]).await.is_ok() {} }).await;
        let (mut reads, writes) = connect().await.split();
        check("ReadHalf.read", line!(), async move { reads.read(&mut [0; 9]).await }).await;
        drop(writes);
        let (reads, mut writes) = connect().await.split();
        check("WriteHalf.write_all", line!(), async move { writes.write_all(&vec![0; 1 << 24]).await }).await;
        drop(reads);
        let (mut reads, writes) = connect().await.split();
        check("ReadHalf.read_exact", line!(), async move { reads.read_exact(&mut [0; 9]).await }).await;
        drop(writes);
        let (reads, mut writes) = connect().await.split();
        check("WriteHalf.write", line!(), async move { while writes.write(&[0; 1 << 16]).await.is_ok() {} }).await;
        drop(reads);

        let server = Rc::new(start_server("127.0.0.1:0", async |_reader, _writer| pending().await).unwrap());
        let address = server.local_addr().unwrap().to_string();
        let open = async || open_connection(&address).await.unwrap();
        let (mut reader, _writer) = open().await;
        check("StreamReader.read", line!(), async move { reader.read(9).await }).await;
        let (mut reader, _writer) = open().await;
        check("StreamReader.readline", line!(), async move { reader.readline().await }).await;
        let (mut reader, _writer) = open().await;
        check("StreamReader.readuntil", line!(), async move { reader.readuntil(b"x").await }).await;
        let (mut reader, _writer) = open().await;
        check("StreamReader.readexactly", line!(), async move { reader.readexactly(9).await }).await;
        let (mut reader, _writer) = open().await;
        check("StreamReader.read_to_end", line!(), async move { reader.read_to_end().await }).await;
        let (_reader, mut writer) = open().await;
        writer.write(&vec![0; 1 << 24]).unwrap();
        check("StreamWriter.drain", line!(), async move { writer.drain().await }).await;
        let (_reader, mut writer) = open().await;
        check("StreamWriter.wait_closed", line!(), async move { writer.wait_closed().await }).await;
        let waits = server.clone();
        check("Server.wait_closed", line!(), async move { waits.wait_closed().await }).await;
        check("Server.serve_forever", line!(), async move { server.serve_forever().await }).await;

        let udp = || UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (one, other) = (udp(), udp());
        check("UdpSocket.recv_from", line!(), async move { one.recv_from(&mut [0; 9]).await }).await;
        check("UdpSocket.recv", line!(), async move { other.recv(&mut [0; 9]).await }).await;
    })
    .unwrap();
}

#[cfg(unix)]
#[test]
#[rustfmt::skip]
fn of_unix_sockets() {
    run(async {
        let (mut one, _other) = UnixStream::pair().unwrap();
        check("UnixStream.read", line!(), async move { one.read(&mut [0; 9]).await }).await;
        let (mut one, _other) = UnixStream::pair().unwrap();
        check("UnixStream.write", line!(), async move { while one.write(&[0; 1 << 16]).await.is_ok() {} }).await;
        let (mut one, _other) = UnixStream::pair().unwrap();
        check("UnixStream.read_exact", line!(), async move { one.read_exact(&mut [0; 9]).await }).await;
        let (mut one, _other) = UnixStream::pair().unwrap();
        check("UnixStream.write_all", line!(), async move { one.write_all(&vec![0; 1 << 24]).await }).await;
        let (one, other) = UnixDatagram::pair().unwrap();
        check("UnixDatagram.recv_from", line!(), async move { one.recv_from(&mut [0; 9]).await }).await;
        check("UnixDatagram.recv", line!(), async move { other.recv(&mut [0; 9]).await }).await;
        let path = std::env::temp_dir().join(format!("glassloop-locations-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        check("UnixListener.accept", line!(), async move { listener.accept().await }).await;
    })
    .unwrap();
}

/// A server that answers each connection with these bytes and then says nothing more.
fn answers(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    create_task(async move {
        let mut open = Vec::new();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(bytes).await.unwrap();
            open.push(stream);
        }
    });
    format!("http://{address}/")
}

#[test]
#[rustfmt::skip]
fn of_the_http_client() {
    run(async {
        let session = ClientSession::new();
        let silent = answers(b"");
        let half = answers(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHello!");
        let get = session.get(&silent);
        check("RequestBuilder", line!(), async move { get.await }).await;
        let send = session.get(&silent);
        check("RequestBuilder.send", line!(), async move { send.send().await }).await;
        let execute = session.clone();
        let request = ::http::Request::get(&silent).body(Body::empty()).unwrap();
        check("ClientSession.execute", line!(), async move { execute.execute(request).await }).await;
        let mut response = session.get(&half).await.unwrap();
        response.chunk().await.unwrap();
        check("Response.chunk", line!(), async move { response.chunk().await }).await;
        let response = session.get(&half).await.unwrap();
        check("Response.bytes", line!(), async move { response.bytes().await }).await;
        let response = session.get(&half).await.unwrap();
        check("Response.text", line!(), async move { response.text().await }).await;
        let mut response = session.get(&half).await.unwrap();
        let mut to = TcpStream::connect(silent.trim_start_matches("http://").trim_end_matches('/')).await.unwrap();
        check("Response.copy_to", line!(), async move { response.copy_to(&mut to).await }).await;
        let narrow = ClientSession::builder().limit(1).build().unwrap();
        let _first = narrow.get(&half).await.unwrap();
        struct Never;
        impl Resolve for Never {
            fn resolve(&self, _: &str) -> std::pin::Pin<Box<dyn Future<Output = std::io::Result<Vec<std::net::IpAddr>>>>> { Box::pin(pending()) }
        }
        let lost = ClientSession::builder().connector(TcpConnector::builder().resolver(Rc::new(Never))).build().unwrap();
        check("a lookup", line!(), async move { lost.get("http://example.com/").await }).await;
        check("the pool's turn", line!(), async move { narrow.get(&half).await }).await;
    })
    .unwrap();
}
