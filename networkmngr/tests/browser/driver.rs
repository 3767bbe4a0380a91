//! A browser, and what a person does with it: opens pages, presses, types, looks. Every look waits, with a generous
//! limit, for what is to be seen.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use fantoccini::{Client, ClientBuilder, Locator, wd::Capabilities};
use hyper_util::client::legacy::connect::HttpConnector;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// Longest that anything may take to be seen.
const LIMIT: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(50);

/// What a browser is to be like.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// As on a classroom's projector.
pub(crate) const WIDE: Look = Look { width: 1440, height: 900 };

/// The program that drives browsers. It and its browsers end when this is dropped.
pub(crate) struct Driver {
    child: Child,
    address: String,
    downloads: tempfile::TempDir,
}

/// One browser with one page.
pub(crate) struct Page {
    client: Client,
}

impl Driver {
    /// Starts it on a port of its own choosing.
    pub(crate) fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        // A group of its own, which its browsers are in as well.
        command.process_group(0);
        let mut child = command.spawn().expect("chromedriver is needed (Debian: chromium-driver)");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let started = lines.find_map(|line| Some(line.split_once("started successfully on port ")?.1.to_owned()));
        let port = started.expect("chromedriver did not start");
        let address = format!("http://127.0.0.1:{}", port.trim_end_matches('.'));
        // What it says later must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address, downloads: tempfile::tempdir().unwrap() }
    }

    /// Where browsers put what is downloaded.
    pub(crate) fn downloads(&self) -> &Path {
        self.downloads.path()
    }

    /// Opens another browser, which shares nothing with the others.
    pub(crate) async fn browser(&self, look: Look) -> Page {
        let size = format!("--window-size={},{}", look.width, look.height);
        let mut chrome = json!({
            "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size],
            "prefs": { "download.default_directory": self.downloads(), "download.prompt_for_download": false },
        });
        if look.width < 500 {
            // A window is never that small; a phone's screen is.
            let metrics = json!({ "width": look.width, "height": look.height, "pixelRatio": 1.0, "touch": true });
            chrome["mobileEmulation"] = json!({ "deviceMetrics": metrics });
        }
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": chrome });
        let Value::Object(wanted) = wanted else { unreachable!("written as an object") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(Capabilities::from(wanted));
        let client = builder.connect(&self.address).await.expect("no browser; chromium is needed");
        Page { client }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Alone it would leave its browsers behind.
        if let Ok(group) = self.child.id().try_into() {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
        }
        let _ = self.child.wait();
    }
}

impl Page {
    /// Goes to a page.
    pub(crate) async fn open(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Goes to a page in dark or light colours, as its own switch sets them.
    pub(crate) async fn open_in(&self, url: &str, dark: bool) {
        self.open(url).await;
        let theme = if dark { "dark" } else { "light" };
        self.value(&format!("localStorage.setItem('theme', {theme:?})")).await;
        self.reload().await;
    }

    /// Loads the page anew.
    pub(crate) async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// What an expression of JavaScript gives on this page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let script = format!("return ({expression});");
        self.client.execute(&script, Vec::new()).await.unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&self, expression: &str) {
        let end = Instant::now() + LIMIT;
        while self.value(&format!("Boolean({expression})")).await != true {
            if Instant::now() > end {
                let text = self.value("document.body.innerText.slice(0, 3000)").await;
                panic!("not seen: {expression}\nbut: {}", text.as_str().unwrap_or_default());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until an element's text has these words.
    pub(crate) async fn reads(&self, css: &str, words: &str) {
        self.until(&format!("document.querySelector({css:?})?.textContent.includes({words:?})")).await;
    }

    /// An element's text, once it is there.
    pub(crate) async fn text(&self, css: &str) -> String {
        self.until(&format!("document.querySelector({css:?})")).await;
        let text = self.value(&format!("document.querySelector({css:?}).textContent")).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Presses what can be pressed, once it can.
    pub(crate) async fn press(&self, css: &str) {
        self.until(&format!(
            "((found) => found && !found.disabled && found.checkVisibility())(document.querySelector({css:?}))"
        ))
        .await;
        // In the middle, where nothing fixed at an edge lies over it.
        self.value(&format!("document.querySelector({css:?}).scrollIntoView({{ block: 'center' }})")).await;
        let found = self.client.find(Locator::Css(css)).await.unwrap();
        found.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Types into a field, in the place of what it has.
    pub(crate) async fn fill(&self, css: &str, words: &str) {
        self.until(&format!("document.querySelector({css:?})?.checkVisibility()")).await;
        let found = self.client.find(Locator::Css(css)).await.unwrap();
        found.clear().await.unwrap();
        found.send_keys(words).await.unwrap();
    }

    /// Gives a file to a field for files, seen or not.
    pub(crate) async fn give_file(&self, css: &str, path: &Path) {
        self.until(&format!("document.querySelector({css:?})")).await;
        let found = self.client.find(Locator::Css(css)).await.unwrap();
        found.send_keys(path.to_str().unwrap()).await.unwrap();
    }

    /// Sets a slider or a choice, and tells the page.
    pub(crate) async fn set(&self, css: &str, value: &str) {
        self.until(&format!("document.querySelector({css:?})")).await;
        self.value(&format!(
            "((it) => {{ it.value = {value:?}; for (const told of ['input', 'change']) \
             it.dispatchEvent(new Event(told, {{ bubbles: true }})); }})(document.querySelector({css:?}))"
        ))
        .await;
    }

    /// That nothing sticks out to the side.
    pub(crate) async fn fits(&self) {
        let wide = self.value("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert!(wide.as_i64().unwrap() <= 0, "{wide} pixels too wide at {:?}", self.client.current_url().await);
    }

    /// Keeps a picture of what is seen, if pictures are wanted.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("SCREENSHOTS").map(PathBuf::from) else { return };
        std::fs::create_dir_all(&folder).unwrap();
        let picture = self.client.screenshot().await.unwrap();
        std::fs::write(folder.join(name).with_extension("png"), picture).unwrap();
    }

    /// Ends the browser.
    pub(crate) async fn close(self) {
        self.client.close().await.unwrap();
    }
}

/// Waits for a file that is being downloaded, by the end of its name.
pub(crate) async fn downloaded(folder: &Path, ending: &str) -> PathBuf {
    let end = Instant::now() + LIMIT;
    loop {
        let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        if let Some(path) = files.into_iter().find(|path| path.to_str().is_some_and(|path| path.ends_with(ending))) {
            return path;
        }
        assert!(Instant::now() < end, "nothing that ends with {ending} was downloaded");
        tokio::time::sleep(PAUSE).await;
    }
}
