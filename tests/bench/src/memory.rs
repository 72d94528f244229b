//! What does a connection cost that does nothing?

use std::fmt::Write as _;
use std::net::IpAddr;

use crate::Options;
use crate::contest::on_load_core;
use crate::cpu::resident;
use crate::load::{Generator, Load};
use crate::ours::{Gateway, Setup};
use crate::peers::{Ground, Peer};
use crate::proxying::{asked, client, cookie, plain};
use crate::sizes::mib;

/// Idle keep-alive connections, each after one request, plain and over TLS.
pub(crate) fn connections(ground: &Ground, options: &Options) -> String {
    let wanted = if options.quick { 1_000 } else { 5_000 };
    let least = Setup::LEAST;
    let plain_gateway = Gateway::start(ground, "ours", least);
    let tls_gateway = Gateway::start(ground, "ours", Setup { https: true, ..least });
    // Two of each: what plain connections leave behind would be taken for the others.
    let pair = |start: &dyn Fn() -> Peer| (start(), start());
    let mut peers = vec![pair(&|| Peer::bare(ground, true))];
    if options.wants_row("nginx") {
        peers.push(pair(&|| Peer::nginx(ground, false)));
    }
    if options.wants_row("HAProxy") {
        peers.push(pair(&|| Peer::haproxy(ground)));
    }
    let mut text = format!(
        "## Memory of an idle connection\n\n{wanted} keep-alive connections, each after one request of 100 bytes; what resident memory grew by, a connection.\n\n"
    );
    text.push_str("| | resident before | plain | over TLS |\n|---|---:|---:|---:|\n");
    let mut row = |name: &str, plain_peer: &Peer, tls_peer: &Peer, gateways: [&Gateway; 2]| {
        let request = |peer: &Peer, gateway: &Gateway, is_tls: bool| {
            let asked = asked("/list", Some(&cookie(&gateway.cookies[0])));
            let load = plain(options, if is_tls { peer.https } else { peer.http }, &asked);
            Load { tls: is_tls.then(|| client(ground, &[b"http/1.1"])), ..load }
        };
        let before = resident(plain_peer.processes()[0]);
        let a_plain = each(plain_peer, &request(plain_peer, gateways[0], false), wanted);
        let a_tls = each(tls_peer, &request(tls_peer, gateways[1], true), wanted);
        let _ =
            writeln!(text, "| {name} | {} | {:.1} KiB | {:.1} KiB |", mib(before), a_plain / 1024.0, a_tls / 1024.0);
    };
    row("ours", &plain_gateway.peer, &tls_gateway.peer, [&plain_gateway, &tls_gateway]);
    for (for_plain, for_tls) in &peers {
        row(for_plain.name, for_plain, for_tls, [&plain_gateway, &plain_gateway]);
    }
    text
}

/// Bytes a connection.
fn each(peer: &Peer, load: &Load, wanted: usize) -> f64 {
    on_load_core(|| {
        // A few that come and go: what is allocated once is there.
        drop(Generator::open(Load { connections: AT_A_TIME, ..load.clone() }, 4));
        let before = resident(peer.processes()[0]);
        // So few at a time that no queue of unaccepted ones runs over; each lot from an address of its own.
        let open: Vec<Generator> = (0..wanted / AT_A_TIME)
            .map(|lot| {
                let from = vec![IpAddr::from([127, 0, 3, u8::try_from(lot + 1).expect("few lots")])];
                Generator::open(Load { connections: AT_A_TIME, from, ..load.clone() }, 1)
            })
            .collect();
        let after = resident(peer.processes()[0]);
        let grown = after.saturating_sub(before) as f64 / (open.len() * AT_A_TIME) as f64;
        drop(open);
        grown
    })
}

const AT_A_TIME: usize = 200;
