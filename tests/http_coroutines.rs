//! A request that has not been sent is a coroutine: whatever takes one takes it as it is.

mod http_peer;

use std::time::Duration;

use glassloop::http::ClientSession;
use glassloop::{
    create_task, gather, run, shield, sleep, timeout, try_gather, wait_for, wait_graph,
};
use http_peer::serve_all;

#[test]
fn whatever_takes_a_coroutine_takes_a_request() {
    let (url, _) = serve_all(|_, peer| peer.answer_all("ok"));
    let to = url.clone();
    run(async move {
        let session = ClientSession::new();
        let get = || session.get(&to);
        let limit = Duration::from_secs(10);
        let mut responses = vec![
            timeout(limit, get()).await.unwrap().unwrap(),
            wait_for(get(), limit).await.unwrap().unwrap(),
            create_task(get()).await.unwrap().unwrap(),
            shield(get()).await.unwrap().unwrap(),
        ];
        let both = gather([get(), get()]).await.unwrap();
        responses.extend(both.map(Result::unwrap));
        responses.extend(<[_; 2]>::from(try_gather((get(), get())).await.unwrap()));
        for response in responses {
            assert_eq!(response.text().await.unwrap(), "ok");
        }
        assert!(wait_for(get(), Duration::ZERO).await.is_err());
    })
    .unwrap();
    let response = run(ClientSession::new().get(url)).unwrap().unwrap();
    assert_eq!(response.status(), 200);
}

#[test]
fn a_task_that_is_a_request_shows_its_name_and_its_line() {
    let (url, _) = serve_all(|_, _| std::thread::sleep(Duration::from_secs(30)));
    run(async move {
        let session = ClientSession::new();
        let lines = [line!() + 2, line!() + 3, line!() + 4];
        let get = || session.get(&url);
        let task = create_task(get());
        let both = gather([get()]);
        let all = gather((get(), task.clone()));
        sleep(Duration::from_millis(20)).await;
        assert!(format!("{task:?}").contains("coro=<Sending"), "{task:?}");
        let graph = wait_graph();
        let sites = graph.nodes.iter().skip(1).map(|node| node.site.unwrap());
        let seen: Vec<_> = sites.map(|site| (site.file(), site.line())).collect();
        assert_eq!(seen, lines.map(|line| (file!(), line)));
        drop((both, all));
    })
    .unwrap();
}
