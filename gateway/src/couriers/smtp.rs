//! How does a mail reach its server? By SMTP, over TLS that is verified, or not at all (RFC 6409, RFC 8314).
//!
//! One connection a message, twenty seconds at most. The password is read from its file each time, so that a new one needs
//! no reload. What a server says no to for good (5yz) is given up, but for a no to us and not to the message.

use std::time::Duration;

use access::identity::Email;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::Outcome;
use super::letter::Written;
use crate::config::{MailServer, MailTls};
use crate::outgoing::in_full;

/// Hands one over. `id` is the same at each try of it; `domain` is who we say we are.
pub(super) async fn send(server: &MailServer, to: &Email, words: &Written, id: &str, domain: &str) -> Outcome {
    let message = match message(server, to, words, id) {
        Ok(message) => message,
        // It will be none the next time either.
        Err(why) => return Outcome::Refused(why),
    };
    let transport = match transport(server, domain).await {
        Ok(transport) => transport,
        Err(why) => return Outcome::Failed(why),
    };
    match tokio::time::timeout(LONGEST, transport.send(message)).await {
        Err(_) => Outcome::Failed(format!("the mail server took longer than {LONGEST:?}")),
        Ok(Ok(_)) => Outcome::Sent,
        Ok(Err(error)) => {
            let code = error.status().map(u16::from);
            // Some servers repeat what they don't take, links and all.
            let why = code.map_or_else(|| in_full(&error), |code| format!("the mail server answers {code}"));
            // 530, 534, 535, 538: it is us whom it does not want (RFC 4954 §6).
            let is_final = error.is_permanent() && !matches!(code, Some(530 | 534 | 535 | 538));
            if is_final { Outcome::Refused(why) } else { Outcome::Failed(why) }
        }
    }
}

fn message(server: &MailServer, to: &Email, words: &Written, id: &str) -> Result<Message, String> {
    let from: Mailbox = server.from.parse().map_err(|error| format!("the sender is no mailbox: {error}"))?;
    let to = to.as_str().parse().map_err(|error| format!("the address is none: {error}"))?;
    let auto = HeaderName::new_from_ascii_str("Auto-Submitted");
    Message::builder()
        .from(from)
        .to(Mailbox::new(None, to))
        .subject(&words.subject)
        .message_id(Some(id.to_owned()))
        .date_now()
        // RFC 3834: no holiday answers, please.
        .raw_header(HeaderValue::new(auto, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(words.text.clone(), words.html.clone()))
        .map_err(|error| format!("the message can't be built: {error}"))
}

async fn transport(server: &MailServer, domain: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = match server.tls {
        MailTls::None => Tls::None,
        MailTls::Starttls => Tls::Required(parameters(server).await?),
        MailTls::Implicit => Tls::Wrapper(parameters(server).await?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .hello_name(ClientId::Domain(domain.to_owned()))
        .timeout(Some(STEP));
    if let Some((user, file)) = &server.account {
        let password = tokio::fs::read_to_string(file)
            .await
            .map_err(|error| format!("the password of the mail server can't be read: {error}"))?;
        let password = zeroize::Zeroizing::new(password);
        builder =
            builder.credentials(Credentials::new(user.clone(), password.trim_end_matches(['\r', '\n']).to_owned()));
    }
    Ok(builder.build())
}

async fn parameters(server: &MailServer) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(server.host.clone());
    if let Some(file) = &server.ca_file {
        let pem =
            tokio::fs::read(file).await.map_err(|error| format!("the CA of the mail server can't be read: {error}"))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| in_full(&error))?;
        // That one and no other.
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| in_full(&error))
}

/// One step of the dialogue.
const STEP: Duration = Duration::from_secs(10);
/// All of it.
const LONGEST: Duration = Duration::from_secs(20);
