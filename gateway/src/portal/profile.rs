//! How is an iPhone, an iPad or a Mac set up without typing? By a configuration profile: the accounts that keep in step with
//! the apps, with user name and app password filled in (Apple, Device Management: CalDAV, CardDAV, ExchangeActiveSync).
//!
//! It is made from what its owner sends back from the page that shows the app password this once; nothing is kept for it. It
//! is not signed: the device says so, and asks before it installs it. Installed again, it takes the place of the one before.
//! Exchange accounts are for iPhone and iPad alone.

use access::secret::TypedSecret;
use plist::{Dictionary, Value};
use sha2::{Digest, Sha256};
use url::Url;

use crate::config::{AppSettings, InStep};

/// Whose accounts.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) organization: &'a str,
    /// The portal's host: what the profile is told from others by.
    pub(super) portal: &'a str,
    pub(super) username: &'a str,
    /// Exchange can't do without.
    pub(super) email: Option<&'a str>,
}

/// What it is served as.
pub(super) const KIND: &str = "application/x-apple-aspen-config";

/// The profile as XML. `None`: there is nothing to set up.
pub(super) fn written<'a>(
    owner: Owner<'_>,
    apps: impl IntoIterator<Item = &'a AppSettings>,
    password: &TypedSecret,
) -> Option<Vec<u8>> {
    let accounts: Vec<Value> = apps
        .into_iter()
        .filter_map(|app| Url::parse(&app.origin).ok().map(|origin| (app, origin)))
        .flat_map(|(app, origin)| {
            app.syncs.iter().filter_map(move |sync| account(owner, app, &origin, *sync, password)).collect::<Vec<_>>()
        })
        .collect();
    if accounts.is_empty() {
        return None;
    }
    let mut profile = payload("Configuration", &identifier(owner, &["profile"]), owner.organization);
    profile.insert("PayloadOrganization".to_owned(), owner.organization.into());
    profile.insert("PayloadContent".to_owned(), Value::Array(accounts));
    let mut xml = Vec::new();
    Value::Dictionary(profile).to_writer_xml(&mut xml).ok()?;
    Some(xml)
}

fn account(owner: Owner<'_>, app: &AppSettings, origin: &Url, sync: InStep, password: &TypedSecret) -> Option<Value> {
    let (kind, word) = match sync {
        InStep::Caldav => ("com.apple.caldav.account", "caldav"),
        InStep::Carddav => ("com.apple.carddav.account", "carddav"),
        InStep::ActiveSync => ("com.apple.eas.account", "activesync"),
    };
    let mut account = payload(kind, &identifier(owner, &[app.name.as_str(), word]), &app.title);
    let secure = origin.scheme() == "https";
    let host = origin.host_str()?;
    let mut put = |key: String, value: Value| drop(account.insert(key, value));
    match sync {
        InStep::Caldav | InStep::Carddav => {
            let all = if sync == InStep::Caldav { "CalDAV" } else { "CardDAV" };
            put(format!("{all}AccountDescription"), app.title.as_str().into());
            put(format!("{all}HostName"), host.into());
            put(format!("{all}Port"), u64::from(origin.port_or_known_default()?).into());
            put(format!("{all}UseSSL"), secure.into());
            put(format!("{all}Username"), owner.username.into());
            put(format!("{all}Password"), password.grouped().into());
        }
        InStep::ActiveSync => {
            // It has no place for another port, and takes a password from encrypted profiles alone: the device asks for it.
            if origin.port().is_some() {
                return None;
            }
            put("EmailAddress".to_owned(), owner.email?.into());
            put("Host".to_owned(), host.into());
            put("SSL".to_owned(), secure.into());
            put("UserName".to_owned(), owner.username.into());
        }
    }
    Some(Value::Dictionary(account))
}

/// What every payload has.
fn payload(kind: &str, identifier: &str, name: &str) -> Dictionary {
    let mut payload = Dictionary::new();
    for (key, value) in [
        ("PayloadType", kind.into()),
        ("PayloadVersion", 1_u64.into()),
        ("PayloadIdentifier", identifier.into()),
        ("PayloadUUID", uuid(identifier).into()),
        ("PayloadDisplayName", name.into()),
    ] {
        payload.insert(key.to_owned(), value);
    }
    payload
}

/// Always the same for the same account of the same person.
fn identifier(owner: Owner<'_>, parts: &[&str]) -> String {
    let host = owner.portal.rsplit('.').collect::<Vec<_>>().join(".");
    format!("{host}.vestibule.{}.{}", owner.username, parts.join("."))
}

/// From an identifier (RFC 9562 §5.8: version 8, a hash of our own choice).
fn uuid(identifier: &str) -> String {
    let mut bytes: [u8; 16] = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(identifier.as_bytes())[..16]);
    bytes[6] = (bytes[6] & 0x0f) | 0x80;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = data_encoding::HEXUPPER.encode(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    #[test]
    fn an_account_is_described_for_each_thing_that_is_kept_in_step_and_is_the_same_the_next_time() {
        let files = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(files.path().join("policies")).expect("made");
        let gateway = r#"
version: 1
organization: "Müller & Söhne <Wien>"
portal: http://login.localhost
listen: { http: "127.0.0.1:80" }
store: { redb: vestibule.redb }
policies: policies
apps:
  mail:
    title: "Post & Kalender"
    host: mail.localhost
    upstream: http://127.0.0.1:1
    allow: everyone
    basic: app_passwords
    syncs: [activesync, caldav]
"#;
        std::fs::write(files.path().join("gateway.yaml"), gateway).expect("written");
        let policy = "networks: { office: [127.0.0.1] }\norganization: { allow_from: [office] }\n";
        std::fs::write(files.path().join("policies/a.yaml"), policy).expect("written");
        let settings =
            config::load(files.path(), access::Timestamp::from_millis(1_795_420_800_000)).expect("sound").settings;
        let app = settings.apps.values().next().expect("one");
        let password = TypedSecret::parse("0KED-GR0D-9FP5-0XDM").expect("letters");
        let owner = |email| Owner {
            organization: &settings.organization,
            portal: settings.portal.host().as_str(),
            username: "ana",
            email,
        };
        let read = |email| {
            let xml = written(owner(email), [app.as_ref()], &password).expect("a profile");
            let again = written(owner(email), [app.as_ref()], &password);
            assert_eq!(again.as_deref(), Some(xml.as_slice()), "installed again, it takes the other's place");
            Value::from_reader_xml(xml.as_slice()).expect("a property list").into_dictionary().expect("a dictionary")
        };
        let profile = read(Some("ana@acme.example"));
        assert_eq!(profile["PayloadOrganization"].as_string(), Some("Müller & Söhne <Wien>"));
        let accounts = profile["PayloadContent"].as_array().expect("accounts");
        let [exchange, calendar] = accounts.as_slice() else { panic!("{accounts:?}") };
        let text = |account: &Value, key: &str| {
            account.as_dictionary().and_then(|keys| keys.get(key)?.as_string()).map(str::to_owned)
        };
        assert_eq!(text(exchange, "PayloadType").as_deref(), Some("com.apple.eas.account"));
        assert_eq!(text(exchange, "Host").as_deref(), Some("mail.localhost"));
        assert_eq!(text(exchange, "EmailAddress").as_deref(), Some("ana@acme.example"));
        assert_eq!(text(exchange, "Password"), None, "the device asks for it");
        assert_eq!(text(calendar, "CalDAVAccountDescription").as_deref(), Some("Post & Kalender"));
        assert_eq!(text(calendar, "CalDAVPassword").as_deref(), Some("0KED-GR0D-9FP5-0XDM"));
        assert_eq!(text(calendar, "PayloadIdentifier").as_deref(), Some("localhost.login.vestibule.ana.mail.caldav"));
        assert_ne!(text(calendar, "PayloadUUID"), text(exchange, "PayloadUUID"));
        // Exchange can't do without an address.
        let without = read(None);
        assert_eq!(without["PayloadContent"].as_array().map(Vec::len), Some(1));
        assert!(written(owner(None), [], &password).is_none());
    }
}
