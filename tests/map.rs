//! The map of the house: do the arrows between the rooms still point one way?
//!
//! ARCHITECTURE.md draws the map, [`ROOMS`] is the same map as a table, and the tests compare it with what the sources
//! say. A new room gets a row here; an arrow that has to be turned is turned here first, and then somebody has seen it.

use std::fs;
use std::path::{Path, PathBuf};

mod source;

use source::{paths_from_the_root, tokens};

/// A room: `gateway/src/name.rs`, or the folder `gateway/src/name/`.
struct Room {
    name: &'static str,
    /// The rooms it may name, besides itself. Every room may name the [`LEAVES`]; the sealed crates are everybody's.
    uses: &'static [&'static str],
    pingora: Pingora,
}

#[derive(PartialEq)]
enum Pingora {
    Known,
    Unknown,
}
use Pingora::{Known, Unknown};

/// From the ground up. `server → proxy → portal, console → gate → store → access`; `mail → gate`.
const ROOMS: &[Room] = &[
    // Leaves: everybody's, so they lean on almost nothing themselves.
    Room { name: "clock", uses: &[], pingora: Unknown },
    Room { name: "config", uses: &["clock", "store", "breached"], pingora: Unknown },
    Room { name: "metrics", uses: &["clock", "store"], pingora: Unknown },
    Room { name: "audit", uses: &["clock", "store"], pingora: Unknown },
    Room { name: "breached", uses: &[], pingora: Unknown },
    Room { name: "outgoing", uses: &[], pingora: Unknown },
    Room { name: "words", uses: &[], pingora: Unknown },
    // The house.
    Room { name: "store", uses: &[], pingora: Unknown },
    Room { name: "tls", uses: &[], pingora: Known },
    // They know no request: what they send was written down by the act that it tells of.
    Room { name: "couriers", uses: &["store"], pingora: Unknown },
    Room { name: "gate", uses: &["store"], pingora: Unknown },
    Room { name: "portal", uses: &["gate", "store"], pingora: Unknown },
    Room { name: "console", uses: &["gate", "store"], pingora: Unknown },
    Room { name: "mail", uses: &["gate", "store", "tls"], pingora: Known },
    Room { name: "proxy", uses: &["portal", "console", "gate", "store", "tls"], pingora: Known },
    // The administrators' verbs: the same over a store and inside a running gateway, which the server lends them.
    Room { name: "admin", uses: &["gate", "store"], pingora: Unknown },
    Room {
        name: "server",
        uses: &["admin", "couriers", "proxy", "mail", "portal", "console", "gate", "store", "tls"],
        pingora: Known,
    },
    // Above the house: they start it, show it and run it.
    Room {
        name: "demo",
        uses: &["admin", "server", "proxy", "mail", "portal", "console", "gate", "store", "tls"],
        pingora: Unknown,
    },
    Room {
        name: "cli",
        uses: &["demo", "admin", "server", "proxy", "mail", "portal", "console", "gate", "store", "tls"],
        pingora: Unknown,
    },
    Room { name: "main", uses: &["cli", "demo", "admin", "server"], pingora: Unknown },
    Room { name: "lib", uses: &[], pingora: Unknown },
];

/// Any room may name these; what they may name is in their own rows and nowhere else.
const LEAVES: &[&str] = &["clock", "config", "metrics", "audit", "breached", "outgoing", "words"];

/// Crates that decide or parse and do nothing else, with what they must never depend on. A name ending in `*` is a prefix.
const SEALED: &[(&str, &[&str])] = &[(
    "gateway/access",
    &[
        "vestibule",
        "harness",
        "dialogue",
        "tokio*",
        "async-*",
        "getrandom",
        "rand*",
        "pingora*",
        "hyper*",
        "reqwest",
        "redb",
    ],
)];

/// Rooms with such a name have no inside: anything could be in them.
const NO_NAMES: &[&str] = &["util", "utils", "common", "core", "helpers", "misc"];

/// Endings of what ARCHITECTURE.md names that make it a file of this repository.
const FILES: &[&str] =
    &["rs", "md", "toml", "yaml", "yml", "sh", "json", "html", "css", "js", "ftl", "service", "lock"];

#[test]
fn the_arrows_between_the_rooms_point_one_way() {
    let mut faults = Vec::new();
    for file in sources("gateway/src") {
        let (name, depth) = room_of(&file.path);
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            faults.push(format!("{}:1: the room `{name}` is not on the map; give it a row in tests/map.rs", file.path));
            continue;
        };
        for used in paths_from_the_root(&tokens(&file.text), depth) {
            let at = format!("{}:{}", file.path, used.line);
            let is_leaf = LEAVES.contains(&name.as_str());
            if used.text == room.name || room.uses.contains(&used.text) || (!is_leaf && LEAVES.contains(&used.text)) {
                continue;
            }
            faults.push(if ROOMS.iter().any(|room| room.name == used.text) {
                format!("{at}: `{name}` must not use `{}`: the arrow points the other way", used.text)
            } else if used.text == "*" {
                format!("{at}: a star at the root hides which rooms `{name}` uses; name them")
            } else {
                format!("{at}: `crate::{}` names no room; write which room it comes from", used.text)
            });
        }
    }
    none(&faults);
}

#[test]
fn pingora_is_named_only_at_the_wire() {
    let mut faults = Vec::new();
    for file in sources("gateway/src") {
        let (name, _) = room_of(&file.path);
        if ROOMS.iter().any(|room| room.name == name && room.pingora == Known) {
            continue;
        }
        let tokens = tokens(&file.text);
        let named = tokens.iter().filter(|token| token.text == "pingora" || token.text.starts_with("pingora_"));
        faults.extend(named.map(|token| format!("{}:{}: `{name}` must not know pingora", file.path, token.line)));
    }
    none(&faults);
}

#[test]
fn the_sealed_crates_depend_on_nothing_that_reaches_out() {
    let mut faults = Vec::new();
    for (folder, barred) in SEALED {
        let path = format!("{folder}/Cargo.toml");
        let manifest = read(&path);
        for (line, dependency) in dependencies(&manifest) {
            let bars = |barred: &&str| match barred.strip_suffix('*') {
                Some(prefix) => dependency.starts_with(prefix),
                None => dependency == **barred,
            };
            if barred.iter().any(bars) || manifest.lines().nth(line - 1).is_some_and(|text| text.contains("path =")) {
                faults.push(format!("{path}:{line}: {folder} is sealed and must not depend on `{dependency}`"));
            }
        }
    }
    none(&faults);
}

#[test]
fn every_room_is_named_for_what_it_does() {
    let files = sources("gateway").into_iter().chain(sources("tests"));
    let names_nothing = |part: &str| NO_NAMES.contains(&part.trim_end_matches(".rs"));
    let faults = files.filter(|file| file.path.split('/').any(names_nothing));
    let faults: Vec<String> =
        faults.map(|file| format!("{}:1: a room of this name has no inside", file.path)).collect();
    none(&faults);
}

#[test]
fn nothing_is_left_to_be_written() {
    let mut faults = Vec::new();
    for file in sources("gateway") {
        let tokens = tokens(&file.text);
        let left =
            tokens.windows(2).filter(|pair| matches!(pair[0].text, "todo" | "unimplemented") && pair[1].text == "!");
        faults.extend(left.map(|pair| format!("{}:{}: {}! is still there", file.path, pair[0].line, pair[0].text)));
    }
    none(&faults);
}

#[test]
fn architecture_md_names_only_files_that_exist() {
    let here = everything();
    let mut faults = Vec::new();
    for (line, name) in files_named(&read("ARCHITECTURE.md")) {
        let ending = format!("/{}", name.trim_end_matches('/'));
        // Written from the root, or from any folder below: `store/redb.rs` is `gateway/src/store/redb.rs`.
        if !here.iter().any(|path| format!("/{path}").ends_with(&ending)) {
            faults.push(format!("ARCHITECTURE.md:{line}: there is no `{name}`"));
        }
    }
    none(&faults);
}

#[test]
fn files_are_told_from_other_words() {
    let page = "Read `config/mod.rs` and [rules](policies/README.md#rules), in `deploy/`; not `access::decide`,\n\
                `/etc/vestibule/gateway.yaml`, `application/problem+json`, https://example.org/a.html or `tests/*.rs`.\n\
                ```\nstore/vault.rs   one line each\n    lib.rs\n```\n";
    let found = files_named(page);
    let found: Vec<(usize, &str)> = found.iter().map(|(line, name)| (*line, name.as_str())).collect();
    assert_eq!(
        found,
        [(1, "config/mod.rs"), (1, "deploy/"), (1, "policies/README.md"), (4, "store/vault.rs"), (5, "lib.rs")]
    );
}

#[test]
fn dependencies_are_read_without_those_of_tests() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\na.workspace = true\n# b = 1\nc = { version = \"1\" }\n\
                    [dependencies.d]\nversion = \"1\"\n[dev-dependencies]\ne = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nf = \"1\"\n[build-dependencies]\ng = \"1\"\n";
    let found = dependencies(manifest);
    let found: Vec<(usize, &str)> = found.iter().map(|(line, name)| (*line, name.as_str())).collect();
    assert_eq!(found, [(4, "a"), (6, "c"), (7, "d"), (12, "f"), (14, "g")]);
}

/// A source file; its path is written from the root of the repository.
struct SourceFile {
    path: String,
    text: String,
}

/// `gateway/src/gate/live.rs` is in the room `gate`, two modules deep.
fn room_of(path: &str) -> (String, usize) {
    let inside = path.trim_start_matches("gateway/src/").trim_end_matches(".rs");
    let modules: Vec<&str> = inside.split('/').filter(|part| *part != "mod").collect();
    let depth = if matches!(modules[..], ["lib"] | ["main"]) { 0 } else { modules.len() };
    (modules.first().map_or(String::new(), |room| room.to_string()), depth)
}

/// The names under `[dependencies]` and its like, with their lines; those under `[dev-dependencies]` are for tests only.
fn dependencies(manifest: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut section = "";
    for (number, line) in manifest.lines().map(str::trim).enumerate() {
        let counts = |section: &str| section.ends_with("dependencies") && !section.ends_with("dev-dependencies");
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            if let Some((table, name)) = section.rsplit_once('.').filter(|(table, _)| counts(table)) {
                found.push((number + 1, name.to_owned()));
                section = table.split_at(0).0;
            }
        } else if counts(section) && !line.starts_with('#') {
            let name: String = line.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
            found.extend((!name.is_empty()).then_some((number + 1, name)));
        }
    }
    found
}

/// What a page names as files or folders of this repository: in backquotes, as links, and in blocks of code.
fn files_named(page: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_block = false;
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let quoted = line.split('`').skip(1).step_by(2).filter(|_| !in_block);
        let linked = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let plain = line.split_whitespace().filter(|_| in_block);
        let words = quoted.chain(linked).chain(plain).filter(|word| is_file(word));
        found.extend(words.map(|word| (number + 1, word.to_owned())));
    }
    found
}

fn is_file(word: &str) -> bool {
    let plain = word.chars().all(|c| c.is_alphanumeric() || "._-/".contains(c));
    let ends_as_one = word.ends_with('/') || word.rsplit_once('.').is_some_and(|(_, ending)| FILES.contains(&ending));
    plain && ends_as_one && !word.starts_with('/')
}

/// All Rust files below `folder`, in order.
fn sources(folder: &str) -> Vec<SourceFile> {
    let paths =
        everything().into_iter().filter(|path| path.starts_with(&format!("{folder}/")) && path.ends_with(".rs"));
    let files: Vec<SourceFile> = paths.map(|path| SourceFile { text: read(&path), path }).collect();
    assert!(!files.is_empty(), "there are no sources in {folder}: the test looks in the wrong place");
    files
}

/// Every file and folder of the repository, from its root; not what was built, nor what git keeps.
fn everything() -> Vec<String> {
    let (root, mut found, mut folders) = (root(), Vec::new(), vec![root()]);
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for entry in entries {
            let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
            let name = path.file_name().unwrap_or_default();
            if name == "target" || name == ".git" {
                continue;
            }
            found.push(path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

fn none(faults: &[String]) {
    assert!(faults.is_empty(), "the map is not true any more:\n{}", faults.join("\n"));
}
