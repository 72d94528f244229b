//! Do the examples, schemas and READMEs say what the code does?

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;

#[test]
fn the_example_of_every_setting_loads_and_its_cases_hold() {
    let folder = Folder(tempfile::tempdir().unwrap())
        .with("gateway.yaml", repository_file("config/gateway.yaml"))
        .with("policies/organization.yaml", repository_file("policies/organization.yaml"))
        .with("tls/acme.pem", "pem")
        .with("tls/acme.key", "pem")
        .with("tls/ci-keys.json", "{}")
        .with("secrets/twilio", "token");
    let loaded = folder.load().unwrap_or_else(|faults| panic!("{faults}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.cases >= 10);
}

#[test]
fn the_least_that_works_works() {
    let folder = Folder(tempfile::tempdir().unwrap())
        .with("gateway.yaml", repository_file("config/minimal.yaml"))
        .with("policies/organization.yaml", "organization: { allow_from: [203.0.113.0/24] }\n")
        .with("tls/acme.pem", "pem")
        .with("tls/acme.key", "pem");
    let loaded = folder.load().unwrap_or_else(|faults| panic!("{faults}"));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn the_example_loads_with_every_commented_setting_switched_on() {
    let text = repository_file("config/gateway.yaml");
    let is_setting = |line: &str| {
        let bare = line.trim_start().strip_prefix("# ");
        // Of the services that send messages there is one; these two stand beside it.
        let is_other = |key: &str| ["vonage", "messagebird"].contains(&key);
        bare.and_then(|bare| bare.split_once(':'))
            .is_some_and(|(key, _)| all_keys("gateway").contains(key) && !is_other(key))
    };
    let text: String = text
        .lines()
        .map(|line| if is_setting(line) { line.replacen("# ", "", 1) + "\n" } else { line.to_owned() + "\n" })
        .collect();
    let folder = Folder(tempfile::tempdir().unwrap())
        .with("gateway.yaml", text)
        .with("policies/organization.yaml", repository_file("policies/organization.yaml"))
        .with("tls/acme.pem", "pem")
        .with("tls/internal-ca.pem", "pem")
        .with("tls/clients.pem", "pem")
        .with_breached(
            "breached.bin",
            "leaked password
",
        )
        .with("tls/acme.key", "pem")
        .with("tls/ci-keys.json", "{}")
        .with("secrets/smtp", "password")
        .with("secrets/sms", "token")
        .with("secrets/twilio", "token");
    assert!(folder.load().is_ok(), "{}", folder.load().unwrap_err());
}

#[test]
fn the_example_names_every_setting_and_no_other() {
    assert_eq!(
        keys_written(&repository_file("config/gateway.yaml"), &["crm", "payroll", "corp", "ci", "repository", "ref"]),
        all_keys("gateway")
    );
}

#[test]
fn the_readme_of_policies_and_the_example_name_every_key_of_a_policy() {
    let documents = repository_file("policies/README.md") + &repository_file("policies/organization.yaml");
    for key in all_keys("policy") {
        assert!(documents.contains(&format!("{key}:")), "`{key}:` is not explained");
    }
}

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    let schemas = schema();
    for (name, file) in [("gateway", "config/gateway.schema.json"), ("policy", "config/policy.schema.json")] {
        let text = serde_json::to_string_pretty(&schemas[name]).unwrap() + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            fs::write(repository().join(file), &text).unwrap();
        }
        // Compared as values: in what order a map is written depends on what else is built into the test.
        let committed: serde_json::Value = serde_json::from_str(&repository_file(file)).unwrap();
        assert!(committed == schemas[name], "{file} is old: run this test with UPDATE_SCHEMA=1");
    }
}

#[test]
fn every_key_of_the_schemas_is_described() {
    for name in ["gateway", "policy"] {
        each_object(&schema()[name], &mut |object| {
            for (key, value) in object["properties"].as_object().into_iter().flatten() {
                assert!(value["description"].is_string(), "{name}: `{key}` has no description");
            }
        });
    }
}

#[test]
fn every_fault_is_in_the_readme() {
    let readme = repository_file("config/README.md");
    for case in fs::read_dir(testdata().join("faults")).unwrap().map(|entry| entry.unwrap().path()) {
        let told = fs::read_to_string(case.join("expected.txt")).unwrap();
        let heads = told.lines().filter(|line| line.starts_with("error[") || line.starts_with("warning["));
        for code in heads.filter_map(|line| line.split(['[', ']']).nth(1)) {
            assert!(readme.contains(&format!("`{code}`")), "`{code}` is not in config/README.md");
        }
    }
}

fn repository_file(name: &str) -> String {
    fs::read_to_string(repository().join(name)).unwrap_or_default()
}

/// All keys that can be written.
fn all_keys(name: &str) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    each_object(&schema()[name], &mut |object| {
        keys.extend(object["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone()))
    });
    keys
}

fn each_object(value: &Value, see: &mut impl FnMut(&Value)) {
    if value.is_object() && value.get("properties").is_some() {
        see(value);
    }
    match value {
        Value::Object(entries) => entries.values().for_each(|inner| each_object(inner, see)),
        Value::Array(items) => items.iter().for_each(|inner| each_object(inner, see)),
        _ => (),
    }
}

/// Keys of a YAML text, also of settings that are commented out; `names` are those of apps.
fn keys_written(text: &str, names: &[&str]) -> BTreeSet<String> {
    let is_key = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let mut keys = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with("# yaml-language-server")) {
        let setting = line.trim_start().trim_start_matches("# ").trim_start_matches("- ");
        for part in setting.split(['{', ',']) {
            let Some((key, rest)) = part.trim().split_once(':') else { continue };
            // Comments are sentences: what stands before their colons is no setting, or has no value behind it.
            let is_sentence =
                line.trim_start().starts_with('#') && !line.trim_start().starts_with(&format!("# {key}: "));
            if is_key(key) && !names.contains(&key) && !is_sentence && (rest.is_empty() || rest.starts_with(' ')) {
                keys.insert(key.to_owned());
            }
        }
    }
    keys
}
