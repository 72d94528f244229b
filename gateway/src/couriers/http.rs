//! How does a message reach a telephone? By a service that takes it over HTTP: one POST a message.
//!
//! What stands in the configured texts for number, words, code, language and secret is filled in as it must be written
//! there, so that nothing of it can end a string or begin a field; what services that we know are sent stands in
//! [`services`]. No redirect is followed, no more of an answer is read than says how it went, and what the service says is
//! not written down: some repeat the message.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use zeroize::Zeroizing;

use super::{Outcome, services};
use crate::config::{BodyForm, HttpCourier, Service, Template};
use crate::outgoing;
use crate::words::Language;

/// What goes out.
pub(super) struct Parts<'a> {
    /// The number.
    pub(super) to: &'a str,
    /// What it says.
    pub(super) text: &'a str,
    /// The code in it.
    pub(super) code: &'a str,
    /// What it is said in.
    pub(super) language: Language,
}

/// One POST.
pub(super) struct Request {
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

/// Hands one over.
pub(super) async fn send(courier: &HttpCourier, parts: &Parts<'_>) -> Outcome {
    let answer = match post(courier, parts).await {
        Ok(answer) => answer,
        Err(why) => return Outcome::Failed(why),
    };
    match (answer.status(), &courier.service) {
        (status, Service::Vonage { .. }) if status.is_success() => services::said_by_vonage(&beginning(answer).await),
        (status, _) if status.is_success() => Outcome::Sent,
        // Too many at once, too slow, or its own fault: again. All other noes are about us or about the number.
        (status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS), _) => said(status),
        (status, _) if status.is_server_error() || matches!(status.as_u16(), 401 | 403) => said(status),
        (status, _) => Outcome::Refused(format!("the service answers {status}")),
    }
}

/// As much of an answer as can matter, or as came.
async fn beginning(mut answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < LONGEST_ANSWER
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body
}

fn said(status: StatusCode) -> Outcome {
    Outcome::Failed(format!("the service answers {status}"))
}

async fn post(courier: &HttpCourier, parts: &Parts<'_>) -> Result<Response, String> {
    let secret = match &courier.secret_file {
        Some(file) => {
            let secret = tokio::fs::read_to_string(file).await;
            let secret =
                Zeroizing::new(secret.map_err(|error| format!("the service's secret can't be read: {error}"))?);
            Zeroizing::new(secret.trim_end_matches(['\r', '\n']).to_owned())
        }
        None => Zeroizing::default(),
    };
    let Request { url, headers, body } = request(&courier.service, parts, &secret)?;
    let client = outgoing::client(courier.ca_file.as_deref(), courier.timeout.min(LONGEST)).await?;
    let answer = client.post(url).headers(headers).body(body).send().await;
    // Its address may hold what was filled in.
    answer.map_err(|error| outgoing::in_full(&error.without_url()))
}

fn request(service: &Service, parts: &Parts<'_>, secret: &str) -> Result<Request, String> {
    match service {
        Service::Described(template) => described(template, parts, secret),
        Service::TwilioMessages(twilio) => services::message_by_twilio(twilio, parts, secret),
        Service::TwilioCalls(twilio) => services::call_by_twilio(twilio, parts, secret),
        Service::Vonage { account, from } => services::message_by_vonage(account, from, parts, secret),
        Service::Messagebird { from } => services::message_by_messagebird(from, parts, secret),
    }
}

fn described(template: &Template, parts: &Parts<'_>, secret: &str) -> Result<Request, String> {
    let fill = |text: &str, write: fn(&str) -> String| filled(text, parts, secret, write);
    let (write, kind): (fn(&str) -> String, _) = match template.form {
        BodyForm::Json => (in_json, JSON),
        BodyForm::Form => (in_form, FORM),
    };
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in &template.headers {
        let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no header"))?;
        let mut value = HeaderValue::try_from(fill(value, as_it_is)).map_err(|_| format!("{name} can't be written"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(Request { url: fill(&template.url, in_form), headers, body: fill(&template.body, write) })
}

/// Fills the markers in, each as it must be written there. What is filled in is not looked at again.
fn filled(text: &str, parts: &Parts<'_>, secret: &str, write: fn(&str) -> String) -> String {
    let Parts { to, text: words, code, language } = parts;
    let language = language.tag();
    let values = [("{to}", *to), ("{text}", words), ("{code}", code), ("{language}", language), ("{secret}", secret)];
    let mut filled = String::with_capacity(text.len() + 256);
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        match values.iter().find(|(marker, _)| rest.starts_with(marker)) {
            Some((marker, value)) => {
                filled.push_str(&write(value));
                rest = &rest[marker.len()..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Within the quotes of a string (RFC 8259 §7).
fn in_json(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn in_form(value: &str) -> String {
    url::form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

fn as_it_is(value: &str) -> String {
    value.to_owned()
}

pub(super) const JSON: &str = "application/json";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// Less than a message is claimed for.
const LONGEST: Duration = Duration::from_secs(30);
const LONGEST_ANSWER: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn an_answer_without_end_is_read_as_far_as_it_matters() {
        let service = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/", service.local_addr().expect("bound"));
        let answering = tokio::spawn(async move {
            let (mut stream, _) = service.accept().await.expect("asked");
            stream.read_buf(&mut Vec::new()).await.expect("open");
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await.expect("open");
            // Until nobody reads on.
            while stream.write_all(&[b' '; 4096]).await.is_ok() {}
        });
        let client = outgoing::client(None, Duration::from_secs(60)).await.expect("a client");
        let answer = client.get(url).send().await.expect("an answer");
        let read = beginning(answer).await.len();
        assert!((LONGEST_ANSWER..1024 * 1024).contains(&read), "{read}");
        drop(client);
        answering.await.expect("it ended");
    }

    #[test]
    fn what_is_filled_in_stays_where_it_is_put() {
        let text = "a \"b\"\n{code}&x=y \u{e9}";
        let parts = Parts { to: "+34600123456", text, code: "123456", language: Language::Spanish };
        let body = filled(
            r#"{"to":"{to}","t":"{text}","c":{"k":"{code}"},"l":"{language}","s":"{secret}","o":"{other}"}"#,
            &parts,
            "s\\",
            in_json,
        );
        let read: serde_json::Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!(read["t"], parts.text);
        assert_eq!(
            (&read["to"], &read["c"]["k"], &read["l"], &read["s"], &read["o"]),
            (&"+34600123456".into(), &"123456".into(), &"es".into(), &"s\\".into(), &"{other}".into())
        );
        let body = filled("To={to}&Text={text}", &parts, "", in_form);
        let read: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
        assert_eq!(read, [("To".into(), parts.to.into()), ("Text".into(), parts.text.to_owned())]);
    }
}
