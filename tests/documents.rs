//! What the documents say is so: their commands parse, their files exist, their configuration is accepted.

use std::path::Path;

use clap::Parser;
use vestibule::cli::Cli;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

#[test]
fn every_command_in_a_document_is_one_that_the_program_takes() {
    let mut checked = 0;
    for (document, text) in documents() {
        for line in blocks(&text, "sh").lines() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            for command in line.split("&&").map(str::trim) {
                let words = shell_words(command);
                let arguments = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                    ["cargo", "run", "--", rest @ ..] => rest.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    [program, rest @ ..] if program.ends_with("vestibule") => {
                        rest.iter().map(ToString::to_string).collect()
                    }
                    _ => continue,
                };
                let parsed = Cli::try_parse_from(std::iter::once("vestibule".to_owned()).chain(arguments));
                assert!(
                    parsed.is_ok(),
                    "{document}: {command}\n{}",
                    parsed.err().map(|e| e.to_string()).unwrap_or_default()
                );
                checked += 1;
            }
        }
    }
    assert!(checked >= 8, "only {checked} commands were found");
}

#[test]
fn every_file_that_a_document_links_to_is_there() {
    let mut checked = 0;
    for (document, text) in documents() {
        let folder = Path::new(ROOT).join(&document);
        let folder = folder.parent().expect("a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("http") || link.starts_with('#') {
                continue;
            }
            assert!(folder.join(link).exists(), "{document} links to {link}");
            checked += 1;
        }
    }
    assert!(checked >= 5, "only {checked} links were found");
}

#[test]
fn the_readmes_configuration_is_accepted_and_its_cases_hold() {
    let text = std::fs::read_to_string(Path::new(ROOT).join("README.md")).expect("readable");
    let yaml: Vec<String> =
        text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).map(str::to_owned).collect();
    let [settings, policy] = yaml.as_slice() else { panic!("two YAML blocks, not {}", yaml.len()) };
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::create_dir(dir.path().join("policies")).expect("writable");
    std::fs::create_dir(dir.path().join("tls")).expect("writable");
    std::fs::write(dir.path().join("gateway.yaml"), settings).expect("writable");
    std::fs::write(dir.path().join("policies/organization.yaml"), policy).expect("writable");
    harness::certificates::write(dir.path().join("tls/acme.pem"), dir.path().join("tls/acme.key"), &["*.acme.example"]);
    let loaded =
        vestibule::config::load(dir.path(), harness::gateway::MORNING).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(loaded.cases, 2);
    assert!(vestibule::tls::Certificates::load(&loaded.settings).is_ok());
}

/// The documents people read, with their text.
fn documents() -> Vec<(String, String)> {
    ["README.md", "ARCHITECTURE.md", "SECURITY.md", "config/README.md", "policies/README.md"]
        .into_iter()
        .map(|name| (name.to_owned(), std::fs::read_to_string(Path::new(ROOT).join(name)).expect("readable")))
        .collect()
}

/// Everything in fenced blocks of one language.
fn blocks(text: &str, language: &str) -> String {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// Words as a shell splits them, double quotes included.
fn shell_words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in command.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("never empty").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}
