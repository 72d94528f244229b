//! Do people notice when somebody guesses passwords by the hundred, or when a million networks are read again?
//!
//! A paced load stands for the people: so many requests a second, whatever comes back, latency counted from when each was
//! due. It runs quiet, and through the trouble. People and apps are no part of what is measured, so they go before everything
//! else on their core; and who waited while the machine itself stood still ([`crate::pauses`]) is told apart.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use vestibule::clock::Clock;

use crate::Options;
use crate::contest::on_load_core;
use crate::cpu::{Meter, go_first, resident, this_thread};
use crate::load::{Generator, Load, Order, Outcome, Pace, Requests, Reuse, Until};
use crate::ours::{Gateway, PORTAL_HOST, Setup};
use crate::pauses::Watch;
use crate::peers::Ground;
use crate::proxying::{asked, cookie, plain};
use crate::sizes::mib;

/// Five hundred wrong passwords in parallel.
pub(crate) fn flood(ground: &Ground, options: &Options) -> String {
    let gateway = Gateway::start(ground, "ours", Setup::LEAST);
    let span = Duration::from_secs(if options.quick { 4 } else { 12 });
    let mut text = format!(
        "## Login flood\n\n{FLOOD} wrong passwords in parallel, each with another name and from another address, while admitted people send {RATE} requests a second. One core serves both. \"At once\": {FLOOD} at the same moment, again as soon as the last is answered and a second has gone by. \"Without end\": each is followed by the next as soon as it is answered, on a new connection.{PAUSES}\n\n"
    );
    let _first = ground.app_goes_first();
    let quiet = || (people(&gateway, options, &Until::Requests(requests_in(span))), resident(gateway.process()));
    let (mut calm, least) = quiet();
    let mut troubled = Vec::new();
    for (name, ends) in [("at once", Again::EverySecond), ("without end", Again::AtOnce)] {
        let stop = Arc::new(AtomicBool::new(false));
        let (during, guesses, most) = std::thread::scope(|scope| {
            let guessing = scope.spawn(|| guess(&gateway, options, ends, &stop));
            let people = scope.spawn(|| people(&gateway, options, &Until::Requests(requests_in(span))));
            let mut most = 0;
            while !people.is_finished() {
                most = most.max(resident(gateway.process()));
                std::thread::sleep(Duration::from_millis(50));
            }
            stop.store(true, Ordering::Release);
            (joined(people), joined(guessing), most)
        });
        let said: Vec<String> = guesses.statuses.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        let said = format!(
            "{} guesses in {:.1} s: {}{}",
            guesses.answered + guesses.failed,
            guesses.wall.as_secs_f64(),
            said.join(", "),
            if guesses.failed > 0 { format!(", {} without an answer", guesses.failed) } else { String::new() }
        );
        troubled.push((name, during, said, most));
        // What is queued still runs; it must not count for the next.
        std::thread::sleep(Duration::from_secs(2));
    }
    let (again, afterwards) = quiet();
    text.push_str(HEAD);
    // A machine's quiet changes by itself: half of it is from before the floods and half from after them.
    calm.add(again);
    text += &row("quiet", &calm, &calm, "before and after", least);
    for (name, during, said, most) in &troubled {
        text += &row(name, during, &calm, said, *most);
    }
    let _ = writeln!(text, "\nResident two seconds and another quiet time afterwards: {}.", mib(afterwards));
    text
}

/// A policy with a million networks, edited and read again.
pub(crate) fn reload(ground: &Ground, options: &Options) -> String {
    let networks = if options.quick { 100_000 } else { 1_000_000 };
    let gateway = Gateway::start(ground, "ours", Setup { networks, ..Setup::LEAST });
    let mut text = format!(
        "## Reload under load\n\nThe policy lists {networks} networks; some of them are edited and `vestibule reload` is called, {RELOADS} times in turn, while people send {RATE} requests a second. One core serves both.{PAUSES}\n\n"
    );
    text.push_str(HEAD);
    let _first = ground.app_goes_first();
    let calm = people(
        &gateway,
        options,
        &Until::Requests(requests_in(Duration::from_secs(if options.quick { 3 } else { 10 }))),
    );
    text += &row("quiet", &calm, &calm, "–", resident(gateway.process()));
    let clock = Clock::system();
    let (mut all, mut most_of_all) = (People::default(), 0);
    for edition in 1..=RELOADS {
        let stop = Arc::new(AtomicBool::new(false));
        let (during, took, spent, most) = std::thread::scope(|scope| {
            let until = Until::Told(Arc::clone(&stop));
            let (gateway, options) = (&gateway, options);
            let people = scope.spawn(move || people(gateway, options, &until));
            let reloading = scope.spawn(|| {
                on_load_core(|| {
                    // Writing the files is the editor's work, and not what is measured.
                    crate::cpu::give_way();
                    gateway.edit_networks(edition);
                    let meter = Meter::start(&gateway.peer.processes());
                    let began = clock.moment();
                    gateway.command(ground, &["reload"]);
                    (clock.moment().since(began), meter.spent())
                })
            });
            let mut most = 0;
            while !reloading.is_finished() {
                most = most.max(resident(gateway.process()));
                std::thread::sleep(Duration::from_millis(20));
            }
            let (took, spent) = joined(reloading);
            stop.store(true, Ordering::Release);
            (joined(people), took, spent, most)
        });
        let said = format!("{:.2} s, {:.2} s of CPU time with the requests", took.as_secs_f64(), spent as f64 / 1e9);
        text += &row(&format!("reload {edition}"), &during, &calm, &said, most);
        all.add(during);
        most_of_all = most_of_all.max(most);
    }
    // Those during one reload are few: forty late ones are their slowest percent.
    text += &row("all of them", &all, &calm, "–", most_of_all);
    let generation = gateway.metric("vestibule_config_generation");
    assert!(generation > RELOADS as f64, "generation {generation} after {RELOADS} reloads");
    text
}

/// What people met with.
#[derive(Default)]
struct People {
    all: Outcome,
    /// Without those who waited while the machine stood still.
    undisturbed: Outcome,
}

impl People {
    /// And what they met with at another time.
    fn add(&mut self, other: Self) {
        self.all.add(other.all);
        self.undisturbed.add(other.undisturbed);
    }
}

/// People who were let in, one after the other, at a steady rate.
fn people(gateway: &Gateway, options: &Options, until: &Until) -> People {
    on_load_core(|| {
        let load = plain(options, gateway.peer.http, &asked("/list", Some(&cookie(&gateway.cookies[0]))));
        let mut generator = Generator::open(load, 10);
        go_first(this_thread());
        let watch = Watch::begin(generator.clock());
        let all = generator.run(until, Pace::PerSecond(RATE));
        People { undisturbed: all.undisturbed(&watch.end()), all }
    })
}

/// When does a guesser try again?
#[derive(Clone, Copy)]
enum Again {
    AtOnce,
    EverySecond,
}

fn guess(gateway: &Gateway, options: &Options, again: Again, stop: &Arc<AtomicBool>) -> Outcome {
    let to = gateway.peer.http;
    // Names of one length, so that the length of the body is known.
    let names: Arc<[String]> = (0..50_000).map(|number| format!("nobody{number:05}")).collect();
    let body =
        |name: &str| format!("{{\"username\":\"{name}\",\"password\":\"a wrong password\",\"device\":\"a phone\"}}");
    let whole = body("nobody00000");
    let (start, end) = whole.split_once("nobody00000").expect("it is in there");
    let before = format!(
        "POST /api/v1/sign-in HTTP/1.1\r\nhost: {PORTAL_HOST}:{}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{start}",
        to.port(),
        whole.len(),
    );
    let load = Load {
        connections: FLOOD,
        reuse: Reuse::Never,
        // So many that none is throttled.
        from: (0..20_000_u32).map(|at| IpAddr::from((0x7f00_1000 + at).to_be_bytes())).collect(),
        requests: Requests::many(before, names, Order::AS_MADE, end.to_owned()),
        status: None,
        ..plain(options, to, &asked("/", None))
    };
    on_load_core(|| {
        // The people's load shares this core, and their latency must not be that of waiting for us.
        crate::cpu::give_way();
        let mut generator = Generator::open(load, 0);
        match again {
            Again::AtOnce => generator.run(&Until::Told(Arc::clone(stop)), Pace::Closed),
            Again::EverySecond => {
                let mut all = Outcome::default();
                while !stop.load(Ordering::Acquire) {
                    all.add(generator.run(&Until::Requests(FLOOD as u64), Pace::Closed));
                    std::thread::sleep(Duration::from_secs(1));
                }
                all
            }
        }
    })
}

fn row(name: &str, people: &People, calm: &People, said: &str, resident: u64) -> String {
    let ms = |outcome: &Outcome, share| outcome.quantile(share).as_secs_f64() * 1000.0;
    let People { all, undisturbed } = people;
    let [p50, p99, worst] = [0.5, 0.99, 1.0].map(|share| ms(undisturbed, share));
    let ratio = p99 / ms(&calm.undisturbed, 0.99);
    let (p99_of_all, ratio_of_all) = (ms(all, 0.99), ms(all, 0.99) / ms(&calm.all, 0.99));
    format!(
        "| {name} | {p50:.2} ms | {p99:.2} ms | **{ratio:.2}** | {worst:.1} ms | {} | {} | {p99_of_all:.2} ms | {ratio_of_all:.2} | {} | {} | {said} |\n",
        undisturbed.answered,
        all.answered - undisturbed.answered,
        all.failed,
        mib(resident),
    )
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

const fn requests_in(span: Duration) -> u64 {
    span.as_secs() * RATE as u64
}

const PAUSES: &str = " Load and upstream go before everything else on their core; who waited while the machine itself stood still, for a millisecond or more, is counted apart, and the figures with them stand beside.";
const HEAD: &str = "| | p50 | p99 | p99 ÷ quiet | worst | answered | while the machine stood still | p99 with these | ÷ quiet | failed | resident at most | |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n";
/// Of people, a second.
const RATE: u32 = 2_000;
/// In parallel.
const FLOOD: usize = 500;
const RELOADS: usize = 5;
