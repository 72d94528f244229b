//! deploy/BENCHMARKS.md: what was measured, where, when, with which command.
//!
//! What stands between two marks belongs to one section and is replaced whole, date and machine with it. Sections that
//! were not measured this time stay as they are; everything outside the marks is written by people.

use std::fs;
use std::path::Path;
use std::process::Command;

use vestibule::clock::Clock;

use crate::Options;
use crate::table::Section;

/// Replaces these sections in the file, or adds them.
pub(crate) fn write(options: &Options, measured: &[Section]) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/BENCHMARKS.md");
    let mut text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let with = circumstances(options);
    for Section { key, text: section } in measured {
        let (from, to) = (format!("<!-- {key} -->\n"), format!("<!-- end of {key} -->\n"));
        // The heading first, then the circumstances.
        let (heading, rest) = section.split_once("\n\n").unwrap_or((section, ""));
        let section = format!("{from}{heading}\n\n{with}\n{}\n{to}", rest.trim_end());
        match (text.find(&from), text.find(&to)) {
            (Some(start), Some(end)) if start < end => text.replace_range(start..end + to.len(), &section),
            _ => {
                text.truncate(text.trim_end().len());
                text = format!("{text}\n\n{section}");
            }
        }
    }
    fs::write(&file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

/// Date, machine, versions, command.
fn circumstances(options: &Options) -> String {
    let now = i64::try_from(Clock::system().now().millis()).unwrap_or_default();
    let date = jiff::Timestamp::from_millisecond(now)
        .map_or_else(|_| String::new(), |now| now.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let of = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or(String::new(), |(_, value)| value.trim().to_owned())
    };
    let cores = fs::read_to_string("/proc/cpuinfo").unwrap_or_default().matches("processor\t").count();
    let memory = of("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1_048_576;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let (nginx, haproxy) = (version("nginx", "-v"), version("haproxy", "-v"));
    let profile = &options.built_with;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "Measured on {date}, {} × {cores}, {memory} GiB, Linux {}, load average {load} at the end; commit {}, profile {profile}; {nginx}, {haproxy}. `{}`\n",
        of("/proc/cpuinfo", "model name"),
        kernel.trim(),
        commit(),
        command(profile),
    )
}

/// As it can be typed again.
fn command(profile: &str) -> String {
    let mut words = vec!["sh tests/bench/run".to_owned()];
    if profile != "release" {
        words.push(format!("--profile {profile}"));
    }
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        match word.as_str() {
            // What the script adds.
            "--vestibule" | "--bare" | "--built-with" => drop(given.next()),
            _ => words.push(word),
        }
    }
    words.join(" ")
}

fn commit() -> String {
    let said = |arguments: &[&str]| {
        let done = Command::new("git").current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
        done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
    };
    let Some(commit) = said(&["rev-parse", "--short=10", "HEAD"]) else { return "unknown".to_owned() };
    // The report itself does not count.
    let changed = said(&["status", "--porcelain", "--untracked-files=no", "--", ":/", ":!/deploy/BENCHMARKS.md"]);
    if changed.is_some_and(|changed| !changed.is_empty()) { format!("{commit} with changes") } else { commit }
}

/// The first line that a program says about itself.
fn version(program: &str, flag: &str) -> String {
    let Ok(done) = Command::new(program).arg(flag).output() else { return format!("no {program}") };
    let said = [done.stdout, done.stderr].concat();
    let line = String::from_utf8_lossy(&said).lines().next().unwrap_or_default().to_owned();
    line.split(" - ").next().unwrap_or_default().trim_start_matches("nginx version: ").to_owned()
}
