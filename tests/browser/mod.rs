//! A headless Chromium, driven over a pipe by its DevTools protocol: just enough of it to use a page as a person would.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard};

use serde_json::{Value, json};

pub mod runs;

const FLAGS: [&str; 11] = [
    "--headless",
    "--no-sandbox", // which does not start as root; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
];

/// A browser with one page. Whatever a page complains of, or asks the network for, is kept in `complaints`.
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    session: Value,
    calls: u64,
    loaded: bool,
    /// What a page may ask for: URLs that begin like this.
    origin: String,
    pub complaints: Vec<String>,
    directory: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Browser {
    /// `None`, with a note, where there is no Chromium; with `CI=true` that is a failure.
    pub fn open() -> Option<Browser> {
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(|e| e.into_inner());
        let directory =
            std::env::temp_dir().join(format!("glassloop-browser-{}", std::process::id()));
        // Descriptors 3 and 4 are the pipe, by the shell since that takes no unsafe code here. A process group of its own,
        // so that all its processes end.
        let child = Command::new("sh")
            .args([
                "-c",
                r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#,
                "chromium",
            ])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", directory.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn();
        let mut child = child.unwrap();
        let mut browser = Browser {
            to: child.stdin.take().unwrap(),
            from: BufReader::new(child.stdout.take().unwrap()),
            child,
            session: Value::Null,
            calls: 0,
            loaded: false,
            origin: "file:".to_owned(),
            complaints: Vec::new(),
            directory,
            _alone: alone,
        };
        let Some(page) = browser.try_call("Target.createTarget", json!({ "url": "about:blank" }))
        else {
            assert!(std::env::var("CI").is_err(), "Chromium does not start");
            println!("skipped: there is no Chromium");
            return None;
        };
        let page = json!({ "targetId": page["targetId"], "flatten": true });
        browser.session = browser.call("Target.attachToTarget", page)["sessionId"].clone();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.try_call(method, parameters)
            .expect("Chromium has gone")
    }

    fn try_call(&mut self, method: &str, parameters: Value) -> Option<Value> {
        self.calls += 1;
        let mut call = json!({ "id": self.calls, "method": method, "params": parameters });
        if !self.session.is_null() {
            call["sessionId"] = self.session.clone();
        }
        self.to.write_all(format!("{call}\0").as_bytes()).ok()?;
        loop {
            let message = self.read()?;
            if message["id"] == self.calls {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return Some(message["result"].clone());
            }
        }
    }

    fn read(&mut self) -> Option<Value> {
        let mut text = Vec::new();
        self.from.read_until(0, &mut text).ok()?;
        let message: Value = serde_json::from_slice(text.strip_suffix(b"\0")?).unwrap();
        let about = &message["params"];
        match message["method"].as_str() {
            Some("Page.loadEventFired") => self.loaded = true,
            Some("Runtime.exceptionThrown") => {
                self.complaints.push(about["exceptionDetails"].to_string())
            }
            Some("Runtime.consoleAPICalled") => self.complaints.push(about["args"].to_string()),
            Some("Log.entryAdded") => self.complaints.push(about["entry"].to_string()),
            Some("Network.requestWillBeSent") => {
                let url = about["request"]["url"].as_str().unwrap_or_default();
                if !url.starts_with(&self.origin) {
                    self.complaints.push(format!("asked for {url}"));
                }
            }
            _ => {}
        }
        Some(message)
    }

    /// Opens a page that consists of this text, at this link (`#...`).
    pub fn visit(&mut self, html: &str, link: &str) {
        let file = self.directory.join("page.html");
        std::fs::write(&file, html).unwrap();
        // A link within the page that is shown would not load it anew.
        self.go("about:blank");
        self.go(&format!("file://{}{link}", file.display()));
    }

    /// Opens a page of a server, which may ask this server for more, and nobody else.
    pub fn visit_server(&mut self, url: &str) {
        let path = url
            .match_indices('/')
            .nth(2)
            .map_or(url.len(), |(at, _)| at + 1);
        self.origin = url[..path].to_owned();
        self.go(url);
    }

    fn go(&mut self, url: &str) {
        self.loaded = false;
        self.call("Page.navigate", json!({ "url": url }));
        while !self.loaded {
            self.read().expect("Chromium has gone");
        }
    }

    /// Waits, for a minute at most, until the expression has this value in the page.
    pub fn await_value(&mut self, expression: &str, expected: Value) {
        for _ in 0..600 {
            if self.eval(expression) == expected {
                return;
            }
            self.eval("new Promise(done => setTimeout(done, 100))");
        }
        assert_eq!(self.eval(expression), expected, "{expression}");
    }

    /// The value of an expression in the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", parameters);
        assert!(
            result["exceptionDetails"].is_null(),
            "{expression}: {}",
            result["exceptionDetails"]
        );
        result["result"]["value"].clone()
    }

    /// The same, as text.
    pub fn text(&mut self, expression: &str) -> String {
        self.eval(expression)
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Presses keys, each named as in `KeyboardEvent.key`; `Shift+` may stand before it.
    pub fn press(&mut self, keys: &[&str]) {
        for key in keys {
            let (key, modifiers) = key.strip_prefix("Shift+").map_or((*key, 0), |key| (key, 8));
            for kind in ["keyDown", "keyUp"] {
                let mut event = json!({ "type": kind, "key": key, "modifiers": modifiers });
                if key == "Tab" {
                    // Without its number it is not acted upon.
                    event["windowsVirtualKeyCode"] = json!(9);
                }
                if key.chars().count() == 1 && kind == "keyDown" {
                    event["text"] = json!(key);
                }
                self.call("Input.dispatchKeyEvent", event);
            }
        }
    }

    /// Clicks into the middle of the first element that the selector finds, as a mouse would.
    pub fn click(&mut self, selector: &str) {
        let middle = self.eval(&format!(
            "(() => {{ const at = document.querySelector({selector:?}); at.scrollIntoView({{ block: 'center' }}); \
             const box = at.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({ "type": kind, "x": middle[0], "y": middle[1], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// A window of this size, in light or dark.
    pub fn window(&mut self, width: u32, height: u32, scheme: &str) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", scheme);
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self
            .to
            .write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(Path::new(&self.directory));
    }
}
