//! Does a request cost more when a million networks are listed, or a million sessions are open?

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crate::contest::{self, Contender, Driver, Row, on_load_core};
use crate::cpu::{Meter, resident};
use crate::load::{Generator, Load, Order, Outcome, Pace, Requests, Until};
use crate::ours::{APP_HOST, Gateway, Setup};
use crate::peers::{Ground, Peer};
use crate::proxying::{asked, cookie, plain};
use crate::table::{self, median};
use crate::{Options, say};

/// By how many networks are listed.
pub(crate) fn networks(ground: &Ground, options: &Options) -> String {
    let sizes = &options.sizes(&[10, 1_000, 100_000, 1_000_000], &[10, 100_000]);
    let bare = Peer::bare(ground, true);
    let mut gateways = Vec::new();
    let mut text = "## Listed networks

Of the fewest and of the most there are three processes each: where the memory of one happens to lie moves what a request costs by two percent.

| networks | start | resident after start |
|---:|---:|---:|
"
    .to_owned();
    for networks in sizes {
        let setup = Setup { networks: *networks, ..Setup::LEAST };
        let alike = Gateway::start_alike(ground, "ours", setup, processes(*networks, sizes));
        let _ = writeln!(
            text,
            "| {} | {:.2} s | {} |",
            number(*networks),
            alike[0].start.as_secs_f64(),
            mib(resident(alike[0].process()))
        );
        gateways.extend(alike.into_iter().map(|gateway| (*networks, gateway)));
    }
    let by_cookie = |gateway: &Gateway| {
        let asked = asked("/list", Some(&cookie(&gateway.cookies[0])));
        plain(options, gateway.peer.http, &asked)
    };
    let mut contenders = vec![bare_contender(&bare, &gateways[0].1, options)];
    for (networks, gateway) in &gateways {
        contenders.push(Contender {
            name: format!("ours, {} networks", number(*networks)),
            processes: gateway.peer.processes(),
            load: Driver::Http1(by_cookie(gateway)),
        });
    }
    let rows = contest::run(ground, &contenders, options.length(30_000));
    text.push('\n');
    text += &table::contest("100 bytes, HTTP/1.1 keep-alive, by cookie", &rows);
    text += &from_least_to_most(&rows);
    text
}

/// By how many sessions are open.
pub(crate) fn sessions(ground: &Ground, options: &Options) -> String {
    let sizes = &options.sizes(&[1, 10_000, 1_000_000], &[1, 10_000]);
    let bare = Peer::bare(ground, true);
    let mut text = format!(
        "## Live sessions

Each session is on one app; from 2,000 sessions on there are 2,000 people. First each shows its cookie once, on a public path, one after the other, so that it is in \
memory and nothing else has happened to it. Then it is always the same one that asks, while the others are open; or requests are spread over all of them in an order that \
jumps about, each time to somebody else and far away in memory: {PAGE} in a row, as a page does, or one for each, which is the worst that can be: whatever a request needs to know of anybody is then as far away as memory is. The processes with few sessions have done nothing else \
before; those with many have read them all. The first after three quarters of a minute needs a new assertion to be signed. Notes of uses in the store \
are not in these figures; what one costs stands below. Of the fewest and of the most there are three processes each, with copies of one store; the table says what the first took.

| sessions | opened in | gateway's start | resident then | each shown once in | CPU µs each | resident then | a session |
|---:|---:|---:|---:|---:|---:|---:|---:|
"
    );
    let mut gateways = Vec::new();
    for sessions in sizes {
        let setup = Setup { sessions: *sessions, ..Setup::LEAST };
        let mut alike = Gateway::start_alike(ground, "ours", setup, processes(*sessions, sizes)).into_iter();
        let gateway = alike.next().expect("at least one");
        say(&format!("{} sessions are open in the store", number(*sessions)));
        let before = resident(gateway.process());
        let (outcome, ns) = touch(&gateway, &spread(&gateway, options, "/status/list", Order::AS_MADE), *sessions);
        assert_eq!(outcome.failed, 0, "first requests failed: {:?}", outcome.first_failure);
        let after = resident(gateway.process());
        let each = (after.saturating_sub(before)) as f64 / *sessions as f64;
        let _ = writeln!(
            text,
            "| {} | {:.1} s | {:.2} s | {} | {:.1} s | {:.1} | {} | {} |",
            number(*sessions),
            gateway.opened.as_secs_f64(),
            gateway.start.as_secs_f64(),
            mib(before),
            outcome.wall.as_secs_f64(),
            ns as f64 / 1000.0 / *sessions as f64,
            mib(after),
            if *sessions < 1_000 { "–".to_owned() } else { format!("{each:.0} B") },
        );
        gateways.push((*sessions, gateway));
        for gateway in alike {
            let (outcome, _) = touch(&gateway, &spread(&gateway, options, "/status/list", Order::AS_MADE), *sessions);
            assert_eq!(outcome.failed, 0, "first requests failed: {:?}", outcome.first_failure);
            gateways.push((*sessions, gateway));
        }
    }
    let counts = |gateway: &Gateway| gateway.metric(WRITES);
    let length = options.length(30_000);
    let asked = length.rounds as f64 * length.requests as f64;
    let contests = [
        ("always the same session", "/list", u64::MAX),
        ("twenty requests in a row for each session", "/list", PAGE),
        ("one request for each session", "/list", 1),
        ("one request for each session, on a public path: only who it is has to be known", "/status/list", 1),
    ];
    for (title, path, in_a_row) in contests {
        let mut contenders = vec![bare_contender(&bare, &gateways[0].1, options)];
        for (sessions, gateway) in &gateways {
            contenders.push(Contender {
                name: format!("ours, {} sessions", number(*sessions)),
                processes: gateway.peer.processes(),
                load: Driver::Http1(spread(gateway, options, path, Order::jumping(in_a_row))),
            });
        }
        let before: Vec<f64> = gateways.iter().map(|(_, gateway)| counts(gateway)).collect();
        let rows = contest::run(ground, &contenders, length);
        text.push('\n');
        text += &table::contest(&format!("100 bytes, HTTP/1.1 keep-alive, by cookie: {title}"), &rows);
        text += &from_least_to_most(&rows);
        let mut writes = Vec::new();
        let firsts = gateways.iter().zip(before).enumerate();
        let firsts = firsts.filter(|(at, _)| *at == 0 || gateways[at - 1].0 != gateways[*at].0);
        for (_, ((sessions, gateway), before)) in firsts {
            let written = (counts(gateway) - before) / asked * 1000.0;
            writes.push(format!("{written:.1} with {}", number(*sessions)));
        }
        let _ = writeln!(text, "\nBatches written to the store for 1,000 requests: {}.", writes.join(", "));
    }
    text += &notes(ground, options);
    if !options.quick
        && let Some((_, largest)) = gateways.last()
    {
        let meter = Meter::start(&largest.peer.processes());
        std::thread::sleep(Duration::from_secs(AT_REST));
        let share = meter.spent() as f64 / 1e6 / AT_REST as f64;
        let size = mib(resident(largest.process()));
        let _ = writeln!(
            text,
            "\nAt rest, with the most sessions, it takes {share:.1} ms of CPU time a second and is {size} large."
        );
    }
    text
}

/// What it costs to note in the store that a session was used: the same requests, once when that is due and once when not.
fn notes(ground: &Ground, options: &Options) -> String {
    let sessions = if options.quick { 10_000 } else { 100_000 };
    let setup = Setup { sessions, idle: "2m", ..Setup::LEAST };
    let gateway = Gateway::start(ground, "ours", setup);
    let load = spread(&gateway, options, "/list", Order::AS_MADE);
    let pass = || {
        let (before, meter) = (gateway.metric(WRITES), Meter::start(&gateway.peer.processes()));
        let (outcome, _) = touch(&gateway, &load, sessions);
        assert_eq!(outcome.failed, 0, "requests failed: {:?}", outcome.first_failure);
        // Until the store has been told of the last.
        std::thread::sleep(Duration::from_secs(1));
        (meter.spent() as f64 / 1000.0, gateway.metric(WRITES) - before)
    };
    // All are in memory then, and have been noted; after a twelfth of the limit they are to be noted again.
    let _ = pass();
    std::thread::sleep(Duration::from_secs(11));
    let (noted, (unnoted, _)) = (pass(), pass());
    assert!(noted.1 > 0.0, "nothing was noted");
    format!(
        "\nA note costs {:.1} µs of CPU time ({} sessions, {} batches): each session that is in use has one each twelfth of its idle limit, \
at least each quarter of an hour.\n",
        (noted.0 - unnoted) / sessions as f64,
        number(sessions),
        noted.1,
    )
}

/// The bare proxy, asked as the gateway is.
fn bare_contender(bare: &Peer, gateway: &Gateway, options: &Options) -> Contender {
    let load = plain(options, bare.http, &asked("/list", Some(&cookie(&gateway.cookies[0]))));
    Contender { name: bare.name.to_owned(), processes: bare.processes(), load: Driver::Http1(load) }
}

/// Requests of everybody who is signed in.
fn spread(gateway: &Gateway, options: &Options, path: &'static str, order: Order) -> Load {
    let to = gateway.peer.http;
    let before = format!(
        "GET {path} HTTP/1.1\r\nhost: {APP_HOST}:{}\r\nuser-agent: bench/1.0\r\naccept: */*\r\n{}",
        to.port(),
        cookie("")
    );
    let requests = Requests::many(before, Arc::clone(&gateway.cookies), order, "\r\n\r\n".to_owned());
    Load { requests, ..plain(options, to, &asked(path, None)) }
}

fn touch(gateway: &Gateway, load: &Load, sessions: usize) -> (Outcome, u64) {
    on_load_core(|| {
        let mut generator = Generator::open(load.clone(), 0);
        let meter = Meter::start(&gateway.peer.processes());
        let outcome = generator.run(&Until::Requests(sessions as u64), Pace::Closed);
        (outcome, meter.spent())
    })
}

/// What the largest cost more than the smallest of ours, round by round: all of one size together.
fn from_least_to_most(rows: &[Row]) -> String {
    let (Some(least), Some(most)) = (rows.get(1), rows.last()) else { return String::new() };
    let mean = |name: &str| {
        let alike: Vec<_> = rows.iter().filter(|row| row.name == name).collect();
        let of_round = |round: usize| alike.iter().map(|row| row.cpu[round]).sum::<f64>() / alike.len() as f64;
        (0..least.cpu.len()).map(of_round).collect::<Vec<_>>()
    };
    let change: Vec<f64> = mean(&most.name).iter().zip(mean(&least.name)).map(|(most, least)| most / least).collect();
    let change = (median(&change) - 1.0) * 100.0;
    format!(
        "\nFrom {} to {}: {change:+.1} %.\n",
        least.name.trim_start_matches("ours, "),
        most.name.trim_start_matches("ours, ")
    )
}

/// Of the smallest and the largest there are several: where the memory of a process happens to lie moves what a request
/// costs by two percent.
fn processes(size: usize, sizes: &[usize]) -> usize {
    if sizes.first() == Some(&size) || sizes.last() == Some(&size) { 3 } else { 1 }
}

/// 1000000 as 1,000,000.
fn number(value: usize) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(crate) fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
}

const WRITES: &str = "vestibule_store_seconds_count{verb=\"apply\"}";
/// What a page and its pictures come to.
const PAGE: u64 = 20;
/// Seconds. The longest of the regular chores counts the sessions, up to half a second for a million, and comes at two hundred
/// times what it took (`server::sweep`): in less than that, it would be chance whether it is in the figure.
const AT_REST: u64 = 120;
