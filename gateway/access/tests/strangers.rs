//! Whatever strangers send, no parser panics, and what it takes it takes in one form only. The fuzz targets in `fuzz/`
//! assert the same of what they find; this runs on the stable compiler with every change.

use std::net::IpAddr;

use access::identity::{Email, LoginName, SessionId, UserName};
use access::login::{CODES_PER_FLOW, Flow, Input, Next, Stage, advance};
use access::network::proxy_protocol::{self, Source, Step};
use access::network::{AddressSet, Believed, Claims, ClientAddr, Field, Headers, Network, Trust};
use access::password::{Password, PasswordHash, Strength};
use access::policy::{Method, Methods};
use access::secret::TypedSecret;
use access::target::{CanonicalPath, HostName, PathPattern};
use access::totp::{Code, TotpSecret};
use access::{Secret, Timestamp};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn a_network_is_shown_as_it_can_be_read(text in text("[0-9a-f.:/%-]{0,24}")) {
        if let Ok(network) = text.parse::<Network>() {
            prop_assert_eq!(network.to_string().parse(), Ok(network));
        }
    }

    #[test]
    fn a_forwarding_header_names_an_address_or_refuses(
        x_forwarded_for in prop::collection::vec(bytes("[0-9a-f.:, \\[\\]]{0,24}"), 0..3),
        forwarded in prop::collection::vec(bytes("(for=|FOR=\"|by=|[0-9a-f.:,;\"\\\\\\[\\]]){0,9}"), 0..3),
        peer in any::<[u8; 4]>(),
        proxied in prop::option::of(any::<[u8; 16]>()),
    ) {
        let headers = Lines { x_forwarded_for, forwarded };
        let proxied = proxied.map(|address| Source::Client(address.into()));
        let claims = Claims { proxied, headers: Some(&headers) };
        let peer = IpAddr::from(peer);
        match (ClientAddr::resolve(peer, &Believed::default(), &claims), proxied) {
            (Ok(alone), None) => prop_assert_eq!(alone.client.ip(), peer, "untrusted peers are not listened to"),
            (alone, _) => prop_assert!(alone.is_err() && proxied.is_some(), "nor are their PROXY headers"),
        }
        let all = AddressSet::everything();
        let believed = Believed { proxy_protocol: proxied.map(|_| &all), trusted_proxies: Some(&all) };
        if let Ok(resolved) = ClientAddr::resolve(peer, &believed, &claims) {
            let hops: Vec<_> = resolved.hops().collect();
            let (last, rest) = hops.split_last().expect("there is always the peer");
            prop_assert_eq!(last.0, resolved.client.ip());
            prop_assert!(rest.iter().all(|(_, trust)| *trust == Trust::Trusted) && hops.len() <= 34);
            prop_assert_eq!(resolved.client.ip(), resolved.client.ip().to_canonical());
        }
    }

    #[test]
    fn a_proxy_header_ends_where_it_ends(bytes in bytes("(PROXY |\\r\\n|TCP[46]|UNKNOWN| |[0-9a-f.:]){0,9}"), more in any::<[u8; 9]>()) {
        if let Ok(Step::Done { length, .. }) = proxy_protocol::read(&bytes) {
            prop_assert!(bytes[..length].ends_with(b"\r\n"));
            prop_assert_eq!(proxy_protocol::read(&[&bytes[..], &more].concat()), proxy_protocol::read(&bytes[..length]));
        }
    }

    #[test]
    fn a_host_is_one_text(bytes in bytes("[A-Za-z0-9.:\\[\\]-]{0,24}")) {
        if let Ok((host, port)) = HostName::from_authority(&bytes) {
            let text = port.map_or(host.to_string(), |port| format!("{host}:{port}"));
            prop_assert_eq!(HostName::from_authority(text.as_bytes()), Ok((host.clone(), port)));
            prop_assert_eq!(HostName::parse(host.as_str()), Ok(host.clone()));
            prop_assert!(!host.as_str().ends_with('.') && !host.as_str().contains(|c: char| c.is_ascii_uppercase()));
        }
    }

    #[test]
    fn a_path_has_nothing_left_to_resolve(bytes in bytes("/([a-z./*%;\\\\]|%[0-9a-fA-F]{2}){0,12}")) {
        if let Ok(path) = CanonicalPath::parse(&bytes) {
            let path = path.readings().next().expect("there is one");
            prop_assert!(path.starts_with('/') && !path.contains("//") && !path.contains(['\\', ';', '%']));
            prop_assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")));
            prop_assert!(!path.contains(char::is_control));
            // Segments as every other program counts them.
            let slashes = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'/').count();
            prop_assert_eq!(slashes(path.as_bytes()), slashes(&bytes));
        }
    }

    #[test]
    fn a_pattern_covers_its_own_path(text in text("/[a-z/*%0-9]{0,12}")) {
        if let Ok(pattern) = PathPattern::parse(&text) {
            let own = text.strip_suffix('*').unwrap_or(&text);
            let path = CanonicalPath::parse(own.as_bytes()).expect("a pattern is a path");
            prop_assert!(path.readings().next().is_some_and(|path| pattern.covers(path)));
        }
    }

    #[test]
    fn a_name_is_canonical_once_and_for_all(text in text("[ a-zA-Z0-9._@-]{0,20}")) {
        if let Ok(name) = UserName::parse(&text) {
            prop_assert_eq!(UserName::parse(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(UserName::parse(&format!(" {} ", name.as_str().to_uppercase())), Ok(name));
        }
        if let Ok(email) = Email::parse(&text) {
            prop_assert_eq!(Email::parse(email.as_str()), Ok(email.clone()));
            prop_assert_eq!(LoginName::parse(email.as_str()), Ok(LoginName::Email(email)));
        }
        if let Some(id) = SessionId::parse(&text) {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn what_is_typed_is_a_code_or_nothing(text in text("[0-9A-Za-z -]{0,22}"), key in any::<[u8; 20]>(), now in any::<u64>()) {
        let now = Timestamp::from_millis(now);
        let secret = TotpSecret::from_random(key);
        if let Some(code) = Code::parse(&text) {
            let expected = secret.step_of(&code, now);
            prop_assert!(expected.is_none_or(|step| step.0 + 1 >= now.seconds() / 30));
        }
        let shown = Code::parse(&secret.code_at(now)).expect("six digits");
        prop_assert!(secret.step_of(&shown, now).is_some());
        if let Some(secret) = TypedSecret::parse(&text) {
            let again = TypedSecret::parse(&secret.grouped()).expect("what is shown can be typed");
            prop_assert_eq!(again.bytes(), secret.bytes());
        }
    }

    #[test]
    fn an_address_for_the_qr_code_is_one_address(issuer in any::<String>(), account in any::<String>()) {
        let uri = TotpSecret::from_random([7; 20]).uri(&issuer, &account);
        prop_assert!(uri.starts_with("otpauth://totp/") && uri.is_ascii() && !uri.contains(['#', ' ', '"']));
        prop_assert_eq!(uri.matches('?').count(), 1);
        prop_assert_eq!(uri.matches(':').count(), 2);
    }

    #[test]
    fn any_text_is_a_password_or_is_not(text in any::<String>(), word in any::<String>()) {
        let accepted = Password::parse(Secret::new(text.clone())).map(|password| {
            let _ = password.accept(Strength::WithSecondStep, &[&word, &text]);
        });
        prop_assert!(accepted.is_ok() || text.is_empty());
        let _ = PasswordHash::from_phc(text);
    }

    #[test]
    fn no_flow_from_the_store_is_done_by_a_wrong_code(bits in any::<u8>(), wrong in any::<u8>(), started in any::<u64>(), now in any::<u64>()) {
        let methods = Methods::from_bits(bits);
        for stage in [Stage::SecondStep { methods }, Stage::SecondStepThenSetUp { methods }, Stage::SetUp] {
            let person = access::identity::UserId([1; 16]);
            let flow = Flow { person, started: Timestamp::from_millis(started), stage, wrong };
            let now = Timestamp::from_millis(now);
            prop_assert!(!matches!(advance(&flow, Input::Wrong, now), Next::Done(_) | Next::Misplaced));
            for input in [Input::SecondStepRight(Method::Totp), Input::SetUpRight(Method::Totp)] {
                if let Next::Done(proved) = advance(&flow, input, now) {
                    prop_assert!(wrong < CODES_PER_FLOW && proved.factors().has_second_step());
                    prop_assert_eq!(proved.person(), person);
                }
            }
        }
    }
}

/// Anything, and what is near to being right.
fn text(near: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), near, "\\PC{0,40}"]
}

fn bytes(near: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![prop::collection::vec(any::<u8>(), 0..64), near.prop_map(String::into_bytes)]
}

struct Lines {
    x_forwarded_for: Vec<Vec<u8>>,
    forwarded: Vec<Vec<u8>>,
}

impl Headers for Lines {
    fn lines(&self, field: Field) -> Vec<&[u8]> {
        let lines = match field {
            Field::XForwardedFor => &self.x_forwarded_for,
            Field::Forwarded => &self.forwarded,
        };
        lines.iter().map(Vec::as_slice).collect()
    }
}
