//! What does a request cost, beside a bare proxy and its rivals? `sh tests/bench/run --help`.

mod answer;
mod contest;
mod cpu;
mod load;
mod memory;
mod ours;
mod pauses;
mod peers;
mod proxying;
mod report;
mod sizes;
mod table;
mod trouble;

use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use contest::Length;
use peers::Ground;
use table::Section;

/// Measures the gateway beside a bare pingora proxy, nginx and HAProxy: CPU time a request, from /proc.
///
/// What is measured runs on core 0, load and upstream on core 1. All peers run at the same time and take turns.
#[derive(Parser)]
#[command(name = "sh tests/bench/run", max_term_width = 110, args_override_self = true)]
struct Options {
    /// A minute or two instead of twenty: fewer rounds, smaller sizes
    #[arg(long)]
    quick: bool,
    /// Only these sections: http1, tls, http2, networks, sessions, memory, flood, reload
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Only rows whose name contains one of these (the bare proxy is always there): cookie, bearer, public, refused, nginx…; with `=` before it, whose name ends so
    #[arg(long, value_delimiter = ',')]
    rows: Vec<String>,
    /// So many listed networks or live sessions, fewest first, in place of the usual ones
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<usize>,
    /// Turns of everybody
    #[arg(long)]
    rounds: Option<usize>,
    /// Requests a turn
    #[arg(long)]
    requests: Option<u64>,
    /// Connections at a time
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// The program under test
    #[arg(long, value_name = "FILE")]
    vestibule: Option<PathBuf>,
    /// The bare proxy
    #[arg(long, value_name = "FILE")]
    bare: Option<PathBuf>,
    /// With which profile both were built, for the report
    #[arg(long, default_value = "unknown")]
    built_with: String,
    /// Write what was measured into deploy/BENCHMARKS.md; sections that were not measured stay as they are
    #[arg(long)]
    write: bool,
}

impl Options {
    fn wants(&self, section: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == section)
    }

    fn wants_row(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        let is_meant = |row: &String| match row.to_lowercase().strip_prefix('=') {
            Some(end) => name.ends_with(&format!(", {end}")),
            None => name.contains(&row.to_lowercase()),
        };
        self.rows.is_empty() || self.rows.iter().any(is_meant)
    }

    fn sizes(&self, usual: &[usize], quick: &[usize]) -> Vec<usize> {
        match (self.sizes.is_empty(), self.quick) {
            (false, _) => self.sizes.clone(),
            (true, false) => usual.to_vec(),
            (true, true) => quick.to_vec(),
        }
    }

    fn length(&self, requests: u64) -> Length {
        let (rounds, requests) = if self.quick { (7, requests / 2) } else { (11, requests) };
        Length { rounds: self.rounds.unwrap_or(rounds), requests: self.requests.unwrap_or(requests) }
    }
}

fn main() {
    let options = Options::parse();
    for only in &options.only {
        assert!(SECTIONS.iter().any(|(key, _)| key == only), "there is no section {only}");
    }
    let beside = std::env::current_exe().expect("a program has a place");
    let beside = beside.parent().expect("a program has a folder");
    let vestibule = options.vestibule.clone().unwrap_or_else(|| beside.join("vestibule"));
    let bare = options.bare.clone().unwrap_or_else(|| beside.join("bare"));
    let ground = Ground::lay(bare, vestibule);
    leave_nothing_behind(&ground);
    let mut measured = Vec::new();
    for (key, measure) in SECTIONS {
        if options.wants(key) {
            let section = Section { key, text: measure(&ground, &options) };
            say(&section.text);
            measured.push(section);
        }
    }
    if options.write {
        report::write(&options, &measured);
    }
}

/// Told to end, this still removes its folder: a store of a million sessions is more than a gigabyte.
fn leave_nothing_behind(ground: &Ground) {
    let folder = ground.folder().to_owned();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let mut terminate = signal(SignalKind::terminate()).expect("signals");
            let mut interrupt = signal(SignalKind::interrupt()).expect("signals");
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        });
        let _ = std::fs::remove_dir_all(folder);
        std::process::exit(130);
    });
}

fn say(text: &str) {
    // Nobody reads any more: go on measuring for the file.
    let _ = writeln!(std::io::stdout(), "{text}");
}

type Measure = fn(&Ground, &Options) -> String;

const SECTIONS: &[(&str, Measure)] = &[
    ("http1", proxying::http1),
    ("tls", proxying::tls),
    ("http2", proxying::http2),
    ("networks", sizes::networks),
    ("sessions", sizes::sessions),
    ("memory", memory::connections),
    ("flood", trouble::flood),
    ("reload", trouble::reload),
];
