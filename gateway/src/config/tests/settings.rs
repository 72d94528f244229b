//! What a good file becomes.

use std::net::IpAddr;
use std::time::Duration;

use access::identity::{AppName, GroupName, RoleName, UserName};
use access::jwt::{Algorithm, Scopes, Subject};
use access::policy::{Allowed, Method, TwoStep};
use access::target::{PathPattern, Unusual, UnusualPaths};

use super::*;

#[test]
fn a_sound_folder_becomes_settings() {
    let settings = Folder::sound().load().unwrap().settings;
    assert_eq!(settings.organization, "Acme");
    assert_eq!(settings.portal.origin(), "http://login.localhost:8080");
    assert_eq!(settings.listen.admin, "127.0.0.1:9400".parse().unwrap());
    let app = &settings.apps["crm.localhost"];
    assert_eq!((app.name.as_str(), &*app.title, &*app.origin), ("crm", "crm", "http://crm.localhost:8080"));
    let expected = Upstream { scheme: Scheme::Http, host: "127.0.0.1".into(), port: 9000, ca_file: None };
    assert_eq!((&*app.upstreams, app.pass_authorization), (&[expected][..], false));
    assert!(settings.networks[&NetworkName::parse("office").unwrap()].contains_ip(ip("203.0.113.9")));
    assert!(settings.policy.perimeter().contains_ip(ip("203.0.113.9")));
    assert!(!settings.policy.perimeter().contains_ip(ip("10.8.0.1")));
    assert!(settings.trusted_proxies.is_empty());
}

#[test]
fn what_is_not_written_is_the_strict_value() {
    let settings = Folder::sound().load().unwrap().settings;
    let organization = &settings.policy.rules().organization;
    assert_eq!(organization.two_step, TwoStep::Required);
    assert_eq!(organization.session.idle, Duration::from_secs(3600));
    assert_eq!(organization.session.absolute, Duration::from_secs(86_400));
    assert!(settings.listen.https.is_none());
}

#[test]
fn nothing_listed_means_nobody_and_is_told() {
    let loaded = Folder::sound().with("policies/x.yaml", "groups: { sales: {} }\n").load().unwrap();
    assert!(loaded.settings.policy.perimeter().is_empty());
    assert_eq!(loaded.warnings.iter().map(|fault| fault.code).collect::<Vec<_>>(), ["nobody_can_enter"]);
}

#[test]
fn names_of_files_begin_at_the_folder() {
    let folder = Folder::sound();
    let settings = folder.load().unwrap().settings;
    assert_eq!(settings.store, folder.path().join("vestibule.redb"));
    assert_eq!(settings.store_key, folder.path().join("vestibule.redb.key"));
}

#[test]
fn the_rules_know_their_lines() {
    let folder = Folder::sound()
        .with("gateway.yaml", gateway("  crm:\n    host: crm.localhost\n    upstream: http://[::1]\n    allow:\n      - role admin\n    paths:\n      - path: /status\n        allow: public\n"))
        .with("policies/x.yaml", "networks: { office: [203.0.113.0/24] }\norganization:\n  allow_from: [office, 10.0.0.1]\nroles:\n  admin:\n    only_from: office\nusers:\n  Ana:\n    allow_from: anywhere\n");
    let settings = folder.load().unwrap().settings;
    let rules = settings.policy.rules();
    let line = |place: &Place| (place.file.to_string(), place.line);

    let app = &rules.apps[&AppName::parse("crm").unwrap()];
    assert_eq!(line(&app.place), ("gateway.yaml".into(), 8));
    assert_eq!(app.paths.iter().map(|rule| rule.place.line).collect::<Vec<_>>(), [14, 12]);
    assert_eq!(app.paths[0].allow, [Allowed::Public]);
    assert_eq!(app.paths[1].allow, [Allowed::Role(RoleName::parse("admin").unwrap())]);
    assert_eq!(app.paths[1].pattern, PathPattern::parse("/*").unwrap());
    assert_eq!(
        settings.apps["crm.localhost"].upstreams.iter().map(|up| (&*up.host, up.port)).collect::<Vec<_>>(),
        [("::1", 80)]
    );

    let everybody = rules.organization.allow_from.as_ref().unwrap();
    assert_eq!((&*everybody.names, line(&everybody.place)), ("office, 10.0.0.1", ("policies/x.yaml".into(), 3)));
    assert!(everybody.set.contains_ip(ip("10.0.0.1")));
    let admin = &rules.roles[&RoleName::parse("admin").unwrap()];
    assert_eq!((line(&admin.place).1, &*admin.only_from.as_ref().unwrap().names), (5, "office"));
    let ana = &rules.users[&UserName::parse("ana").unwrap()];
    assert_eq!(&*ana.allow_from.as_ref().unwrap().names, "anywhere");
}

#[test]
fn every_setting_of_an_app_arrives() {
    let folder = Folder::sound()
        .with(
            "gateway.yaml",
            gateway("  crm:\n    title: Customers\n    host: crm.localhost\n    upstream: https://crm.internal:8443\n    ca_file: ca.pem\n    allow: everyone\n    only_from: [10.0.0.0/8]\n    two_step: required\n    second_step: totp\n    fresh: 5m\n    basic: app_passwords\n    syncs: [carddav, caldav, carddav]\n    pass_authorization: true\n    paths:\n      - { path: /api/*, allow: [token crm.read, user ana, group sales], methods: GET, only_from: 10.1.0.0/16, second_step: [totp], fresh: 1m }\n"),
        )
        .with("ca.pem", "pem");
    let settings = folder.load().unwrap().settings;
    let app = &settings.apps["crm.localhost"];
    assert!(app.takes_app_passwords);
    assert_eq!(app.syncs, [InStep::Carddav, InStep::Caldav]);
    assert_eq!((&*app.title, app.pass_authorization, app.upstreams[0].scheme), ("Customers", true, Scheme::Https));
    assert_eq!((&app.upstreams[0].ca_file, app.upstreams[0].port), (&Some(folder.path().join("ca.pem")), 8443));
    let rules = &settings.policy.rules().apps[&app.name];
    assert!(rules.two_step && rules.second_step.is_some_and(|methods| methods.has(Method::Totp)));
    assert_eq!(rules.fresh, Some(Duration::from_secs(300)));
    assert!(rules.only_from.is_some());
    let path = &rules.paths[0];
    assert_eq!(path.methods.as_deref(), Some(&["GET".into()][..]));
    assert_eq!((path.allow.len(), path.fresh), (3, Some(Duration::from_secs(60))));
    assert_eq!(path.allow[2], Allowed::Group(GroupName::parse("sales").unwrap()));
    assert!(path.only_from.as_ref().is_some_and(|list| list.set.contains_ip(ip("10.1.0.1"))));
}

#[test]
fn every_setting_of_the_traffic_arrives() {
    let text = gateway(
        "  crm:
    host: crm.localhost
    upstream: [h2c://10.0.3.7:8080, h2c://10.0.3.8]
    allow: everyone
    balance: least_connections
    health: { path: \"/healthz?deep\", every: 1m, timeout: 1s, fall: 4, rise: 1 }
    timeouts: { connect: 1s, response: 5m }
    client_certificate: required
    limits: { body: 64KiB, concurrent: 10, requests: 1000/s, person: 50/m, token: 20/h, address: 1/s }
    paths_may_contain: [encoded_slash, empty_segments]
",
    );
    let text = text
        .replace("listen: { http: \"127.0.0.1:8080\" }", "listen: { http: \"127.0.0.1:8080\", https: \"127.0.0.1:8443\", proxy_protocol: [office, 10.0.0.1], workers: 3 }")
        .replace("apps:\n", "limits: { connections: 10, connections_per_address: 2, header_time: 5s, slowest: 1KiB, drain: 1m }
tls: { certificates: [{ chain: a.pem, key_file: a.key }], client_ca: clients.pem }
apps:\n");
    let folder =
        Folder::sound().with("gateway.yaml", text).with("a.pem", "pem").with("a.key", "pem").with("clients.pem", "pem");
    let settings = folder.load().unwrap_or_else(|faults| panic!("{faults}")).settings;
    let some = |n: u32| NonZeroU32::new(n).unwrap();
    let seconds = Duration::from_secs;
    assert!(
        settings.proxy_protocol.contains_ip(ip("203.0.113.9")) && settings.proxy_protocol.contains_ip(ip("10.0.0.1"))
    );
    assert_eq!(settings.listen.workers, some(3));
    let limits = Limits {
        connections: some(10),
        connections_per_address: some(2),
        header_time: seconds(5),
        slowest: NonZeroU64::new(1024).unwrap(),
        drain: seconds(60),
    };
    assert_eq!(settings.limits, limits);
    assert_eq!(settings.client_ca.unwrap().file, folder.path().join("clients.pem"));
    let app = &settings.apps["crm.localhost"];
    let told: Vec<_> = app.upstreams.iter().map(|upstream| (upstream.scheme, upstream.to_string())).collect();
    assert_eq!(told, [(Scheme::H2c, "10.0.3.7:8080".to_owned()), (Scheme::H2c, "10.0.3.8:80".to_owned())]);
    assert_eq!(app.balance, Balance::LeastConnections);
    let health =
        Health { path: "/healthz?deep".into(), every: seconds(60), timeout: seconds(1), fall: some(4), rise: some(1) };
    assert_eq!(app.health, Some(health));
    assert_eq!(app.timeouts, Timeouts { connect: seconds(1), response: seconds(300) });
    assert_eq!(app.client_certificate, ClientCertificate::Required);
    let rate = |count, per| Some(Rate { count: some(count), per: seconds(per) });
    let limits = AppLimits {
        body: Some(65_536),
        concurrent: Some(some(10)),
        requests: rate(1000, 1),
        person: rate(50, 60),
        token: rate(20, 3600),
        address: rate(1, 1),
    };
    assert_eq!(app.limits, limits);
    let may = app.paths_may_contain;
    assert!(may.has(Unusual::EncodedSlash) && may.has(Unusual::EmptySegments) && !may.has(Unusual::DotSegments));
}

#[test]
fn traffic_without_settings_has_the_defaults_of_the_manual() {
    let settings = Folder::sound().load().unwrap().settings;
    assert!(settings.proxy_protocol.is_empty() && settings.client_ca.is_none());
    let limits = settings.limits;
    assert_eq!(
        (limits.connections.get(), limits.connections_per_address.get(), limits.slowest.get()),
        (16_384, 1024, 500)
    );
    assert_eq!((limits.header_time.as_secs(), limits.drain.as_secs()), (10, 30));
    let app = &settings.apps["crm.localhost"];
    assert_eq!((app.balance, &app.health, app.limits), (Balance::RoundRobin, &None, AppLimits::default()));
    assert_eq!((app.timeouts.connect.as_secs(), app.timeouts.response.as_secs()), (3, 60));
    assert_eq!((app.client_certificate, app.paths_may_contain), (ClientCertificate::NotAsked, UnusualPaths::default()));
    let checked = gateway("  crm: { host: crm.localhost, upstream: \"http://a\", allow: everyone, health: {} }\n");
    let app = &Folder::sound().with("gateway.yaml", checked).load().unwrap().settings.apps["crm.localhost"];
    let health = app.health.as_ref().unwrap();
    assert_eq!((&*health.path, health.every.as_secs(), health.timeout.as_secs()), ("/", 5, 2));
    assert_eq!((health.fall.get(), health.rise.get()), (3, 2));
}

#[test]
fn several_policy_files_are_one_policy() {
    let folder = Folder::sound()
        .with("policies/a.yaml", "roles: { admin: { only_from: [lab] } }\n")
        .with("policies/z.yml", "networks: { lab: [192.0.2.0/24] }\n")
        .with("policies/.hidden.yaml", "not: read\n")
        .with("policies/x.yaml~", "not: read\n");
    let settings = folder.load().unwrap().settings;
    assert!(settings.policy.rules().roles.contains_key(&RoleName::parse("admin").unwrap()));
}

#[test]
fn a_policy_that_links_to_nothing_is_missed() {
    let folder = Folder::sound();
    std::os::unix::fs::symlink("nowhere.yaml", folder.path().join("policies/y.yaml")).unwrap();
    assert_eq!(folder.codes(), ["unreadable_file"]);
}

#[test]
fn the_portal_may_have_a_port_and_a_capital_letter() {
    for (written, origin) in [
        ("https://Login.Acme.example", "https://login.acme.example"),
        ("https://login.acme.example:443/", "https://login.acme.example"),
        ("https://login.acme.example:8443", "https://login.acme.example:8443"),
        ("http://localhost", "http://localhost"),
    ] {
        let text = gateway("").replace("http://login.localhost:8080", written).replace("apps:\n", "");
        let settings = Folder::sound().with("gateway.yaml", text).load().unwrap().settings;
        assert_eq!(settings.portal.origin(), origin);
    }
}

#[test]
fn certificates_are_named_when_https_is_on() {
    let text =
        gateway("").replace("{ http: \"127.0.0.1:8080\" }", "{ http: \"127.0.0.1:8080\", https: \"127.0.0.1:8443\" }");
    let text = text.replace("apps:\n", "tls: { certificates: [{ chain: a.pem, key_file: a.key }] }\n");
    let folder = Folder::sound().with("gateway.yaml", text).with("a.pem", "pem").with("a.key", "pem");
    let settings = folder.load().unwrap().settings;
    let place = Place { file: "gateway.yaml".into(), line: 7 };
    let expected = CertificateFiles { chain: folder.path().join("a.pem"), key: folder.path().join("a.key"), place };
    assert_eq!(settings.certificates, [expected]);
}

#[test]
fn a_hundred_thousand_networks_load() {
    let mut text = String::from("networks:\n  office:\n");
    for number in 0_u32..100_000 {
        let [_, a, b, c] = (number * 16).to_be_bytes();
        text.push_str(&format!("    - 10.{a}.{b}.{c}/29\n"));
    }
    text.push_str("organization: { allow_from: [office] }\n");
    let folder = Folder::sound().with("policies/x.yaml", text);
    let settings = within(Duration::from_secs(30), move || folder.load().unwrap().settings);
    assert_eq!(settings.networks[&NetworkName::parse("office").unwrap()].len(), 100_000);
}

#[test]
fn the_digest_is_that_of_the_content() {
    let folder = Folder::sound();
    let before = folder.load().unwrap().digest;
    assert_eq!(digest(folder.path()), before);
    assert_eq!(Folder::sound().load().unwrap().digest, before, "the same files elsewhere");
    let folder = folder.with("policies/y.yaml", "groups: {}\n");
    let after = digest(folder.path());
    assert_ne!(after, before);
    assert_eq!(folder.load().unwrap().digest, after);
    let folder = folder.with("policies/y.yaml", "\u{feff}groups: {}\n");
    assert_eq!(folder.load().unwrap().digest, digest(folder.path()), "also with a byte-order mark");
    let broken = folder.with("policies/y.yaml", "groups: {\n");
    assert_ne!(digest(broken.path()), after, "also of a bad file");
    assert_eq!(digest(Path::new("/nowhere")), digest(Path::new("/nowhere/else")));
}

#[test]
fn a_renewed_certificate_is_another_digest() {
    let text = gateway("").replace("apps:\n", "tls: { certificates: [{ chain: a.pem, key_file: a.key }] }\n");
    let folder = Folder::sound().with("gateway.yaml", text).with("a.pem", "old").with("a.key", "old");
    let before = digest(folder.path());
    assert_ne!(digest(folder.with("a.pem", "new").path()), before);
}

#[test]
fn listeners_and_the_store_need_a_restart_and_nothing_else() {
    let load = |text: String| Folder::sound().with("gateway.yaml", text).load().unwrap().settings;
    // One folder, so that the store's path is the same.
    let folder = Folder::sound();
    let old = folder.load().unwrap().settings;
    let folder = folder.with("gateway.yaml", gateway("").replace("apps:\n", "sign_in: { two_step: optional }\n"));
    assert!(needs_restart(&old, &folder.load().unwrap().settings).is_empty());
    let moved = load(gateway("").replace("127.0.0.1:8080", "127.0.0.1:8081").replace("apps:\n", ""));
    assert_eq!(needs_restart(&old, &moved), ["listen", "store"]);
    let listening = gateway("").replace(" }\nstore", ", proxy_protocol: 10.0.0.1 }\nstore");
    let limited = |limits: &str| listening.replace("apps:\n", &format!("limits: {{ {limits} }}\n"));
    let folder =
        folder.with("gateway.yaml", limited("drain: 5s, header_time: 5s, slowest: 1, connections_per_address: 1"));
    assert!(needs_restart(&old, &folder.load().unwrap().settings).is_empty());
    let folder = folder.with("gateway.yaml", limited("connections: 5"));
    assert_eq!(needs_restart(&old, &folder.load().unwrap().settings), ["limits.connections"]);
}

#[test]
fn a_tokens_list_is_resolved_like_a_file() {
    let networks = Folder::sound().load().unwrap().settings.networks;
    let resolve = |entries: &[&str]| {
        let entries: Vec<_> = entries.iter().map(|&entry| entry.to_owned()).collect();
        resolve_list(&networks, &entries)
    };
    assert!(resolve(&[]).unwrap().is_none());
    let listed = resolve(&["office", "192.0.2.7", "2001:db8::/32", "10.0.0.1-10.0.0.9"]).unwrap().unwrap();
    assert_eq!(&*listed.names, "office, 192.0.2.7, 2001:db8::/32, 10.0.0.1-10.0.0.9");
    for inside in ["203.0.113.1", "192.0.2.7", "2001:db8::7", "10.0.0.9"] {
        assert!(listed.set.contains_ip(ip(inside)), "{inside}");
    }
    assert!(!listed.set.contains_ip(ip("192.0.2.8")));
    assert_eq!(resolve(&["ofice"]).unwrap_err(), "unknown network \"ofice\"; did you mean \"office\"?");
    assert!(resolve(&["10.0.0.1/8"]).unwrap_err().contains("10.0.0.0/8"));
    for never in ["anywhere", "", "0.0.0.0/0", "::/0"] {
        assert!(resolve(&[never]).is_err(), "{never:?}");
    }
}

#[test]
fn what_is_shown_loads_again_and_names_every_default() {
    let shown = show(Folder::sound().path()).unwrap();
    let (gateway, policy) = shown.split_once("---\n").unwrap();
    for default in [
        "two_step: required",
        "idle: 1h",
        "absolute: 24h",
        "127.0.0.1:9400",
        "vestibule.redb.key",
        "title: crm",
        "workers: ",
        "connections: 16384",
        "connections_per_address: 1024",
        "header_time: 10s",
        "slowest: ",
        "drain: 30s",
        "balance: round_robin",
        "connect: 3s",
        "response: 60s",
    ] {
        assert!(gateway.contains(default), "{default} is missing in\n{gateway}");
    }
    let again = Folder::sound().with("gateway.yaml", gateway).with("policies/x.yaml", policy);
    assert_eq!(show(again.path()).unwrap(), shown);
}

#[test]
fn cases_are_counted_and_asked_with_the_time_that_is_handed_in() {
    let cases = "cases:\n  - { user: ana, from: 203.0.113.9, app: crm, expect: allow }\n  - { from: 203.0.113.9, app: crm, expect: sign_in }\n";
    let policy = fs::read_to_string(testdata().join("sound/policies/x.yaml")).unwrap();
    let folder = Folder::sound().with("policies/x.yaml", policy + cases);
    for now in [Timestamp::from_millis(0), NOW, Timestamp::NEVER] {
        assert_eq!(load(folder.path(), now).unwrap().cases, 2);
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A sound gateway with these apps.
fn gateway(apps: &str) -> String {
    format!(
        "version: 1\norganization: Acme\nportal: http://login.localhost:8080\nlisten: {{ http: \"127.0.0.1:8080\" }}\n\
         store: {{ redb: vestibule.redb }}\npolicies: policies\napps:\n{apps}"
    )
}

#[test]
fn what_holds_for_passwords_arrives() {
    let passwords = |written: &str| {
        let text = gateway(APP) + &format!("sign_in: {{ passwords: {{ {written} }} }}\n");
        let folder = Folder::sound().with("gateway.yaml", text).with_breached("breached.bin", "leaked password\n");
        folder.load().unwrap_or_else(|faults| panic!("{faults}")).settings.passwords
    };
    for nothing in ["", "max_age: never"] {
        let Passwords { breached, max_age } = passwords(nothing);
        assert!(breached.is_none() && max_age.is_none(), "{nothing}");
    }
    let written = passwords("breached_file: breached.bin, max_age: 90d");
    assert_eq!(written.max_age, Some(Duration::from_secs(90 * 86_400)));
    let file = written.breached.unwrap();
    assert_eq!((file.known.count(), &*file.place.file, file.place.line > 0), (1, "gateway.yaml", true));
}

#[test]
fn a_breached_file_that_was_changed_is_a_new_configuration_and_a_damaged_one_has_its_line() {
    let text = gateway(APP) + "sign_in: { passwords: { breached_file: breached.bin } }\n";
    let folder = Folder::sound().with("gateway.yaml", text).with_breached("breached.bin", "leaked password\n");
    let first = folder.load().unwrap();
    let folder = folder.with_breached("breached.bin", "another password\n");
    let second = folder.load().unwrap();
    assert_ne!(first.digest, second.digest);
    assert_eq!(digest(folder.path()), second.digest);
    second.settings.verify_breached(Some(&first.settings)).unwrap();

    let path = folder.path().join("breached.bin");
    let mut bytes = fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    let damaged = folder.load().unwrap();
    let Faults(faults) = damaged.settings.verify_breached(Some(&first.settings)).unwrap_err();
    assert_eq!((faults[0].code, faults[0].line > 0), ("bad_breached_file", true));
    assert!(faults[0].message.contains("checksum"), "{}", faults[0].message);
}

#[test]
fn an_issuer_arrives_with_what_was_not_written() {
    let issuers = "issuers:\n  corp: { issuer: \"https://id.example/\", jwks_url: \"https://id.example/keys\", audience: gate, user: sub, apps: CRM }\n  ci: { issuer: \"https://ci.example\", jwks_file: keys.json, audience: [a, b], algorithms: [PS512, Ed25519], service: ci-bot, claims: { sub: x }, scopes: everything, apps: [crm] }\n";
    let folder = Folder::sound().with("gateway.yaml", gateway(APP) + issuers).with("keys.json", "{}");
    let loaded = folder.load().unwrap();
    let issuers = &loaded.settings.issuers;
    let corp = &issuers["https://id.example/"];
    assert_eq!((corp.name.as_str(), &corp.apps[..]), ("corp", &[AppName::parse("crm").unwrap()][..]));
    assert_eq!(corp.keys, KeySource::Url { url: "https://id.example/keys".to_owned(), ca_file: None });
    assert_eq!(corp.trust.audience, ["gate"]);
    assert_eq!(corp.trust.subject, Subject::Claim("sub".to_owned()));
    assert_eq!(corp.trust.scopes, Scopes::Claim("scope".to_owned()));
    use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps512, Rs256};
    assert_eq!(corp.trust.algorithms, [Es256, Es384, EdDsa, Rs256, Ps256]);
    let ci = &issuers["https://ci.example"];
    assert_eq!(ci.keys, KeySource::File(folder.path().join("keys.json")));
    assert_eq!(ci.trust.algorithms, [Ps512, EdDsa]);
    assert_eq!(ci.trust.subject, Subject::Service(UserName::parse("ci-bot").unwrap()));
    assert_eq!(ci.trust.claims, [("sub".to_owned(), "x".to_owned())]);
    assert_eq!(ci.trust.scopes, Scopes::Everything);
    let folder = folder.with("keys.json", "{\"keys\":[]}");
    assert_ne!(digest(folder.path()), loaded.digest, "other keys are another configuration");
}

#[test]
fn a_service_that_is_known_arrives_with_what_was_not_written() {
    let sid = "0123456789abcdef0123456789ABCDEF";
    let twilio = format!("twilio: {{ account: AC{sid}, from: \"+34 600-123-456\", secret_file: secrets/a }}");
    let region = format!(
        "twilio: {{ account: AC{sid}, user: SK{sid}, from: \"12345\", secret_file: secrets/a, url: \"https://api.dublin.ie1.twilio.com/\", timeout: 2s, per_day: 7 }}"
    );
    let couriers = |sms: &str, voice: &str| {
        let couriers = format!("couriers:\n  sms: {{ {sms} }}\n  voice: {{ {voice} }}\n");
        let folder = Folder::sound().with("gateway.yaml", gateway(APP) + &couriers).with("secrets/a", "x");
        let loaded = folder.load().unwrap_or_else(|faults| panic!("{faults}"));
        (loaded.settings.couriers.clone(), folder)
    };
    let (found, folder) = couriers(&region, &twilio);
    let (sms, voice) = (found.sms.unwrap(), found.voice.unwrap());
    let account = Twilio {
        api: "https://api.twilio.com".to_owned(),
        account: format!("AC{sid}"),
        user: format!("AC{sid}"),
        from: "+34600123456".to_owned(),
    };
    assert_eq!(voice.service, Service::TwilioCalls(account.clone()));
    assert_eq!(voice.secret_file, Some(folder.path().join("secrets/a")));
    assert_eq!((voice.timeout, voice.per_day.get()), (Duration::from_secs(5), 1000));
    let [api, user, from] = ["https://api.dublin.ie1.twilio.com", &format!("SK{sid}"), "12345"].map(str::to_owned);
    assert_eq!(sms.service, Service::TwilioMessages(Twilio { api, user, from, ..account }));
    assert_eq!((sms.timeout, sms.per_day.get()), (Duration::from_secs(2), 7));
    let (found, _) = couriers("vonage: { account: abcd1234, from: Acme IT 2, secret_file: secrets/a }", &twilio);
    let (account, from) = ("abcd1234".to_owned(), "Acme IT 2".to_owned());
    assert_eq!(found.sms.unwrap().service, Service::Vonage { account, from: from.clone() });
    let (found, _) = couriers("messagebird: { from: Acme IT 2, secret_file: secrets/a }", &twilio);
    assert_eq!(found.sms.unwrap().service, Service::Messagebird { from });
}

const APP: &str = "  crm:\n    host: crm.localhost\n    upstream: http://127.0.0.1:9000\n    allow: everyone\n";
