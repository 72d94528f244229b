//! How do messages leave? The mail server.

use std::net::IpAddr;
use std::path::Path;

use access::identity::Email;

use super::gateway::{is_private, is_readable};
use crate::config::fault::{Page, shown};
use crate::config::file::{self, Gateway};
use crate::config::words::{MailTlsWord, MailboxText, ServerText};
use crate::config::written::At;
use crate::config::{CourierSettings, MailServer, MailTls};

/// What stands under `couriers`. What can't be used is missing, and the page says why.
pub(super) fn check(page: Page<'_>, gateway: &Gateway, dir: &Path) -> CourierSettings {
    let written = gateway.couriers.as_ref().map(|couriers| &couriers.value);
    let email = written.and_then(|couriers| couriers.email.as_ref());
    CourierSettings { email: email.and_then(|email| mail_server(page, email, dir)) }
}

fn mail_server(page: Page<'_>, written: &At<file::Email>, dir: &Path) -> Option<MailServer> {
    let At { value: email, spot } = written;
    let server = server(page, &email.smtp);
    let from = mailbox(page, &email.from);
    let account = match (&email.user, &email.password_file) {
        (None, None) => Some(None),
        (Some(user), Some(file)) => {
            let usable = is_readable(page, file, dir);
            if usable {
                is_private(page, file, dir);
            }
            usable.then(|| Some((user.value.0.clone(), dir.join(&file.value.0))))
        }
        (Some(user), None) => {
            page.refuse(
                "missing_key",
                user.spot,
                "a user name is given, and no password",
                "add `password_file:` with the name of the file that it stands in",
            );
            None
        }
        (None, Some(file)) => {
            page.refuse(
                "missing_key",
                file.spot,
                "a password is given, and no user name",
                "add `user:` with the name that we sign in with at the mail server",
            );
            None
        }
    };
    let ca_file = email.ca_file.as_ref().filter(|written| is_readable(page, written, dir));
    let (host, port) = server?;
    let tls = match email.tls.as_ref().map(|at| at.value) {
        None if port == IMPLICIT => MailTls::Implicit,
        None | Some(MailTlsWord::Starttls) => MailTls::Starttls,
        Some(MailTlsWord::Implicit) => MailTls::Implicit,
        Some(MailTlsWord::None) => MailTls::None,
    };
    if tls == MailTls::None && !is_here(&host) {
        page.refuse(
            "plain_smtp",
            email.tls.as_ref().map_or(*spot, |at| at.spot),
            format!("links that choose passwords would go to {} without encryption", shown(&host)),
            "write `tls: starttls` or `tls: implicit`; `none` is for a server on this machine: 127.0.0.1, ::1, localhost",
        );
    }
    if let (MailTls::None, Some(ca_file)) = (tls, ca_file) {
        page.refuse(
            "ca_without_tls",
            ca_file.spot,
            "a CA is given, and there is no TLS",
            "delete `ca_file`, or `tls: none`",
        );
    }
    Some(MailServer {
        host,
        port,
        tls,
        from: from?,
        account: account?,
        ca_file: ca_file.map(|written| dir.join(&written.value.0)),
    })
}

/// A host and a port. `None`: the page says why.
fn server(page: Page<'_>, written: &At<ServerText>) -> Option<(String, u16)> {
    let text = written.value.0.trim();
    let parts =
        text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok().filter(|port| *port > 0)?)));
    let host_of = |host: &str| {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_address = bare.parse::<IpAddr>().is_ok();
        let is_name = access::target::HostName::parse(bare).is_ok() && !bare.contains(':');
        (is_address || is_name).then(|| bare.to_owned())
    };
    let server = parts.and_then(|(host, port)| Some((host_of(host)?, port)));
    if server.is_none() {
        page.refuse(
            "bad_address",
            written.spot,
            format!("expected a mail server and its port, found `{}`", shown(text)),
            "write it like smtp.acme.example:587, without a scheme; 587 is for STARTTLS, 465 for TLS from the first byte",
        );
    }
    server
}

/// `Name <address>` or an address alone, as it goes into `From`. `None`: the page says why.
fn mailbox(page: Page<'_>, written: &At<MailboxText>) -> Option<String> {
    let text = written.value.0.trim();
    let address = match text.rsplit_once('<') {
        Some((_, address)) => address.strip_suffix('>'),
        None => Some(text),
    };
    let fits = !text.chars().any(char::is_control)
        && address.is_some_and(|address| Email::parse(address).is_ok())
        && text.parse::<lettre::message::Mailbox>().is_ok();
    if !fits {
        page.refuse(
            "bad_mailbox",
            written.spot,
            format!("expected the address of a sender, found `{}`", shown(text)),
            "write it like \"Acme sign-in <login@acme.example>\"",
        );
    }
    fits.then(|| text.to_owned())
}

/// Does what is sent there stay on this machine?
fn is_here(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Of TLS from the first byte (RFC 8314 §3.3).
const IMPLICIT: u16 = 465;
