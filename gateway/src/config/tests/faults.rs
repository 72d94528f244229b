//! What a bad file says. Each folder of `testdata/faults` is one bad configuration; what it leaves out is sound.
//! `UPDATE_GOLDEN=1` writes the `expected.txt` anew: read them before you commit them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

#[test]
fn every_bad_configuration_says_what_to_do() {
    let mut different = Vec::new();
    let mut count = 0;
    for case in fs::read_dir(testdata().join("faults")).unwrap().map(|entry| entry.unwrap().path()) {
        let folder = Folder::sound();
        folder.copy(&case);
        let told = told(&folder);
        let expected_file = case.join("expected.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&expected_file, &told).unwrap();
        }
        let expected = fs::read_to_string(&expected_file).unwrap_or_default();
        if told != expected {
            different.push(format!("{}\nexpected:\n{expected}\nfound:\n{told}", case.display()));
        }
        count += 1;
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
    assert!(count >= 50, "only {count} cases were found");
}

#[test]
fn every_fault_has_a_place_a_source_line_and_a_fix() {
    for case in fs::read_dir(testdata().join("faults")).unwrap().map(|entry| entry.unwrap().path()) {
        let folder = Folder::sound();
        folder.copy(&case);
        let faults = match folder.load() {
            Ok(loaded) => loaded.warnings,
            Err(faults) => faults.0,
        };
        assert!(!faults.is_empty(), "{} is sound", case.display());
        for fault in faults {
            assert!(fault.help.as_ref().is_some_and(|help| !help.is_empty()), "{}: {fault:?}", case.display());
            let is_about_the_file =
                fault.line == 0 && ["too_many", "unreadable_file", "too_large"].contains(&fault.code);
            assert!(is_about_the_file || (fault.line > 0 && fault.column > 0), "{}: {fault:?}", case.display());
            assert!(!fault.message.contains(['\n', '\u{1b}']), "{fault:?}");
        }
    }
}

#[test]
fn secrets_are_not_told() {
    for case in fs::read_dir(testdata().join("faults")).unwrap().map(|entry| entry.unwrap().path()) {
        let folder = Folder::sound();
        folder.copy(&case);
        assert!(!told(&folder).contains("hunter"), "{}", case.display());
    }
}

#[test]
fn twenty_thousand_brackets_and_an_alias_bomb_are_refused_at_once() {
    for case in ["twenty_thousand_brackets", "an_alias_bomb", "deep_indentation"] {
        let folder = Folder::sound();
        folder.copy(&testdata().join("faults").join(case));
        assert!(within(Duration::from_secs(5), move || folder.load().is_err()), "{case}");
    }
}

#[test]
fn a_file_of_more_than_sixteen_mebibytes_is_refused() {
    let folder = Folder::sound().with("policies/x.yaml", vec![b'#'; (16 << 20) + 1]);
    assert_eq!(folder.codes(), ["too_large"]);
}

#[test]
fn a_file_of_more_than_a_million_values_is_refused() {
    let folder = Folder::sound().with("policies/x.yaml", format!("networks: {{ a: [{}] }}", "1,".repeat(1_000_001)));
    assert_eq!(folder.codes(), ["too_large"]);
}

#[test]
fn two_hundred_faults_are_shown_and_the_others_counted() {
    let folder =
        Folder::sound().with("policies/x.yaml", format!("networks: {{ a: [{}] }}", "10.0.0.1/8, ".repeat(1000)));
    let Faults(faults) = folder.load().unwrap_err();
    let last = faults.last().unwrap();
    assert_eq!((faults.len(), last.code, &*last.message), (201, "too_many", "800 more faults are not shown"));
}

#[test]
fn a_folder_without_gateway_yaml_says_which_file_is_missing() {
    let faults = load(tempfile::tempdir().unwrap().path(), NOW).unwrap_err();
    assert_eq!((faults.0[0].code, &*faults.0[0].file), ("unreadable_file", "gateway.yaml"));
}

#[test]
fn faults_come_in_the_order_of_files_and_lines() {
    let folder = Folder::sound()
        .with("policies/b.yaml", "x: 1\n")
        .with("policies/a.yaml", "y: 1\nz: 1\n")
        .with("gateway.yaml", "x: 1\npolicies: policies\n");
    let Faults(faults) = folder.load().unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| (&*fault.file, fault.line)).collect();
    let mut sorted = places.clone();
    sorted.sort_by_key(|(file, line)| (*file != "gateway.yaml", *file, *line));
    assert_eq!(places, sorted);
    assert_eq!(places.last().unwrap().0, "policies/b.yaml");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_are_a_configuration_and_none_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        is_refused_with_a_line(&bytes);
    }

    #[test]
    fn no_text_of_yaml_characters_makes_it_panic(text in r##"([a-z]{1,4}|[ \t\n:\[\]{},&*!|>'"#@%?<~.-]|\n  |: |- ){0,80}"##) {
        is_refused_with_a_line(text.as_bytes());
    }

    #[test]
    fn a_good_file_with_some_bytes_changed_never_makes_it_panic(at in 0_usize..400, bytes in prop::collection::vec(any::<u8>(), 1..6)) {
        let mut text = fs::read(testdata().join("sound/gateway.yaml")).unwrap();
        let at = at % text.len();
        text.splice(at..(at + bytes.len()).min(text.len()), bytes);
        let folder = Folder::sound().with("gateway.yaml", text);
        if let Err(Faults(faults)) = folder.load() {
            prop_assert!(!faults.is_empty());
        }
    }
}

fn is_refused_with_a_line(bytes: &[u8]) {
    let Faults(faults) = Folder::sound().with("gateway.yaml", bytes).load().unwrap_err();
    assert!(!faults.is_empty());
    assert!(faults.iter().all(|fault| fault.line > 0 || fault.code == "too_many"), "{faults:?}");
}

/// As `vestibule check` tells it.
fn told(folder: &Folder) -> String {
    let told = match folder.load() {
        Ok(loaded) if loaded.warnings.is_empty() => "sound\n".to_owned(),
        Ok(loaded) => loaded.warnings.iter().map(|fault| format!("{}\n", fault.told_as(Severity::Warning))).collect(),
        Err(faults) => format!("{faults}\n"),
    };
    told.replace(&*folder.path().to_string_lossy(), "DIR")
}
