//! Where does a configuration fall short of OWASP ASVS 5.0, and why does that matter?
//!
//! One row of [`REQUIREMENTS`] for each thing that can be turned on or left off and is discouraged; what finds it looks at the
//! files as written, so that it can say where. Nothing is refused here: some of it was asked for, and standards disagree.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use url::{Host, Url};

use super::check::{NEVER, time_span};
use super::fault::{Page, Spot, shown};
use super::file::Gateway;
use super::words::{SocketText, TimeSpan, TwoStepWord};
use super::written::At;

/// Something that a configuration does otherwise than ASVS 5.0 asks.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Deviation {
    /// The requirement's number: `6.3.3`.
    pub requirement: &'static str,
    /// From which level on it is asked for: 1, 2 or 3.
    pub level: u8,
    /// Relative to the configuration folder.
    pub file: String,
    /// From one; zero if it is about what stands nowhere.
    pub line: u32,
    /// The setting as it is: `sign_in.two_step: optional`.
    pub setting: String,
    /// Why it is discouraged.
    pub why: &'static str,
    /// What to do.
    pub advice: &'static str,
}

/// Every deviation, in the order of requirements.
pub(super) fn deviations(page: Page<'_>, gateway: &Gateway) -> Vec<Deviation> {
    let mut deviations = Vec::new();
    for row in REQUIREMENTS {
        deviations.extend((row.found)(page, gateway).into_iter().map(|Found { spot, setting }| Deviation {
            requirement: row.id,
            level: row.level,
            file: page.source.name.to_string(),
            line: spot.line,
            setting,
            why: row.why,
            advice: row.advice,
        }));
    }
    deviations
}

struct Requirement {
    id: &'static str,
    level: u8,
    found: fn(Page<'_>, &Gateway) -> Vec<Found>,
    why: &'static str,
    advice: &'static str,
}

struct Found {
    spot: Spot,
    setting: String,
}

const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        id: "6.2.10",
        level: 2,
        found: max_age,
        why: "People who must change their password by the calendar choose worse ones (NIST SP 800-63B-4 §3.1.1.2 forbids it).",
        advice: "Delete it. A password that leaked is ended by `vestibule user invite`; `breached_file` keeps known ones out.",
    },
    Requirement {
        id: "6.2.12",
        level: 2,
        found: no_breached_file,
        why: "New passwords are held against a list of 1,100 common ones only; attackers try those of all known leaks.",
        advice: "Make a file with `vestibule breached build` and name it there.",
    },
    Requirement {
        id: "6.3.3",
        level: 2,
        found: two_step_optional,
        why: "Who has set up no second step gets in with a password alone, and so does who stole it.",
        advice: "Write `two_step: required`, or demand it of the roles, groups, users and apps that matter.",
    },
    Requirement {
        id: "6.3.6",
        level: 3,
        found: |_, gateway| method(gateway, "email"),
        why: "A code by e-mail proves a mailbox and no device (NIST SP 800-63B-4 §3.1.3.1 forbids it as a second step).",
        advice: "Take `email` off the list; people who have nothing else can use recovery codes.",
    },
    Requirement {
        id: "6.4.2",
        level: 1,
        found: security_questions,
        why: "Answers to questions are known to many and found by searching (NIST SP 800-63B-4 §3.1.1.2 forbids asking for them).",
        advice: "Delete it. The link of a mail and the second step suffice; `vestibule user recover` helps who can't ask.",
    },
    Requirement {
        id: "6.6.1",
        level: 2,
        found: |_, gateway| method(gateway, "sms"),
        why: "Messages are read on the way and numbers are taken over; a restricted method (NIST SP 800-63B-4 §3.2.9), none at level 3.",
        advice: "Keep `passkey` or `totp` before it, tell people the risk, and take it off the list when you can.",
    },
    Requirement {
        id: "6.6.1",
        level: 2,
        found: |_, gateway| method(gateway, "voice"),
        why: "Calls are diverted and numbers are taken over; a restricted method (NIST SP 800-63B-4 §3.2.9), none at level 3.",
        advice: "Keep `passkey` or `totp` before it, tell people the risk, and take it off the list when you can.",
    },
    Requirement {
        id: "7.3.1",
        level: 2,
        found: |page, gateway| session(page, gateway, "idle"),
        why: "A browser left open stays signed in for longer than an hour (NIST SP 800-63B-4 §2.2.3).",
        advice: "Write `idle: 1h` or less, or write down why your risk allows more.",
    },
    Requirement {
        id: "7.3.2",
        level: 2,
        found: |page, gateway| session(page, gateway, "absolute"),
        why: "A stolen session is good for longer than a day, however often it is used (NIST SP 800-63B-4 §2.2.3).",
        advice: "Write `absolute: 24h` or less, or write down why your risk allows more.",
    },
    Requirement {
        id: "12.3.3",
        level: 2,
        found: plain_listener,
        why: "Between what ends TLS and the gateway, passwords and sessions travel unencrypted.",
        advice: "Write `https:` with a certificate, or listen on a loopback address where TLS ends on this machine.",
    },
    Requirement {
        id: "12.3.3",
        level: 2,
        found: plain_upstreams,
        why: "Between the gateway and the app, what people send and see travels unencrypted.",
        advice: "Let the app speak https, with `ca_file` if its certificate is of your own making.",
    },
    Requirement {
        id: "13.4.5",
        level: 2,
        found: open_admin,
        why: "Whoever reaches this address reads the metrics: how many sign in, fail and are refused, and which apps there are.",
        advice: "Write a loopback address, or one that only your monitoring reaches.",
    },
];

fn max_age(_: Page<'_>, gateway: &Gateway) -> Vec<Found> {
    let passwords = gateway.sign_in.as_ref().and_then(|sign_in| sign_in.value.passwords.as_ref());
    let max_age = passwords.and_then(|passwords| passwords.value.max_age.as_ref());
    max_age
        .filter(|at| at.value.0 != NEVER)
        .map(|At { value: TimeSpan(text), spot }| found(*spot, "sign_in.passwords.max_age", text))
        .into_iter()
        .collect()
}

fn security_questions(_: Page<'_>, gateway: &Gateway) -> Vec<Found> {
    let written = gateway.sign_in.as_ref().and_then(|sign_in| sign_in.value.security_questions.as_ref());
    written.filter(|at| at.value).map(|at| found(at.spot, "sign_in.security_questions", "true")).into_iter().collect()
}

fn no_breached_file(_: Page<'_>, gateway: &Gateway) -> Vec<Found> {
    let sign_in = gateway.sign_in.as_ref();
    let passwords = sign_in.and_then(|sign_in| sign_in.value.passwords.as_ref());
    if passwords.is_some_and(|passwords| passwords.value.breached_file.is_some()) {
        return Vec::new();
    }
    // It stands nowhere: where it would stand.
    let spot = passwords.map(|at| at.spot).or_else(|| sign_in.map(|at| at.spot)).unwrap_or_default();
    vec![found(spot, "sign_in.passwords.breached_file", "not written")]
}

fn two_step_optional(_: Page<'_>, gateway: &Gateway) -> Vec<Found> {
    let two_step = gateway.sign_in.as_ref().and_then(|sign_in| sign_in.value.two_step.as_ref());
    let optional = two_step.filter(|at| at.value == TwoStepWord::Optional);
    optional.map(|at| found(at.spot, "sign_in.two_step", "optional")).into_iter().collect()
}

fn method(gateway: &Gateway, word: &str) -> Vec<Found> {
    let methods = gateway.sign_in.as_ref().and_then(|sign_in| sign_in.value.methods.as_ref());
    let written = methods.into_iter().flat_map(|methods| &methods.value.0).filter(|at| at.value.0 == word);
    written.map(|at| found(at.spot, "sign_in.methods", word)).collect()
}

fn session(page: Page<'_>, gateway: &Gateway, key: &str) -> Vec<Found> {
    let session = gateway.sign_in.as_ref().and_then(|sign_in| sign_in.value.session.as_ref());
    let Some(At { value: session, .. }) = session else { return Vec::new() };
    let (written, most) = match key {
        "idle" => (&session.idle, Duration::from_secs(60 * 60)),
        _ => (&session.absolute, Duration::from_secs(24 * 60 * 60)),
    };
    let longer = written.iter().filter(|written| time_span(page, written).is_some_and(|span| span > most));
    longer.map(|At { value: TimeSpan(text), spot }| found(*spot, &format!("sign_in.session.{key}"), text)).collect()
}

fn plain_listener(_: Page<'_>, gateway: &Gateway) -> Vec<Found> {
    let listen = &gateway.listen.value;
    // Beside https it serves only what proxies bring, and sends others there.
    let serves =
        listen.https.is_none() || gateway.trusted_proxies.as_ref().is_some_and(|list| !list.value.0.is_empty());
    let http = listen.http.iter().filter(|at| serves && is_away(&at.value));
    http.map(|at| found(at.spot, "listen.http", &at.value.0)).collect()
}

fn open_admin(_: Page<'_>, gateway: &Gateway) -> Vec<Found> {
    let admin = gateway.listen.value.admin.iter().filter(|at| is_away(&at.value));
    admin.map(|at| found(at.spot, "listen.admin", &at.value.0)).collect()
}

fn plain_upstreams(_: Page<'_>, gateway: &Gateway) -> Vec<Found> {
    let apps = gateway.apps.iter().flat_map(|apps| &apps.value.0);
    let upstreams = apps.flat_map(|(name, app)| app.value.upstream.value.0.iter().map(move |at| (&name.value.0, at)));
    let plain = upstreams.filter(|(_, at)| is_plain_and_away(&at.value.0));
    plain.map(|(name, at)| found(at.spot, &format!("apps.{name}.upstream"), &at.value.0)).collect()
}

fn found(spot: Spot, key: &str, value: &str) -> Found {
    Found { spot, setting: format!("{key}: {}", shown(value)) }
}

/// Can another machine reach it?
fn is_away(socket: &SocketText) -> bool {
    let address = socket.0.parse::<std::net::SocketAddr>();
    address.is_ok_and(|address| !address.ip().to_canonical().is_loopback())
}

/// Does it leave this machine without TLS?
fn is_plain_and_away(upstream: &str) -> bool {
    let Some((scheme, rest)) = upstream.split_once("://") else { return false };
    // Of a scheme it does not know, such as h2c, the parser takes no host apart.
    let host = Url::parse(&format!("http://{rest}")).ok().and_then(|url| url.host().map(|host| host.to_owned()));
    let is_here = match host {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
        None => false,
    };
    !scheme.eq_ignore_ascii_case("https") && !is_here
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs;

    use super::*;
    use crate::config::read::Files;
    use crate::config::{Faults, policy_report};

    #[test]
    fn a_configuration_without_deviations_has_an_empty_report() {
        assert_eq!(report(SOUND).unwrap(), []);
    }

    #[test]
    fn each_discouraged_option_adds_its_line_and_no_other() {
        let upstream = "upstream: http://127.0.0.1:9000";
        for (old, new, expected) in [
            (
                "session: { idle: 1h, absolute: 24h }",
                "session: { idle: 61m, absolute: 24h }",
                ("7.3.1", 11, "sign_in.session.idle: 61m"),
            ),
            (
                "session: { idle: 1h, absolute: 24h }",
                "session: { idle: 1h, absolute: 2d }",
                ("7.3.2", 11, "sign_in.session.absolute: 2d"),
            ),
            (
                "two_step: required",
                "security_questions: true\n  two_step: required",
                ("6.4.2", 9, "sign_in.security_questions: true"),
            ),
            ("two_step: required", "two_step: optional", ("6.3.3", 9, "sign_in.two_step: optional")),
            ("max_age: never", "max_age: 90d", ("6.2.10", 12, "sign_in.passwords.max_age: 90d")),
            (
                "passwords: { breached_file: breached.bin, max_age: never }",
                "passwords: {}",
                ("6.2.12", 12, "sign_in.passwords.breached_file: not written"),
            ),
            ("http: \"127.0.0.1:8080\"", "http: \"0.0.0.0:8080\"", ("12.3.3", 5, "listen.http: 0.0.0.0:8080")),
            ("admin: \"127.0.0.1:9400\"", "admin: \"[::]:9400\"", ("13.4.5", 5, "listen.admin: [::]:9400")),
            (upstream, "upstream: http://10.0.3.7:8080", ("12.3.3", 16, "apps.crm.upstream: http://10.0.3.7:8080")),
            (upstream, "upstream: h2c://crm.internal", ("12.3.3", 16, "apps.crm.upstream: h2c://crm.internal")),
        ] {
            assert!(SOUND.contains(old), "{old}");
            let deviations = report(&SOUND.replace(old, new)).unwrap_or_else(|faults| panic!("{new}: {faults}"));
            let told: Vec<_> =
                deviations.iter().map(|found| (found.requirement, found.line, found.setting.as_str())).collect();
            assert_eq!(told, [expected], "{new}");
            assert_eq!(deviations[0].file, "gateway.yaml");
        }
    }

    #[test]
    fn methods_are_told_one_by_one_whether_they_can_be_used_yet_or_not() {
        for (word, id, level) in [("email", "6.3.6", 3), ("sms", "6.6.1", 2), ("voice", "6.6.1", 2)] {
            let folder = folder(&SOUND.replace("methods: [totp]", &format!("methods: [totp, {word}]")));
            let report = RefCell::default();
            let files = Files::read(folder.path(), &report);
            let page = Page { source: &files.gateway.source, report: &report };
            let found = deviations(page, &files.gateway.content);
            let [one] = &found[..] else { panic!("{found:?}") };
            assert_eq!((one.requirement, one.level, one.line), (id, level, 10), "{word}");
            assert_eq!(one.setting, format!("sign_in.methods: {word}"));
        }
    }

    #[test]
    fn what_stays_on_this_machine_or_is_encrypted_is_no_deviation() {
        let upstream = "upstream: http://127.0.0.1:9000";
        for other in
            ["http://[::1]:9000", "http://localhost", "h2c://app.localhost:1", "https://10.0.3.7", "HTTPS://x.y"]
        {
            let text = SOUND.replace(upstream, &format!("upstream: \"{other}\""));
            let found = report(&text).map(|found| found.len());
            // An upper-case scheme may be a fault; it is no deviation.
            assert!(found.as_ref().is_ok_and(|found| *found == 0) || other.starts_with("HTTPS"), "{other}: {found:?}");
        }
    }

    #[test]
    fn plain_http_beside_https_counts_only_where_proxies_bring_requests_over_it() {
        let gateway = |proxies: &str| {
            let listen = "listen: { http: \"0.0.0.0:80\", https: \"0.0.0.0:443\" }";
            let text = SOUND.replace("listen: { http: \"127.0.0.1:8080\", admin: \"127.0.0.1:9400\" }", listen);
            let folder = folder(&(text + proxies));
            let report = RefCell::default();
            let files = Files::read(folder.path(), &report);
            let page = Page { source: &files.gateway.source, report: &report };
            deviations(page, &files.gateway.content).len()
        };
        assert_eq!(
            (gateway(""), gateway("trusted_proxies: []\n"), gateway("trusted_proxies: [10.0.0.1]\n")),
            (0, 0, 1)
        );
    }

    #[test]
    fn a_faulty_configuration_has_faults_and_no_report() {
        assert!(report("version: 2\n").is_err());
    }

    fn report(gateway: &str) -> Result<Vec<Deviation>, Faults> {
        policy_report(folder(gateway).path())
    }

    fn folder(gateway: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::write(folder.path().join("policies/x.yaml"), "organization: { allow_from: [10.0.0.0/8] }\n").unwrap();
        fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
        let leaked = folder.path().join("leaked.txt");
        fs::write(&leaked, "leaked password\n").unwrap();
        crate::breached::build(&[leaked], &folder.path().join("breached.bin"), |_| ()).unwrap();
        folder
    }

    const SOUND: &str = "\
version: 1
organization: Acme
portal: http://login.localhost:8080
# A line.
listen: { http: \"127.0.0.1:8080\", admin: \"127.0.0.1:9400\" }
store: { redb: vestibule.redb }
policies: policies
sign_in:
  two_step: required
  methods: [totp]
  session: { idle: 1h, absolute: 24h }
  passwords: { breached_file: breached.bin, max_age: never }
apps:
  crm:
    host: crm.localhost
    upstream: http://127.0.0.1:9000
    allow: everyone
";
}
