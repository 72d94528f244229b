//! What is asked of a session, of a token and of an app password, by table.

use std::time::Duration;

use super::attempts::*;
use crate::policy::*;
use crate::protocol::{Protocol, Protocols};

#[test]
fn a_session_that_is_over_means_signing_in_again() {
    let minutes = |n: u64| Duration::from_secs(60 * n);
    let millisecond = Duration::from_millis(1);
    for (case, edit, answer) in [
        ("alive", (|_| ()) as fn(&mut Try), "allow ana by 14"),
        ("disabled", |t| t.person.standing = Standing::Disabled, "sign in"),
        ("another generation of the person", |t| t.session.generations.person += 1, "sign in"),
        ("another generation of the organization", |t| t.session.generations.organization += 1, "sign in"),
        ("another generation of the store", |t| t.session.generations.store += 1, "sign in"),
    ] {
        for goal in [Try::get("crm", "/"), Try::portal()] {
            let mut attempt = goal.session("ana");
            edit(&mut attempt);
            assert_eq!(attempt.answer().split(" by").next(), answer.split(" by").next(), "{case}");
        }
    }
    for (idle, age, alive) in [
        (minutes(60) - millisecond, minutes(60), true),
        (minutes(60), minutes(60), false),
        (minutes(0), minutes(24 * 60) - millisecond, true),
        (minutes(0), minutes(24 * 60), false),
    ] {
        let mut attempt = Try::get("crm", "/").session("ana");
        (attempt.session.used, attempt.session.opened) = (ago(idle), ago(age));
        assert_eq!(attempt.answer(), if alive { "allow ana by 14" } else { "sign in" }, "idle {idle:?}, age {age:?}");
    }
    // Two nodes' clocks differ a little.
    let mut attempt = Try::get("crm", "/").session("ana");
    attempt.session.used = now() + minutes(1);
    assert_eq!(attempt.answer(), "allow ana by 14");
}

#[test]
fn a_token_says_what_is_wrong_with_it() {
    for (case, edit, answer) in [
        ("good", (|_| ()) as fn(&mut Try), "allow ana by 14"),
        ("disabled owner", |t| t.person.standing = Standing::Disabled, "refuse token_revoked by none"),
        ("signed out everywhere", |t| t.token.generations.person += 1, "allow ana by 14"),
        ("another organization", |t| t.token.generations.organization += 1, "refuse token_revoked by none"),
        ("another store", |t| t.token.generations.store += 1, "refuse token_revoked by none"),
        ("expires later", |t| t.token.expires = now() + Duration::from_millis(1), "allow ana by 14"),
        ("expires now", |t| t.token.expires = now(), "refuse token_expired by none"),
        ("no app", |t| t.token.apps.clear(), "refuse token_not_for_app by none"),
        ("another app", |t| t.token.apps = vec![app("wiki")], "refuse token_not_for_app by none"),
        ("two apps", |t| t.token.apps = vec![app("wiki"), app("crm")], "allow ana by 14"),
        (
            "only from the VPN",
            |t| t.token.only_from = Some(listed("10.8.0.0/16", 50)),
            "refuse address_not_allowed by 50",
        ),
        ("only from the office", |t| t.token.only_from = Some(listed("203.0.113.0/24", 50)), "allow ana by 14"),
    ] {
        let mut attempt = Try::get("crm", "/").token("ana", &[]);
        edit(&mut attempt);
        assert_eq!(attempt.answer(), answer, "{case}");
    }
}

#[test]
fn a_token_enters_by_its_scopes_or_where_its_owner_may() {
    let strict_app = |rules: &mut Rules| crm(rules).second_step = Some(of(&[Method::Passkey]));
    let fresh_app = |rules: &mut Rules| crm(rules).fresh = Some(Duration::from_secs(300));
    let everything = |rules: &mut Rules| {
        rules.organization.two_step = TwoStep::Required;
        crm(rules).two_step = true;
    };
    for (path, scopes, edit, answer) in [
        ("/api/x", &["crm.read"][..], None, "allow ana by 12"),
        ("/api/x", &["crm.write", "crm.read"], None, "allow ana by 12"),
        ("/api/x", &["crm.write"], None, "refuse not_allowed by 12"),
        ("/api/x", &[], None, "refuse not_allowed by 12"),
        ("/x", &["crm.read"], None, "refuse not_allowed by 14"),
        ("/x", &[], None, "allow ana by 14"),
        ("/admin/x", &[], None, "allow ana by 13"),
        ("/x", &[], Some(&strict_app as &dyn Fn(&mut Rules)), "refuse not_allowed by 14"),
        ("/x", &[], Some(&fresh_app), "refuse not_allowed by 14"),
        ("/api/x", &["crm.read"], Some(&strict_app), "allow ana by 12"),
        ("/api/x", &["crm.read"], Some(&fresh_app), "allow ana by 12"),
        // A token carries no second step: it is not asked for one.
        ("/x", &[], Some(&everything), "allow ana by 14"),
    ] {
        let attempt = Try::get("crm", path).token("ana", scopes);
        let attempt = match edit {
            Some(edit) => attempt.under(edit),
            None => attempt,
        };
        assert_eq!(attempt.answer(), answer, "{path} with {scopes:?}");
    }
    assert_eq!(Try::get("crm", "/x").token("bob", &[]).answer(), "refuse not_allowed by 14");
}

#[test]
fn a_token_of_another_issuer_that_was_given_no_scope_may_do_nothing() {
    for (path, scopes, answer) in [
        ("/x", &[][..], "refuse not_allowed by 14"),
        ("/api/x", &[], "refuse not_allowed by 12"),
        ("/api/x", &["crm.read"], "allow ana by 12"),
    ] {
        let mut attempt = Try::get("crm", path).token("ana", scopes);
        attempt.token.unscoped = Unscoped::Nothing;
        assert_eq!(attempt.answer(), answer, "{path} with {scopes:?}");
    }
}

#[test]
fn an_app_password_says_what_is_wrong_with_it() {
    for (case, edit, answer) in [
        ("good", (|_| ()) as fn(&mut Try), "allow ana by 21"),
        ("disabled owner", |t| t.person.standing = Standing::Disabled, "refuse app_password_revoked by none"),
        ("signed out everywhere", |t| t.app_password.generations.person += 1, "allow ana by 21"),
        (
            "another organization",
            |t| t.app_password.generations.organization += 1,
            "refuse app_password_revoked by none",
        ),
        ("another store", |t| t.app_password.generations.store += 1, "refuse app_password_revoked by none"),
        ("expires later", |t| t.app_password.expires = now() + Duration::from_millis(1), "allow ana by 21"),
        ("expires now", |t| t.app_password.expires = now(), "refuse app_password_expired by none"),
        ("for nothing", |t| t.app_password.protocols = Protocols::NONE, "refuse app_password_not_for_app by none"),
        (
            "for mail",
            |t| t.app_password.protocols = Protocols::NONE.with(Protocol::Imap).with(Protocol::Smtp),
            "refuse app_password_not_for_app by none",
        ),
        (
            "only from the VPN",
            |t| t.app_password.only_from = Some(listed("10.8.0.0/16", 51)),
            "refuse address_not_allowed by 51",
        ),
        ("only from the office", |t| t.app_password.only_from = Some(listed("203.0.113.0/24", 51)), "allow ana by 21"),
    ] {
        let mut attempt = Try::get("wiki", "/").app_password("ana");
        edit(&mut attempt);
        assert_eq!(attempt.answer(), answer, "{case}");
    }
    assert_eq!(Try::get("wiki", "/").app_password("ana").from(FIELD).answer(), "refuse address_not_allowed by 2");
    assert_eq!(Try::get("crm", "/").app_password("ana").answer(), "refuse app_password_not_for_app by none");
    assert_eq!(Try::get("crm", "/status").app_password("ana").answer(), "allow nobody by 11");
    assert_eq!(Try::portal().app_password("ana").answer(), "refuse not_allowed by none");
}

#[test]
fn an_app_password_enters_where_its_owner_may_and_nothing_more_is_asked() {
    let takes = |rules: &mut Rules| crm(rules).takes_app_passwords = true;
    let required = |rules: &mut Rules| {
        takes(rules);
        rules.organization.two_step = TwoStep::Required;
        crm(rules).two_step = true;
    };
    let strict_app = |rules: &mut Rules| {
        takes(rules);
        crm(rules).second_step = Some(of(&[Method::Passkey]));
    };
    let fresh_path = |rules: &mut Rules| {
        takes(rules);
        crm(rules).paths[3].fresh = Some(Duration::from_secs(300));
    };
    for (who, path, edit, answer) in [
        ("ana", "/x", &takes as &dyn Fn(&mut Rules), "allow ana by 14"),
        ("ana", "/admin/x", &takes, "allow ana by 13"),
        ("eve", "/admin/x", &takes, "refuse not_allowed by 13"),
        ("bob", "/x", &takes, "refuse not_allowed by 14"),
        // A rule for tokens is for tokens.
        ("ana", "/api/x", &takes, "refuse not_allowed by 12"),
        // It is what two-step sign-in has programs show instead (A1).
        ("ana", "/x", &required, "allow ana by 14"),
        ("ana", "/x", &strict_app, "refuse not_allowed by 14"),
        ("ana", "/x", &fresh_path, "refuse not_allowed by 14"),
        ("ana", "/admin/x", &fresh_path, "allow ana by 13"),
    ] {
        assert_eq!(Try::get("crm", path).app_password(who).under(edit).answer(), answer, "{who} at {path}");
    }
}

#[test]
fn a_second_step_is_demanded_by_whoever_may_demand_it() {
    use Method::*;
    let organization = |rules: &mut Rules| rules.organization.two_step = TwoStep::Required;
    let role = |rules: &mut Rules| level_of(rules, "role").two_step = true;
    let group = |rules: &mut Rules| level_of(rules, "group").two_step = true;
    let user = |rules: &mut Rules| level_of(rules, "user").two_step = true;
    let app_too = |rules: &mut Rules| crm(rules).two_step = true;
    for (who, demands) in [
        ("organization", &organization as &dyn Fn(&mut Rules)),
        ("role", &role),
        ("group", &group),
        ("user", &user),
        ("app", &app_too),
    ] {
        for (shown, answer) in [
            (&[Password][..], "sign in: second step by passkey, totp, sms, voice, email, recovery"),
            (&[], "sign in: second step by passkey, totp, sms, voice, email, recovery"),
            (&[Password, Totp], "allow ana by 14"),
            (&[Password, Recovery], "allow ana by 14"),
            (&[Password, Email], "allow ana by 14"),
            (&[Password, Sms], "allow ana by 14"),
            (&[Password, Voice], "allow ana by 14"),
            (&[Passkey], "allow ana by 14"),
        ] {
            let attempt = Try::get("crm", "/").session("ana").shown(shown).under(demands);
            assert_eq!(attempt.answer(), answer, "{who}, shown {shown:?}");
        }
        let others = Try::get("wiki", "/").session("bob").shown(&[Password]).under(demands);
        assert_eq!(others.answer() == "allow bob by 21", who != "organization", "{who} demands of others");
    }
}

#[test]
fn a_rule_that_names_methods_accepts_those_alone() {
    use Method::*;
    let named = [Totp, Passkey, Recovery, Email];
    let list = Some(of(&named));
    let role = |rules: &mut Rules| level_of(rules, "role").second_step = list;
    let group = |rules: &mut Rules| level_of(rules, "group").second_step = list;
    let user = |rules: &mut Rules| level_of(rules, "user").second_step = list;
    let app_too = |rules: &mut Rules| crm(rules).second_step = list;
    let path = |rules: &mut Rules| crm(rules).paths[3].second_step = list;
    for (who, demands) in
        [("role", &role as &dyn Fn(&mut Rules)), ("group", &group), ("user", &user), ("app", &app_too), ("path", &path)]
    {
        for (shown, allowed) in [
            (&[Password][..], false),
            (&[Password, Sms], false),
            (&[Password, Recovery], false),
            (&[Password, Email], false),
            (&[Password, Totp], true),
            (&[Passkey], true),
            (&[Password, Sms, Totp], true),
        ] {
            let answer = if allowed { "allow ana by 14" } else { "sign in: second step by passkey, totp" };
            let attempt = Try::get("crm", "/").session("ana").shown(shown).under(demands);
            assert_eq!(attempt.answer(), answer, "{who}, shown {shown:?}");
        }
    }
}

#[test]
fn of_several_lists_a_method_has_to_be_in_each() {
    use Method::*;
    let both = |rules: &mut Rules| {
        rules.organization.two_step = TwoStep::Required;
        level_of(rules, "role").second_step = Some(of(&[Totp, Sms]));
        crm(rules).second_step = Some(of(&[Passkey, Totp]));
    };
    let attempt = Try::get("crm", "/").session("ana").under(both);
    assert_eq!(attempt.shown(&[Password, Totp]).answer(), "allow ana by 14");
    // One method of each list is not one of both.
    assert_eq!(attempt.shown(&[Password, Sms, Passkey]).answer(), "sign in: second step by totp");
    let contrary = |rules: &mut Rules| {
        level_of(rules, "role").second_step = Some(of(&[Sms]));
        crm(rules).second_step = Some(of(&[Passkey]));
    };
    let attempt = Try::get("crm", "/").session("ana").under(contrary);
    assert_eq!(attempt.shown(&[Password, Sms, Passkey]).answer(), "sign in: second step by none");
}

#[test]
fn a_proof_that_is_too_old_is_asked_for_once_more() {
    let seconds = Duration::from_secs;
    for (of_app, of_path, age, fresh) in [
        (None, None, 86_000, true),
        (Some(300), None, 299, true),
        (Some(300), None, 300, false),
        (None, Some(300), 299, true),
        (None, Some(300), 300, false),
        (Some(60), Some(300), 60, false),
        (Some(300), Some(60), 60, false),
    ] {
        let mut attempt = Try::get("crm", "/").session("ana").under(|rules: &mut Rules| {
            crm(rules).fresh = of_app.map(seconds);
            crm(rules).paths[3].fresh = of_path.map(seconds);
        });
        attempt.session.proved = ago(seconds(age));
        assert_eq!(attempt.answer(), if fresh { "allow ana by 14" } else { "sign in: fresh" }, "{age} s");
    }
    // The second step comes first: showing it is a proof.
    let mut attempt = Try::get("crm", "/").session("ana").shown(&[Method::Password]).under(|rules: &mut Rules| {
        rules.organization.two_step = TwoStep::Required;
        crm(rules).fresh = Some(seconds(60));
    });
    attempt.session.proved = ago(seconds(60));
    assert!(attempt.answer().starts_with("sign in: second step"));
}

#[test]
fn what_a_person_must_show_is_known_beforehand() {
    use Method::*;
    let demanded = |edit: &dyn Fn(&mut Rules), name| {
        let mut rules = rules();
        edit(&mut rules);
        Policy::new(rules).second_step(&person(name))
    };
    let role_names = |rules: &mut Rules| level_of(rules, "role").second_step = Some(of(&[Totp, Recovery, Email, Sms]));
    assert_eq!(demanded(&|_| (), "ana"), None);
    assert_eq!(demanded(&|rules| rules.organization.two_step = TwoStep::Required, "eve"), Some(Methods::SECOND_STEPS));
    assert_eq!(demanded(&|rules| level_of(rules, "group").two_step = true, "ana"), Some(Methods::SECOND_STEPS));
    assert_eq!(demanded(&role_names, "ana"), Some(of(&[Totp, Sms])));
    assert_eq!(demanded(&role_names, "bob"), None);
    // An app's demand is not the person's.
    assert_eq!(demanded(&|rules| crm(rules).two_step = true, "ana"), None);
}

#[test]
fn an_unknown_bit_from_the_store_is_no_method() {
    let unknown = Methods::from_bits(128);
    assert!(!unknown.has_second_step());
    assert!(!of(&[Method::Password]).has_second_step());
    assert!(of(&[Method::Email]).has_second_step());
    assert_eq!(unknown.to_string(), "none");
    assert_eq!(Methods::from_bits(of(&[Method::Sms]).bits()), of(&[Method::Sms]));
    let required = |rules: &mut Rules| rules.organization.two_step = TwoStep::Required;
    let mut attempt = Try::portal().session("ana").under(required);
    attempt.session.factors = unknown;
    assert!(attempt.answer().starts_with("sign in: second step"));
}
