//! A person's browser without a screen: what would they see, and where would they end up?
//!
//! Real requests over real sockets, from a local address of choice: every name under `localhost` leads to 127.0.0.1, as in
//! browsers. Cookies are kept per host, redirects followed, and forms filled in by what stands in the page, hidden fields
//! and all. No styles, no scripts: it sees what a person with the plainest browser can use. The demo's `--smoke` walks
//! through the house with it, and so can tests.

mod forms;
mod jar;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use url::Url;

use crate::clock::Clock;
use jar::Jar;

pub use forms::{Form, unescaped};

/// Somebody with a browser. Cheap to make; each has cookies of their own.
#[derive(Debug)]
pub struct Visitor {
    clock: Clock,
    from: IpAddr,
    leads_to: Option<SocketAddr>,
    redirects: Redirects,
    reads: Reads,
    authorization: Option<HeaderValue>,
    agent: Option<&'static str>,
    languages: Option<&'static str>,
    jar: Jar,
    page: Option<Page>,
}

/// What does the visitor do with a redirect?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Redirects {
    /// Goes there, ten times in a row at most.
    Follow,
    /// Stays and looks at it.
    Show,
}

/// What does the visitor say they read?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reads {
    /// Pages: a browser that navigates.
    Pages,
    /// JSON: a program.
    Json,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it was found, after all redirects.
    pub url: Url,
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its content.
    pub body: Bytes,
}

impl Page {
    /// The content as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What stands between the first `<h1>` and its end, as a person reads it.
    pub fn heading(&self) -> Option<String> {
        let text = self.text();
        let (_, rest) = text.split_once("<h1")?;
        let (inside, _) = rest.split_once('>')?.1.split_once("</h1>")?;
        Some(forms::words(inside))
    }

    /// All that a person can read, without tags, styles and the head.
    pub fn words(&self) -> String {
        forms::words(&self.text())
    }

    /// The content as JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// The one value of a header field; `None` if it is absent, repeated or not text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        if values.next().is_some() { None } else { value.to_str().ok() }
    }
}

/// Why a visit failed. A refusal is no failure: it is a page.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// Not an address one can go to from here.
    #[error("\"{0}\" is no http address")]
    Address(String),
    /// A name that leads nowhere.
    #[error("{0} is not on this machine")]
    Name(String),
    /// The connection, or what came over it.
    #[error("{url}: {problem}")]
    Broken {
        /// Where to.
        url: String,
        /// What happened.
        problem: String,
    },
    /// A circle of redirects.
    #[error("redirected more than ten times, last to {0}")]
    TooManyRedirects(String),
    /// No page yet, or none with such a form.
    #[error("{0} has no form with the fields {1}")]
    NoForm(String, String),
}

impl Visitor {
    /// A visitor from 127.0.0.1 with an empty jar of cookies. The clock tells when cookies run out.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            from: IpAddr::V4(Ipv4Addr::LOCALHOST),
            leads_to: None,
            redirects: Redirects::Follow,
            reads: Reads::Pages,
            authorization: None,
            agent: None,
            languages: None,
            jar: Jar::default(),
            page: None,
        }
    }

    /// Comes from this address of this machine: all of 127.0.0.0/8 will do.
    #[must_use]
    pub fn from(mut self, address: impl Into<IpAddr>) -> Self {
        self.move_to(address);
        self
    }

    /// Takes every name to lead to this socket, as an entry in `/etc/hosts` would.
    #[must_use]
    pub const fn resolving_to(mut self, socket: SocketAddr) -> Self {
        self.leads_to = Some(socket);
        self
    }

    /// Follows redirects or shows them.
    #[must_use]
    pub const fn redirects(mut self, redirects: Redirects) -> Self {
        self.redirects = redirects;
        self
    }

    /// Reads pages or JSON.
    #[must_use]
    pub const fn reading(mut self, reads: Reads) -> Self {
        self.reads = reads;
        self
    }

    /// Shows a bearer token with every request. Errors: it can't stand in a header.
    pub fn with_token(mut self, token: &str) -> Result<Self, VisitError> {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        self.authorization = Some(value.map_err(|_| VisitError::Address("a token of other than ASCII".to_owned()))?);
        Ok(self)
    }

    /// Says that it is this browser.
    #[must_use]
    pub const fn with_agent(mut self, agent: &'static str) -> Self {
        self.agent = Some(agent);
        self
    }

    /// Wants pages in one of these languages, as in `Accept-Language`.
    #[must_use]
    pub const fn speaking(mut self, languages: &'static str) -> Self {
        self.languages = Some(languages);
        self
    }

    /// Walks on to another address of this machine, with the same browser.
    pub fn move_to(&mut self, address: impl Into<IpAddr>) {
        self.from = address.into();
    }

    /// Goes to an address: absolute, or as a link on the present page. Errors: [`VisitError`]; never a status.
    pub async fn get(&mut self, address: &str) -> Result<&Page, VisitError> {
        let url = self.resolve(address)?;
        self.visit(Method::GET, url, None).await
    }

    /// Sends a form's fields to an address.
    pub async fn post_form(&mut self, address: &str, fields: &[(&str, &str)]) -> Result<&Page, VisitError> {
        let url = self.resolve(address)?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.visit(Method::POST, url, Some(("application/x-www-form-urlencoded", body.into()))).await
    }

    /// Sends anything by any method.
    pub async fn send(
        &mut self,
        method: Method,
        address: &str,
        content_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Result<&Page, VisitError> {
        let url = self.resolve(address)?;
        self.visit(method, url, Some((content_type, body.into()))).await
    }

    /// Fills in the first form of the present page that has all these fields, and sends it with its hidden ones.
    pub async fn submit(&mut self, values: &[(&str, &str)]) -> Result<&Page, VisitError> {
        let names = || values.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let Some(page) = &self.page else { return Err(VisitError::NoForm("no page".to_owned(), names())) };
        let form = Form::all(&page.text()).into_iter().find(|form| values.iter().all(|(name, _)| form.has(name)));
        let Some(form) = form else { return Err(VisitError::NoForm(page.url.to_string(), names())) };
        let url = self.resolve(&form.action)?;
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form.filled(values)).finish();
        if form.is_post {
            return self.visit(Method::POST, url, Some(("application/x-www-form-urlencoded", body.into()))).await;
        }
        let mut url = url;
        url.set_query(Some(&body));
        self.visit(Method::GET, url, None).await
    }

    /// Another tab of the same browser: the cookies as they are now, nothing open.
    #[must_use]
    pub fn same_browser(&self) -> Self {
        Self {
            clock: self.clock.clone(),
            authorization: self.authorization.clone(),
            jar: self.jar.clone(),
            page: None,
            ..*self
        }
    }

    /// The page the visitor looks at.
    pub const fn page(&self) -> Option<&Page> {
        self.page.as_ref()
    }

    /// The value of a cookie that would be sent to this host.
    pub fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.jar.value(host, name, self.clock.now())
    }

    /// Puts a cookie into the jar as if `host` had set it, for the whole host.
    pub fn plant_cookie(&mut self, host: &str, name: &str, value: &str) {
        self.jar.plant(host, name, value);
    }

    /// Forgets all cookies.
    pub fn clear_cookies(&mut self) {
        self.jar = Jar::default();
    }

    async fn visit(
        &mut self,
        mut method: Method,
        mut url: Url,
        mut content: Option<(&'static str, Bytes)>,
    ) -> Result<&Page, VisitError> {
        for _ in 0..=MOST_REDIRECTS {
            let page = self.ask(&method, &url, content.clone()).await?;
            let onward = page.headers.get(LOCATION).and_then(|to| to.to_str().ok()).and_then(|to| url.join(to).ok());
            match onward {
                Some(to) if self.redirects == Redirects::Follow && page.status.is_redirection() => {
                    // 307 and 308 keep the method; the others are fetched (Fetch §4.4).
                    if !matches!(page.status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT) {
                        (method, content) = (Method::GET, None);
                    }
                    url = to;
                }
                _ => return Ok(self.page.insert(page)),
            }
        }
        Err(VisitError::TooManyRedirects(url.to_string()))
    }

    /// One request, one answer, on a connection of its own.
    async fn ask(
        &mut self,
        method: &Method,
        url: &Url,
        content: Option<(&'static str, Bytes)>,
    ) -> Result<Page, VisitError> {
        let broken = |problem: String| VisitError::Broken { url: url.to_string(), problem };
        let exchange = async {
            let stream = self.connect(url).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| broken(e.to_string()))?;
            // It ends with the exchange; what goes wrong on it is told by the answer.
            let running = tokio::spawn(connection);
            let request = self.request(method, url, content).map_err(|error| broken(error.to_string()))?;
            let answer = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
            let (parts, body) = answer.into_parts();
            let body = Limited::new(body, LONGEST).collect().await.map_err(|error| broken(error.to_string()))?;
            running.abort();
            Ok(Page { url: url.clone(), status: parts.status, headers: parts.headers, body: body.to_bytes() })
        };
        let page = tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| broken("no answer".to_owned()))??;
        self.jar.take(url, &page.headers, self.clock.now());
        Ok(page)
    }

    fn request(
        &self,
        method: &Method,
        url: &Url,
        content: Option<(&'static str, Bytes)>,
    ) -> Result<Request<Full<Bytes>>, http::Error> {
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let mut request = Request::builder().method(method).uri(target).header(HOST, authority);
        if let Some(agent) = self.agent {
            request = request.header(USER_AGENT, agent);
        }
        if let Some(languages) = self.languages {
            request = request.header(ACCEPT_LANGUAGE, languages);
        }
        request = match self.reads {
            Reads::Pages => request.header(ACCEPT, "text/html,*/*;q=0.8").header("sec-fetch-mode", "navigate"),
            Reads::Json => request.header(ACCEPT, "application/json"),
        };
        if method != Method::GET && self.reads == Reads::Pages {
            let origin = self.page.as_ref().map_or_else(|| url.origin(), |page| page.url.origin());
            request =
                request.header("sec-fetch-site", if origin == url.origin() { "same-origin" } else { "cross-site" });
            request = request.header(ORIGIN, origin.ascii_serialization());
        }
        if let Some(cookies) = self.jar.for_url(url, self.clock.now()) {
            request = request.header(COOKIE, cookies);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match content {
            Some((kind, body)) => request.header(CONTENT_TYPE, kind).body(Full::new(body)),
            None => request.body(Full::default()),
        }
    }

    async fn connect(&self, url: &Url) -> Result<TcpStream, VisitError> {
        let to = self.socket_of(url)?;
        let socket = match self.from {
            IpAddr::V4(_) => TcpSocket::new_v4(),
            IpAddr::V6(_) => TcpSocket::new_v6(),
        };
        let connect = async {
            let socket = socket?;
            socket.bind(SocketAddr::new(self.from, 0))?;
            socket.connect(to).await
        };
        connect.await.map_err(|error: std::io::Error| VisitError::Broken {
            url: url.to_string(),
            problem: format!("from {} to {to}: {error}", self.from),
        })
    }

    fn socket_of(&self, url: &Url) -> Result<SocketAddr, VisitError> {
        if let Some(socket) = self.leads_to {
            return Ok(socket);
        }
        let port = url.port_or_known_default().unwrap_or(80);
        let ip = match url.host() {
            Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip),
            Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip),
            // RFC 6761 §6.3: every name under localhost is this machine.
            Some(url::Host::Domain(name)) if name == "localhost" || name.ends_with(".localhost") => match self.from {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            },
            _ => return Err(VisitError::Name(url.host_str().unwrap_or_default().to_owned())),
        };
        Ok(SocketAddr::new(ip, port))
    }

    fn resolve(&self, address: &str) -> Result<Url, VisitError> {
        let url = match &self.page {
            Some(page) => page.url.join(address),
            None => Url::parse(address),
        };
        url.ok().filter(|url| url.scheme() == "http").ok_or_else(|| VisitError::Address(address.to_owned()))
    }
}

const MOST_REDIRECTS: usize = 10;
/// For one request and its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of a page.
const LONGEST: usize = 16 << 20;
