//! What do the services that we know want to be sent, and what does their answer mean?
//!
//! Each request is as its maker documents it; the page stands above it. Vonage can make calls as well, but wants a JSON Web
//! Token signed anew for each (<https://developer.vonage.com/en/voice/voice-api/concepts/overview>): no file holds that.

use data_encoding::BASE64;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Outcome;
use super::http::{FORM, JSON, Parts, Request};
use crate::config::Twilio;
use crate::words::Language;

/// <https://www.twilio.com/docs/messaging/api/message-resource>
pub(super) fn message_by_twilio(twilio: &Twilio, parts: &Parts<'_>, secret: &str) -> Result<Request, String> {
    by_twilio(twilio, "Messages", &[("To", parts.to), ("From", &twilio.from), ("Body", parts.text)], secret)
}

/// <https://www.twilio.com/docs/voice/api/call-resource>, <https://www.twilio.com/docs/voice/twiml/say>
pub(super) fn call_by_twilio(twilio: &Twilio, parts: &Parts<'_>, secret: &str) -> Result<Request, String> {
    // Which voice speaks a language is the account's to choose.
    let language = match parts.language {
        Language::English => "en-US",
        Language::Spanish => "es-ES",
        Language::Japanese => "ja-JP",
    };
    let words = in_xml(parts.text);
    let twiml = format!("<Response><Say language=\"{language}\">{words}</Say></Response>");
    by_twilio(twilio, "Calls", &[("To", parts.to), ("From", &twilio.from), ("Twiml", &twiml)], secret)
}

/// <https://www.twilio.com/docs/usage/requests-to-twilio>: HTTP Basic with the account or a key, parameters as a form.
fn by_twilio(twilio: &Twilio, resource: &str, fields: &[(&str, &str)], secret: &str) -> Result<Request, String> {
    let Twilio { api, account, user, .. } = twilio;
    Ok(Request {
        url: format!("{api}/2010-04-01/Accounts/{account}/{resource}.json"),
        headers: headers(FORM, &basic(user, secret))?,
        body: form(fields),
    })
}

/// <https://developer.vonage.com/en/api/sms>
pub(super) fn message_by_vonage(account: &str, from: &str, parts: &Parts<'_>, secret: &str) -> Result<Request, String> {
    // What is not of the GSM alphabet needs `unicode`. ASCII is, but for signs that no message of ours has.
    let kind = if parts.text.is_ascii() { "text" } else { "unicode" };
    let fields = [("from", digits(from)), ("to", digits(parts.to)), ("text", parts.text), ("type", kind)];
    Ok(Request {
        url: "https://rest.nexmo.com/sms/json".to_owned(),
        headers: headers(FORM, &basic(account, secret))?,
        body: form(&fields),
    })
}

/// It answers 200 to everything and says within how it went, with a status a message
/// (<https://developer.vonage.com/messaging/sms/guides/troubleshooting-sms>).
pub(super) fn said_by_vonage(answer: &[u8]) -> Outcome {
    let Some(statuses) = statuses(answer).filter(|statuses| !statuses.is_empty()) else {
        return Outcome::Failed("the service's answer is not one of Vonage's".to_owned());
    };
    match statuses.into_iter().find(|status| *status != 0) {
        None => Outcome::Sent,
        // Too fast, wrong credentials, its own fault, a barred account, no credit, too many connections: it can be mended.
        Some(status @ (1 | 4 | 5 | 8 | 9 | 10)) => Outcome::Failed(format!("the service answers status {status}")),
        Some(status) => Outcome::Refused(format!("the service answers status {status}")),
    }
}

fn statuses(answer: &[u8]) -> Option<Vec<u8>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    answer["messages"].as_array()?.iter().map(|message| message["status"].as_str()?.parse().ok()).collect()
}

/// <https://developers.messagebird.com/api/sms-messaging/>
pub(super) fn message_by_messagebird(from: &str, parts: &Parts<'_>, secret: &str) -> Result<Request, String> {
    let mut headers = headers(JSON, &Zeroizing::new(format!("AccessKey {secret}")))?;
    headers.insert(ACCEPT, HeaderValue::from_static(JSON));
    let (from, to) = (digits(from), digits(parts.to));
    // Else only the GSM alphabet is sent.
    let body = json!({ "originator": from, "recipients": [to], "body": parts.text, "datacoding": "auto" });
    Ok(Request { url: "https://rest.messagebird.com/messages".to_owned(), headers, body: body.to_string() })
}

fn headers(kind: &'static str, authorization: &str) -> Result<HeaderMap, String> {
    // The error would not repeat it, and neither do we.
    let mut value =
        HeaderValue::try_from(authorization).map_err(|_| "the service's secret fits no header".to_owned())?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind)), (AUTHORIZATION, value)]))
}

/// RFC 7617 §2.
fn basic(user: &str, secret: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{secret}"));
    let encoded = Zeroizing::new(BASE64.encode(pair.as_bytes()));
    Zeroizing::new(format!("Basic {}", *encoded))
}

fn form(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A number as those write it who leave out its plus; names have none.
fn digits(number: &str) -> &str {
    number.trim_start_matches('+')
}

/// Between two tags (XML 1.0 §2.4).
fn in_xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_is_sent_what_it_documents() {
        let (twilio, basic) = (twilio(), |pair: &str| format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let spanish = parts("Código 123456 & más", Language::Spanish);
        let english = parts("Code 123456 & more", Language::English);
        let japanese = parts("<A> & 1\u{3001}2", Language::Japanese);
        for (request, url, authorization, body) in [
            (
                message_by_twilio(&twilio, &spanish, SECRET),
                "https://api.twilio.com/2010-04-01/Accounts/AC01/Messages.json",
                basic("SK02:s3cret"),
                "To=%2B34600123456&From=%2B15005550006&Body=C%C3%B3digo+123456+%26+m%C3%A1s",
            ),
            (
                call_by_twilio(&twilio, &japanese, SECRET),
                "https://api.twilio.com/2010-04-01/Accounts/AC01/Calls.json",
                basic("SK02:s3cret"),
                "To=%2B34600123456&From=%2B15005550006&Twiml=%3CResponse%3E%3CSay+language%3D%22ja-JP%22%3E%26lt%3BA%26gt%3B+%26amp%3B+1%E3%80%812%3C%2FSay%3E%3C%2FResponse%3E",
            ),
            (
                message_by_vonage("abcd1234", "Acme", &spanish, SECRET),
                "https://rest.nexmo.com/sms/json",
                basic("abcd1234:s3cret"),
                "from=Acme&to=34600123456&text=C%C3%B3digo+123456+%26+m%C3%A1s&type=unicode",
            ),
            (
                message_by_vonage("abcd1234", "+15005550006", &english, SECRET),
                "https://rest.nexmo.com/sms/json",
                basic("abcd1234:s3cret"),
                "from=15005550006&to=34600123456&text=Code+123456+%26+more&type=text",
            ),
        ] {
            let request = request.expect("a request");
            assert_eq!((&*request.url, &*request.body), (url, body));
            assert_eq!(field(&request, "content-type"), "application/x-www-form-urlencoded");
            assert_eq!(field(&request, "authorization"), authorization);
            let shown = format!("{:?}", request.headers);
            assert!(!shown.contains(SECRET) && !shown.contains(&authorization), "{shown}");
        }
    }

    #[test]
    fn messagebird_is_sent_json_with_its_access_key() {
        let spanish = parts("Código 123456 \"más\"", Language::Spanish);
        let request = message_by_messagebird("+15005550006", &spanish, SECRET).expect("a request");
        assert_eq!(request.url, "https://rest.messagebird.com/messages");
        for (name, value) in [("content-type", JSON), ("accept", JSON), ("authorization", "AccessKey s3cret")] {
            assert_eq!(field(&request, name), value);
        }
        let body: Value = serde_json::from_str(&request.body).expect("JSON");
        let wanted = json!({ "originator": "15005550006", "recipients": ["34600123456"], "body": spanish.text, "datacoding": "auto" });
        assert_eq!(body, wanted);
        assert!(!format!("{:?}", request.headers).contains(SECRET));
    }

    #[test]
    fn a_call_speaks_the_language_of_its_words() {
        for (language, tag) in
            [(Language::English, "en-US"), (Language::Spanish, "es-ES"), (Language::Japanese, "ja-JP")]
        {
            let Request { body, .. } = call_by_twilio(&twilio(), &parts("x", language), SECRET).expect("a request");
            assert!(body.contains(&format!("%22{tag}%22")), "{body}");
        }
    }

    #[test]
    fn vonage_says_no_with_200() {
        let with = |statuses: &[&str]| {
            let messages: Vec<_> =
                statuses.iter().map(|status| json!({ "status": status, "error-text": "123456" })).collect();
            said_by_vonage(json!({ "message-count": "1", "messages": messages }).to_string().as_bytes())
        };
        let said = |status| format!("the service answers status {status}");
        assert_eq!(with(&["0"]), Outcome::Sent);
        assert_eq!(with(&["0", "9"]), Outcome::Failed(said(9)));
        assert_eq!(with(&["4"]), Outcome::Failed(said(4)));
        assert_eq!(with(&["7"]), Outcome::Refused(said(7)));
        for other in [&with(&[]), &with(&["123456"]), &said_by_vonage(b""), &said_by_vonage(b"<html>")] {
            assert_eq!(*other, Outcome::Failed("the service's answer is not one of Vonage's".to_owned()));
        }
    }

    #[test]
    fn a_secret_that_fits_no_header_is_not_told() {
        let Err(why) = message_by_messagebird("Acme", &parts("x", Language::English), "s3cret\nX-Other: 1") else {
            panic!("it was taken")
        };
        assert!(!why.contains("s3cret"), "{why}");
    }

    fn twilio() -> Twilio {
        let [api, account, user, from] = ["https://api.twilio.com", "AC01", "SK02", "+15005550006"].map(str::to_owned);
        Twilio { api, account, user, from }
    }

    fn parts(text: &str, language: Language) -> Parts<'_> {
        Parts { to: "+34600123456", text, code: "123456", language }
    }

    fn field<'r>(request: &'r Request, name: &str) -> &'r str {
        request.headers[name].to_str().expect("ASCII")
    }

    const SECRET: &str = "s3cret";
}
