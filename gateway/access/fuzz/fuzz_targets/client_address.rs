//! Forwarding headers, behind a balancer or not: field lines of `X-Forwarded-For`, a NUL, field lines of `Forwarded`, a NUL,
//! a PROXY header.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use access::network::proxy_protocol::{Source, Step, read};
use access::network::{AddressError, AddressSet, Believed, Claims, ClientAddr, Field, Headers, Network, Trust};
use libfuzzer_sys::fuzz_target;

struct Lines<'a>([&'a [u8]; 2]);

impl Headers for Lines<'_> {
    fn lines(&self, field: Field) -> Vec<&[u8]> {
        let [x_forwarded_for, forwarded] = self.0;
        let lines = if field == Field::Forwarded { forwarded } else { x_forwarded_for };
        if lines.is_empty() { Vec::new() } else { lines.split(|byte| *byte == b'\n').collect() }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let headers = Lines([part(), part()]);
    let proxied = match read(part()) {
        Ok(Step::Done { source, .. }) => Some(source),
        Ok(Step::More) | Err(_) => None,
    };
    let claims = Claims { proxied, headers: Some(&headers) };
    let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    match (ClientAddr::resolve(peer, &Believed::default(), &claims), proxied) {
        (Ok(alone), None) => assert_eq!(alone.client.ip(), peer, "untrusted peers are not listened to"),
        (Err(error), Some(_)) => assert_eq!(error, AddressError::HeaderUnexpected),
        (other, _) => panic!("{other:?}"),
    }

    let ours: AddressSet = ["10.0.0.0/8".parse::<Network>().expect("a network")].into_iter().collect();
    for (balancers, proxies) in [(None, Some(&ours)), (Some(&ours), None), (Some(&ours), Some(&ours))] {
        let everything = AddressSet::everything();
        for proxies in [proxies, proxies.map(|_| &everything)] {
            let believed = Believed { proxy_protocol: balancers, trusted_proxies: proxies };
            let Ok(resolved) = ClientAddr::resolve(peer, &believed, &claims) else { continue };
            assert_eq!(balancers.is_some(), proxied.is_some(), "required from those who are listed, from nobody else");
            assert_ne!(proxied, Some(Source::Unknown));
            let hops: Vec<_> = resolved.hops().collect();
            let (client, before) = hops.split_last().expect("there is always the peer");
            assert_eq!(client.0, resolved.client.ip());
            assert!(before.iter().all(|(_, trust)| *trust == Trust::Trusted), "nobody speaks for a stranger");
            assert!(hops.len() <= 34);
            assert_eq!(client.0, client.0.to_canonical());
            if let (Some(Source::Client(client)), None) = (proxied, proxies) {
                assert_eq!(resolved.client.ip(), client, "the balancer speaks for one only");
            }
        }
    }
});
