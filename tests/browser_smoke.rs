//! The harness's own browser against a tiny site: does it do what its methods say?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use harness::browser::{Browser, BrowserOptions, Key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn a_form_is_filled_sent_and_answered() {
    let site = site().await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&format!("http://app.acme.test:{}/form", site.port())).await;
    assert_eq!(browser.title().await, "A form");
    assert_eq!(browser.attribute("input", "autocomplete").await.as_deref(), Some("username"));
    browser.fill("input[name=name]", "nobody").await;
    browser.fill("input[name=name]", "ana").await;
    browser.submit().await;
    assert_eq!(browser.wait_for("#answer").await, "GET /answer?name=ana from 127.0.0.1");
    assert_eq!(browser.url().await, format!("http://app.acme.test:{}/answer?name=ana", site.port()));
    let cookies = browser.cookies().await;
    assert_eq!(cookies.len(), 1);
    assert_eq!((cookies[0].name.as_str(), cookies[0].http_only), ("seen", Some(true)));
    browser.goto(&format!("http://app.acme.test:{}/form", site.port())).await;
    browser.press(Key::Tab).await;
    browser.click("button").await;
    assert_eq!(browser.wait_for("#answer").await, "GET /answer?name= from 127.0.0.1");
    assert_eq!(browser.console_errors().await, [""; 0]);
}

#[tokio::test]
async fn faults_are_found_under_a_strict_policy() {
    let site = site().await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&format!("http://{site}/form")).await;
    assert_eq!(browser.axe().await, []);
    assert_eq!(browser.console_errors().await, [""; 0], "running axe leaves no trace");
    browser.goto(&format!("http://{site}/faulty")).await;
    let rules: Vec<String> = browser.axe().await.into_iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, ["html-has-lang", "label"]);
    let errors = browser.console_errors().await;
    assert_eq!(errors.len(), 1, "the script that the policy blocks, and not the page's own 403: {errors:?}");
    assert!(errors[0].contains("Content Security Policy"), "{errors:?}");
}

#[tokio::test]
async fn a_dark_telephone_sees_the_dark_narrow_page_and_its_picture_is_whole() {
    let site = site().await;
    let options = BrowserOptions { dark: true, width: 360, height: 640, language: "ja", ..BrowserOptions::default() };
    let browser = Browser::start(options).await;
    browser.goto(&format!("http://{site}/form")).await;
    let text = browser.text().await;
    assert!(text.contains("dark") && !text.contains("light"), "{text}");
    assert!(text.contains("360 pixels"), "{text}");
    assert!(text.contains("Accept-Language: ja"), "{text}");
    let folder = tempfile::tempdir().expect("the temporary folder is writable");
    let picture = folder.path().join("form.png");
    browser.screenshot(&picture).await;
    let png = std::fs::read(&picture).expect("it was just written");
    let [width, height] = [16, 20].map(|at| u32::from_be_bytes(png[at..at + 4].try_into().expect("four bytes")));
    assert_eq!(width, 360);
    assert!(height > 1000, "the page is longer than the window: {height}");
}

#[tokio::test]
async fn without_scripts_pages_show_what_they_keep_for_that_and_forms_work() {
    let site = site().await;
    let browser = Browser::start(BrowserOptions { javascript: false, ..BrowserOptions::default() }).await;
    browser.goto(&format!("http://{site}/form")).await;
    let text = browser.text().await;
    assert!(text.contains("no scripts here"), "{text}");
    browser.fill("input[name=name]", "bo").await;
    browser.click("button").await;
    assert!(browser.wait_for("#answer").await.contains("name=bo"));
}

#[tokio::test]
async fn the_browser_comes_from_where_the_test_says_and_moves() {
    let site = site().await;
    let office = IpAddr::V4(Ipv4Addr::new(127, 0, 8, 9));
    let browser = Browser::start(BrowserOptions { from: office, ..BrowserOptions::default() }).await;
    browser.goto(&format!("http://localhost:{}/answer", site.port())).await;
    assert_eq!(browser.wait_for("#answer").await, "GET /answer from 127.0.8.9");
    browser.move_to(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77)));
    browser.goto(&format!("http://127.0.0.1:{}/answer", site.port())).await;
    assert_eq!(browser.wait_for("#answer").await, "GET /answer from 127.0.0.77");
}

#[tokio::test]
async fn a_dropped_browser_leaves_neither_process_nor_folder() {
    let site = site().await;
    let browser = Browser::start(BrowserOptions::default()).await;
    browser.goto(&format!("http://{site}/form")).await;
    let chrome = browser.session().capabilities().get("chrome").expect("chromedriver tells about its browser");
    let profile = PathBuf::from(chrome["userDataDir"].as_str().expect("it names the profile"));
    let folder = profile.parent().expect("the profile lies in the browser's folder").to_owned();
    assert!(!processes_naming(&profile).is_empty() && folder.is_dir());
    drop(browser);
    // All were hit by the same signal, and on a busy machine some take a moment to fall.
    let fallen = tokio::time::timeout(Duration::from_secs(10), async {
        while !processes_naming(&profile).is_empty() {
            tokio::task::yield_now().await;
        }
    });
    assert!(fallen.await.is_ok(), "{:?}", processes_naming(&profile));
    assert!(!folder.exists());
}

/// The command lines of the live processes that name `path`. A killed process has an empty one.
fn processes_naming(path: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").expect("Linux has it").flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&*path.to_string_lossy())).collect()
}

/// Serves `/form`, `/faulty` (403) and `/answer` until the test ends.
async fn site() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("the system has a free port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        while let Ok((browser, peer)) = listener.accept().await {
            tokio::spawn(answer(browser, peer.ip()));
        }
    });
    address
}

async fn answer(mut browser: TcpStream, peer: IpAddr) -> Option<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(browser.read_u8().await.ok()?);
    }
    let request = String::from_utf8(request).ok()?;
    let line = request.lines().next()?.trim_end_matches(" HTTP/1.1");
    let languages = request.lines().find(|line| line.starts_with("Accept-Language"))?;
    let (status, kind, body) = match line {
        "GET /form" => (200, "text/html", FORM.replace("{languages}", languages)),
        "GET /faulty" => (403, "text/html", FAULTY.to_owned()),
        "GET /style.css" => (200, "text/css", STYLE.to_owned()),
        "GET /favicon.ico" => (200, "image/x-icon", String::new()),
        line => (200, "text/html", ANSWER.replace("{answer}", &format!("{line} from {peer}"))),
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} As Asked\r\ncontent-type: {kind}; charset=utf-8\r\ncontent-length: {length}\r\n\
         set-cookie: seen=1; HttpOnly\r\nconnection: close\r\ncontent-security-policy: {POLICY}\r\n\r\n{body}"
    );
    browser.write_all(answer.as_bytes()).await.ok()
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; frame-ancestors 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

const STYLE: &str = "body { height: 1200px } .dark, .narrow { display: none } \
    @media (prefers-color-scheme: dark) { .dark { display: block } .light { display: none } } \
    @media (width: 360px) { .narrow { display: block } }";

const FORM: &str = r#"<!doctype html><html lang="en"><head><title>A form</title><link rel="stylesheet" href="/style.css">
    <meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main><h1>A form</h1>
    <p class="dark">dark</p><p class="light">light</p><p class="narrow">360 pixels</p><p>{languages}</p>
    <noscript>no scripts here</noscript>
    <form action="/answer"><label>Name <input name="name" autocomplete="username"></label> <button>Continue</button></form>
    </main></body></html>"#;

const FAULTY: &str = r#"<!doctype html><html><head><title>Faulty</title></head><body><main>
    <h1>Faulty</h1><input name="nameless"><script>document.title = "ran"</script></main></body></html>"#;

const ANSWER: &str = r#"<!doctype html><html lang="en"><head><title>Answer</title></head>
    <body><main><p id="answer">{answer}</p></main></body></html>"#;
