//! Every arm of the walk, by table; what is asked of a proof stands in [`proofs`]. The lines stand in [`attempts`]:
//! `by 12` is the rule on line 12.

mod attempts;
mod model;
mod proofs;
mod readings;

use std::time::Duration;

use attempts::*;

use super::*;

#[test]
fn from_outside_the_perimeter_nothing_is_asked() {
    for (from, by) in [(NOWHERE, "by 2"), (BLOCKED, "by 3"), ("2001:db8::1", "by 2")] {
        let refused = format!("refuse address_not_allowed {by}");
        for goal in
            [Try::sign_in(), Try::portal(), Try::get("crm", "/"), Try::get("crm", "/status"), Try::get("x", "/")]
        {
            assert_eq!(goal.from(from).answer(), refused, "nobody, {goal:?}");
            assert_eq!(goal.from(from).session("ana").answer(), refused, "a session, {goal:?}");
            assert_eq!(goal.from(from).token("ana", &[]).answer(), refused, "a token, {goal:?}");
            assert_eq!(goal.from(from).app_password("ana").answer(), refused, "an app password, {goal:?}");
        }
    }
}

#[test]
fn without_any_list_nobody_comes_from_anywhere() {
    let bare = |rules: &mut Rules| {
        rules.organization.allow_from = None;
        rules.organization.blocked = None;
        rules.roles.clear();
        rules.groups.clear();
        rules.users.clear();
    };
    assert_eq!(Try::sign_in().under(bare).answer(), "refuse address_not_allowed by 1");
}

#[test]
fn the_sign_in_is_open_to_the_perimeter_and_carries_nobody() {
    for from in [OFFICE, FIELD, ANAS] {
        assert_eq!(Try::sign_in().from(from).answer(), "allow nobody by 1");
        assert_eq!(Try::sign_in().from(from).session("ana").answer(), "allow nobody by 1");
        assert_eq!(Try::sign_in().from(from).token("ana", &[]).answer(), "allow nobody by 1");
    }
}

#[test]
fn the_portal_is_for_people_who_are_signed_in() {
    assert_eq!(Try::portal().answer(), "sign in");
    assert_eq!(Try::portal().token("ana", &[]).answer(), "refuse not_allowed by none");
    assert_eq!(Try::portal().session("ana").answer(), "allow ana by 1");
    assert_eq!(Try::portal().session("ana").from(ANAS).answer(), "allow ana by 1");
    assert_eq!(Try::portal().session("bob").from(ANAS).answer(), "refuse address_not_allowed by 2");
    // What an app demands is not the portal's business.
    let app_demands = |rules: &mut Rules| crm(rules).two_step = true;
    assert_eq!(Try::portal().session("ana").shown(&[Method::Password]).under(app_demands).answer(), "allow ana by 1");
}

#[test]
fn an_address_has_to_be_listed_for_the_person_and_inside_all_that_narrows() {
    let narrow = |whose: &'static str, network: &'static str| {
        move |rules: &mut Rules| level_of(rules, whose).only_from = Some(listed(network, 60))
    };
    for (who, from, answer) in [
        ("ana", OFFICE, "allow ana by 21"),
        ("ana", VPN, "allow ana by 21"),
        ("ana", ANAS, "allow ana by 21"),
        ("ana", FIELD, "refuse address_not_allowed by 2"),
        ("bob", OFFICE, "allow bob by 21"),
        ("bob", FIELD, "allow bob by 21"),
        ("bob", ANAS, "refuse address_not_allowed by 2"),
        ("eve", FIELD, "refuse address_not_allowed by 2"),
        ("eve", "::ffff:203.0.113.9", "allow eve by 21"),
    ] {
        assert_eq!(Try::get("wiki", "/").session(who).from(from).answer(), answer, "{who} from {from}");
        assert_eq!(Try::get("wiki", "/").token(who, &[]).from(from).answer(), answer, "{who}'s token from {from}");
    }
    for whose in ["role", "group", "user"] {
        let attempt = Try::get("wiki", "/").session("ana");
        let inside = attempt.under(narrow(whose, "203.0.113.0/24"));
        assert_eq!(inside.answer(), "allow ana by 21");
        assert_eq!(inside.from(ANAS).answer(), "refuse address_not_allowed by 60", "{whose}");
        assert_eq!(inside.from(ANAS).token("ana", &[]).answer(), "refuse address_not_allowed by 60", "{whose}");
        // What is not listed is not made so by narrowing.
        let elsewhere = attempt.under(narrow(whose, "198.51.100.0/24"));
        assert_eq!(elsewhere.from(FIELD).answer(), "refuse address_not_allowed by 2");
    }
}

#[test]
fn what_an_app_or_a_path_narrows_is_refused_before_anybody_is_asked() {
    let app_too = |rules: &mut Rules| crm(rules).only_from = Some(listed("10.8.0.0/16", 70));
    let path = |rules: &mut Rules| crm(rules).paths[3].only_from = Some(listed("10.8.0.0/16", 71));
    for attempt in [Try::get("crm", "/"), Try::get("crm", "/").session("ana"), Try::get("crm", "/").token("ana", &[])] {
        assert_eq!(attempt.under(app_too).answer(), "refuse address_not_allowed by 70");
        assert_eq!(attempt.under(path).answer(), "refuse address_not_allowed by 71");
        assert_ne!(attempt.under(app_too).from(VPN).answer(), "refuse address_not_allowed by 70");
    }
    // The public path stays closed where its app is closed, and open where another path is closed.
    assert_eq!(Try::get("crm", "/status").under(app_too).answer(), "refuse address_not_allowed by 70");
    assert_eq!(Try::get("crm", "/status").under(path).answer(), "allow nobody by 11");
}

#[test]
fn the_first_rule_that_covers_the_path_counts() {
    for (who, path, answer) in [
        ("ana", "/", "allow ana by 14"),
        ("ana", "/admin/x", "allow ana by 13"),
        ("ana", "/admin", "allow ana by 14"),
        ("ana", "/only/ana", "allow ana by 15"),
        ("bob", "/", "refuse not_allowed by 14"),
        ("bob", "/admin/x", "refuse not_allowed by 13"),
        ("eve", "/", "allow eve by 14"),
        ("eve", "/admin/x", "refuse not_allowed by 13"),
        ("eve", "/api/x", "refuse not_allowed by 12"),
    ] {
        let attempt = Try::get("crm", path).session(who).under(|rules: &mut Rules| {
            let own = rule("/only/*", vec![Allowed::User(user("ana"))], 15);
            crm(rules).paths.insert(0, own);
        });
        assert_eq!(attempt.answer(), answer, "{who} {path}");
    }
}

#[test]
fn without_a_rule_there_is_no_entry_and_strangers_are_not_told() {
    let last_removed = |rules: &mut Rules| drop(crm(rules).paths.pop());
    assert_eq!(Try::get("crm", "/x").under(last_removed).answer(), "sign in");
    assert_eq!(Try::get("crm", "/x").session("ana").under(last_removed).answer(), "refuse not_allowed by 10");
    assert_eq!(Try::get("crm", "/x").token("ana", &[]).under(last_removed).answer(), "refuse not_allowed by 10");
    let nobody_allowed = |rules: &mut Rules| crm(rules).paths[3].allow.clear();
    assert_eq!(Try::get("crm", "/x").under(nobody_allowed).answer(), "sign in");
    assert_eq!(Try::get("crm", "/x").session("ana").under(nobody_allowed).answer(), "refuse not_allowed by 14");
}

#[test]
fn an_app_that_demands_a_certificate_opens_nothing_without_but_the_address_comes_first() {
    let demanding = |rules: &mut Rules| crm(rules).client_certificate = Some(place(99));
    let missing = "refuse client_certificate_required by 99";
    for (attempt, without, with) in [
        (Try::get("crm", "/status"), missing, "allow nobody by 11"),
        (Try::get("crm", "/customers"), missing, "sign in"),
        (Try::get("crm", "/customers").session("ana"), missing, "allow ana by 14"),
        (Try::get("crm", "/api/x").token("ana", &["crm.read"]), missing, "allow ana by 12"),
        (
            Try::get("crm", "/status").from("192.0.2.1"),
            "refuse address_not_allowed by 2",
            "refuse address_not_allowed by 2",
        ),
        (Try::get("wiki", "/").session("ana"), "allow ana by 21", "allow ana by 21"),
        (Try::portal().session("ana"), "allow ana by 1", "allow ana by 1"),
        (Try::sign_in(), "allow nobody by 1", "allow nobody by 1"),
    ] {
        let attempt = attempt.under(demanding);
        assert_eq!((attempt.answer(), attempt.with_certificate().answer()), (without.to_owned(), with.to_owned()));
    }
    let told = Try::get("crm", "/status").under(demanding).told();
    assert_eq!(told[1], "Fail client certificate: the client showed no certificate (99)");
    assert!(told[2..].iter().all(|step| step.starts_with("NotReached")), "{told:?}");
}

#[test]
fn an_unknown_app_is_refused_to_everybody_alike() {
    for attempt in [Try::get("x", "/"), Try::get("x", "/").session("ana"), Try::get("x", "/").token("ana", &[])] {
        assert_eq!(attempt.answer(), "refuse not_allowed by none");
    }
}

#[test]
fn strangers_are_asked_for_what_would_help() {
    assert_eq!(Try::get("crm", "/").answer(), "sign in");
    assert_eq!(Try::get("crm", "/admin/x").answer(), "sign in");
    assert_eq!(Try::get("crm", "/api/x").answer(), "sign in: token");
    let people_too = |rules: &mut Rules| crm(rules).paths[1].allow.push(Allowed::Everyone);
    assert_eq!(Try::get("crm", "/api/x").under(people_too).answer(), "sign in");
}

#[test]
fn a_public_path_carries_nobody_whatever_is_shown() {
    let attempt = Try::get("crm", "/status");
    let mut over = attempt.session("ana");
    over.session.used = Timestamp::default();
    let mut revoked = attempt.token("ana", &[]);
    revoked.token.generations.store += 1;
    for attempt in [attempt.clone(), attempt.session("ana"), attempt.token("ana", &[]), over, revoked] {
        assert_eq!(attempt.answer(), "allow nobody by 11");
    }
    let demands = |rules: &mut Rules| rules.organization.two_step = TwoStep::Required;
    assert_eq!(attempt.under(demands).answer(), "allow nobody by 11");
}

#[test]
fn a_method_is_checked_last_and_as_it_was_sent() {
    let only_get = |rules: &mut Rules| {
        for rule in &mut crm(rules).paths {
            rule.methods = Some(vec!["GET".into(), "HEAD".into()]);
        }
    };
    for (method, allowed) in
        [("GET", true), ("HEAD", true), ("POST", false), ("get", false), ("", false), ("GET ", false)]
    {
        for (attempt, yes, no) in [
            (Try::get("crm", "/status"), "allow nobody by 11", "refuse method_not_allowed by 11"),
            (Try::get("crm", "/").session("ana"), "allow ana by 14", "refuse method_not_allowed by 14"),
            (
                Try::get("crm", "/api/x").token("ana", &["crm.read"]),
                "allow ana by 12",
                "refuse method_not_allowed by 12",
            ),
        ] {
            let attempt = attempt.method(method).under(only_get);
            assert_eq!(attempt.answer(), if allowed { yes } else { no }, "{method:?}");
        }
    }
    let stranger = Try::get("crm", "/").session("bob").method("POST").under(only_get);
    assert_eq!(stranger.answer(), "refuse not_allowed by 14");
    // The method decides nothing before somebody is known.
    assert_eq!(Try::get("crm", "/").method("POST").under(only_get).answer(), "sign in");
}

#[test]
fn a_persons_reach_is_what_is_listed_less_what_narrows_and_what_is_blocked() {
    let shown = |set: AddressSet| set.networks().map(|network| network.to_string()).collect::<Vec<_>>().join(" ");
    let office = "203.0.113.0-203.0.113.65 203.0.113.67-203.0.113.255";
    let policy = Policy::new(rules());
    assert_eq!(shown(policy.reach(&person("ana"))), format!("10.8.0.0/16 192.0.2.44 {office}"));
    assert_eq!(shown(policy.reach(&person("bob"))), format!("10.8.0.0/16 198.51.100.0/24 {office}"));
    assert_eq!(shown(policy.reach(&person("eve"))), format!("10.8.0.0/16 {office}"));
    assert_eq!(shown(policy.perimeter().clone()), format!("10.8.0.0/16 192.0.2.44 198.51.100.0/24 {office}"));

    let mut narrowed = rules();
    level_of(&mut narrowed, "role").only_from = Some(listed("203.0.113.0/24", 60));
    let policy = Policy::new(narrowed);
    assert_eq!(shown(policy.reach(&person("ana"))), office);
    // Another may still come from there: the perimeter stays.
    assert!(policy.perimeter().contains(address(VPN)));
}

#[test]
fn an_explanation_tells_every_rule_and_where_it_stands() {
    let attempt = Try::get("crm", "/admin/x").session("ana").from(VPN).under(|rules: &mut Rules| {
        level_of(rules, "role").only_from = Some(listed("203.0.113.0/24", 60));
        crm(rules).paths[2].second_step = Some(of(&[Method::Totp, Method::Passkey]));
        crm(rules).paths[2].fresh = Some(Duration::from_secs(300));
        crm(rules).paths[2].methods = Some(vec!["GET".into()]);
    });
    assert_eq!(
        attempt.told(),
        [
            "Pass perimeter: somebody may come from 10.8.0.1 (2)",
            "Pass session: the session of ana is alive (1)",
            "Pass second step: one of these is demanded: passkey, totp; shown: password, totp (13)",
            "Pass fresh: the last proof is 0 s old; it must be younger than 300 s (13)",
            "Pass address: 10.8.0.1 is in 203.0.113.0/24, 10.8.0.0/16, listed for organization (2)",
            "Fail role admin: 10.8.0.1 is not in 203.0.113.0/24 (60)",
            "NotReached path rule: /admin/* is for role admin (13)",
            "NotReached method: GET; allowed: GET (13)",
        ]
    );
}

#[test]
fn an_explanation_lists_what_was_not_reached() {
    assert_eq!(
        Try::get("crm", "/").answer_told(),
        [
            "sign in",
            "Pass perimeter",
            "Fail session",
            "NotReached second step",
            "NotReached address",
            "NotReached path rule"
        ]
    );
    assert_eq!(
        Try::get("crm", "/").from(NOWHERE).session("ana").answer_told(),
        [
            "refuse address_not_allowed by 2",
            "Fail perimeter",
            "NotReached session",
            "NotReached second step",
            "NotReached address",
            "NotReached path rule",
        ]
    );
    assert_eq!(
        Try::portal().token("ana", &[]).answer_told(),
        ["refuse not_allowed by none", "Pass perimeter", "Fail token", "NotReached second step", "NotReached address"]
    );
    let blocked = Try::sign_in().from(BLOCKED).told();
    assert_eq!(blocked, ["Fail perimeter: 203.0.113.66 is blocked, being in 203.0.113.66 (3)"]);
}

#[test]
fn reasons_have_words_of_their_own() {
    let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::ALL.len());
}
