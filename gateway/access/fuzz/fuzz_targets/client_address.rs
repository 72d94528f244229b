//! Forwarding headers: field lines of `X-Forwarded-For`, a NUL, field lines of `Forwarded`.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use access::network::{AddressSet, Claims, ClientAddr, Network, Trust};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut headers = bytes.splitn(2, |byte| *byte == 0);
    let mut lines = || headers.next().map_or(Vec::new(), |lines| lines.split(|byte| *byte == b'\n').collect());
    let claims = Claims { x_forwarded_for: lines(), forwarded: lines() };
    let peer = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

    let alone = ClientAddr::resolve(peer, &AddressSet::default(), &claims);
    assert!(alone.is_ok_and(|resolved| resolved.client.ip() == peer), "untrusted peers are not listened to");

    let ours: AddressSet = ["10.0.0.0/8".parse::<Network>().expect("a network")].into_iter().collect();
    for trusted in [ours, AddressSet::everything()] {
        let Ok(resolved) = ClientAddr::resolve(peer, &trusted, &claims) else { continue };
        let (client, before) = resolved.hops.split_last().expect("there is always the peer");
        assert_eq!(client.0, resolved.client.ip());
        assert!(before.iter().all(|(_, trust)| *trust == Trust::Trusted), "nobody speaks for a stranger");
        assert!(resolved.hops.len() <= 33);
        assert_eq!(client.0, client.0.to_canonical());
    }
});
