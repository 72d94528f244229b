//! The whole flow graph, walked wrongly: every step that changes something is called early, late, twice, by a form from
//! elsewhere, from another browser and with another person's things. Nothing but a refusal, and nothing changed. (A20, A21,
//! A29, A37, A38; R13–R27)
//!
//! `table.rs` says what the steps are; a route of the portal that is not there fails the first test. `right.rs` walks to each
//! step and makes the call that is right there, which is spoilt in every way and then, to show that it was right, sent as
//! it is: it changes what it should and nothing else.

mod call;
mod right;
mod standing;
mod table;

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::StreamExt;
use harness::gateway::TestGateway;
use harness::wire::Answer;

use call::{Body, Call, DONE, FLOW, FORM, KEY, PORTAL, SESSION};
use right::{LATELY, half_signed_in, house, right, signed_in, stranger};
use standing::{acts, standing};
use table::{Do, ELSEWHERE, Gains, LINKS, Others, STEPS, Step, Twice};
use vestibule::demo::visitor::Visitor;

#[test]
fn every_route_of_the_portal_is_walked_or_is_only_a_link() {
    let walked: BTreeSet<_> = STEPS.iter().map(|step| step.route).collect();
    let links: BTreeSet<_> = LINKS.iter().map(|(path, _)| ("GET", *path)).collect();
    let elsewhere: BTreeSet<_> = ELSEWHERE.iter().map(|(path, _)| ("POST", *path)).collect();
    let known: BTreeSet<_> =
        walked.union(&links).chain(&elsewhere).map(|(method, path)| format!("{method} {path}")).collect();
    assert_eq!(routes(include_str!("../gateway/src/portal/mod.rs")), known);
    let portal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/src/portal");
    for file in std::fs::read_dir(portal).expect("a folder") {
        let path = file.expect("a file").path();
        if path.extension().is_some_and(|kind| kind == "rs") && !path.ends_with("mod.rs") {
            let text = std::fs::read_to_string(&path).expect("text");
            assert!(
                !text.contains(".route("),
                "{}: routes are written in mod.rs, where this test sees them",
                path.display()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_signing_in_is_refused_wherever_it_is_not_the_next_one() {
    walk(|does| {
        matches!(does, Do::Password | Do::Totp | Do::Recovery | Do::Sms | Do::Voice | Do::Email | Do::Send | Do::Again)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_setting_up_is_refused_wherever_it_is_not_the_next_one() {
    walk(|does| {
        matches!(does, Do::SendFirst | Do::SetUpTotp | Do::SetUpSms | Do::SetUpVoice | Do::SetUpEmail | Do::Replace)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_with_a_passkey_is_refused_wherever_it_is_not_the_next_one() {
    walk(|does| {
        let at_the_door = matches!(does, Do::Passkey | Do::PasskeyAlone | Do::SetUpPasskey);
        at_the_door || matches!(does, Do::AddPasskey | Do::RenamePasskey | Do::RemovePasskey)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_of_a_mail_is_refused_wherever_it_is_not_good() {
    walk(|does| matches!(does, Do::Forgot | Do::Reset | Do::Invitation | Do::NotMe)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_in_ones_account_is_refused_to_everybody_else_and_without_a_fresh_proof() {
    walk(|does| {
        let ends = matches!(
            does,
            Do::SignOut
                | Do::EndOne
                | Do::EndOthers
                | Do::RevokeToken
                | Do::RevokeAppPassword
                | Do::EndTwoStep
                | Do::EndCodes
        );
        let begins = matches!(
            does,
            Do::MakeToken
                | Do::MakeAppPassword
                | Do::NewPassword
                | Do::NewCodes
                | Do::BeginAuthenticator
                | Do::BeginCodes
        );
        ends || begins
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_of_a_native_app_is_refused_wherever_it_is_not_the_next_one() {
    walk(|does| matches!(does, Do::AppBegins | Do::AppProceeds | Do::AppSends | Do::AppEnds)).await;
}

/// Walks the steps that are chosen, and says all that is wrong with them at once.
async fn walk(chosen: impl Fn(Do) -> bool) {
    let steps: Vec<_> = STEPS.iter().copied().filter(|step| chosen(step.does)).collect();
    assert!(!steps.is_empty());
    let walked = futures_util::stream::iter(steps).map(wrong_and_right).buffer_unordered(4);
    let faults: Vec<_> = walked.collect::<Vec<_>>().await.into_iter().flatten().collect();
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

async fn wrong_and_right(step: Step) -> Vec<String> {
    let gateway = house(step.does).await;
    let mut scene = Scene { gateway, step, faults: Vec::new() };
    let stale = match step.others {
        Others::Stale => {
            let eve = signed_in(&scene.gateway, "eve").await;
            scene.gateway.clock().advance(LATELY);
            Some(eve)
        }
        _ => None,
    };
    let others = match step.others {
        Others::Proofs | Others::Answers | Others::Ids => Some(right(step.does, &scene.gateway, "eve").await),
        Others::Stale | Others::Browser | Others::Holder => None,
    };
    let call = right(step.does, &scene.gateway, "ana").await;
    scene.by_another_site(&call).await;
    scene.too_early(&call).await;
    scene.by_another_browser(&call, stale.as_ref()).await;
    if let Some(others) = others {
        scene.with_anothers(&call, &others).await;
    }
    scene.right(&call).await;
    if step.twice == Twice::Nothing {
        scene.wrong("twice", &call).await;
    }
    let mut faults = scene.faults;
    if let Some(life) = step.good_for {
        let gateway = house(step.does).await;
        let call = right(step.does, &gateway, "ana").await;
        gateway.clock().advance(life);
        let mut scene = Scene { gateway, step, faults };
        let call = call.in_time(&scene.gateway);
        scene.wrong("late", &call).await;
        faults = scene.faults;
    }
    faults
}

/// A step and whether it holds.
struct Scene {
    gateway: TestGateway,
    step: Step,
    faults: Vec<String>,
}

impl Scene {
    /// By a page that is not ours, or one that we gave to somebody else (A20).
    async fn by_another_site(&mut self, call: &Call) {
        let get = Call { method: "GET", body: Body::Nothing, ..call.clone() };
        self.by_link(&get).await;
        let portal = self.gateway.portal("");
        if let Body::Json(document) = &call.body {
            let path = &call.path;
            let request = self.gateway.ask("POST", "login", path).with("Content-Type", "text/plain");
            let before = standing(&self.gateway).await;
            let answer = request.body(document.to_string().as_bytes()).send().await;
            self.look("as plain text", &before, &answer, None).await;
        }
        let Body::Form(_) = call.body else { return };
        let other = stranger(&self.gateway).await;
        let (token, cookie) = form_of(&other);
        for (how, forged) in [
            ("without a token", call.without_field("form")),
            ("with an empty token", call.with_field("form", "")),
            ("with another browser's token", call.with_field("form", &token)),
            ("without the form's cookie", call.with_cookie(FORM, None)),
            ("with another browser's cookie", call.with_cookie(FORM, Some(&cookie))),
        ] {
            let before = standing(&self.gateway).await;
            let answer = forged.send(&self.gateway).await;
            self.look(how, &before, &answer, Some(400)).await;
        }
        for (how, headers) in [
            ("from another site", &[("Sec-Fetch-Site", "cross-site"), ("Origin", portal.as_str())][..]),
            ("from a sibling site", &[("Sec-Fetch-Site", "same-site")]),
            ("from nowhere", &[("Origin", "null")]),
            ("from another origin", &[("Origin", "https://evil.example")]),
        ] {
            let before = standing(&self.gateway).await;
            let answer = call.send_with(&self.gateway, headers).await;
            self.look(how, &before, &answer, Some(400)).await;
        }
    }

    /// Without what the step before it gave (A29).
    async fn too_early(&mut self, call: &Call) {
        let goes_on = call.cookie(FLOW).is_some();
        for (name, _) in call.cookies.iter().filter(|(name, _)| name != FORM) {
            // A sign-in under way knows by itself which session it belongs to.
            if name == SESSION && goes_on {
                continue;
            }
            self.wrong(&format!("early, without {name}"), &call.with_cookie(name, None)).await;
            self.wrong(&format!("with {name} cut short"), &call.with_cookie(name, call.cookie(name).map(shorter)))
                .await;
        }
        // An answer of a passkey uses its question up, also where it is wrong.
        if call.cookie(KEY).is_none() {
            for name in ["code", "current", "invitation", "secret", "session", "token", "passkey"] {
                if let Some(shown) = call.field(name).filter(|shown| *shown != "others" && !shown.is_empty()) {
                    self.wrong(&format!("with no {name}"), &call.with_field(name, "")).await;
                    self.wrong(&format!("with a {name} cut short"), &call.with_field(name, shorter(shown))).await;
                }
            }
        }
        if self.step.route.1.ends_with("{flow}") {
            self.wrong("early", &Call { path: format!("{}A", call.path), ..call.clone() }).await;
            self.wrong("early", &Call { path: shorter(&call.path).to_owned(), ..call.clone() }).await;
        }
        if let Some(token) = &call.bearer {
            self.wrong("early", &Call { bearer: None, ..call.clone() }).await;
            self.wrong("cut short", &Call { bearer: Some(shorter(token).to_owned()), ..call.clone() }).await;
        }
        if call.cookie(SESSION).is_some() && !goes_on {
            let half = half_signed_in(&self.gateway, "ana").await;
            let early = call.with_cookie(SESSION, None).with_cookie(FLOW, Some(&half));
            self.wrong("early, after the password alone", &early).await;
            self.wrong("early, with that as the session", &early.with_cookie(SESSION, Some(&half))).await;
        }
    }

    /// Everything that was typed or carried along, in a browser that was given nothing (A21); or in that of somebody who
    /// is signed in and proved nothing lately (A37).
    async fn by_another_browser(&mut self, call: &Call, stale: Option<&Visitor>) {
        let Body::Form(_) = call.body else { return };
        if self.step.others == Others::Holder {
            return;
        }
        let (token, cookie) = form_of(&stranger(&self.gateway).await);
        let elsewhere = Call { cookies: vec![(FORM.to_owned(), cookie)], ..call.with_field("form", &token) };
        self.wrong("from another browser", &elsewhere).await;
        if let Some(session) = stale.and_then(|eve| eve.cookie(PORTAL, SESSION)) {
            self.wrong("by somebody else without a fresh proof", &elsewhere.with_cookie(SESSION, Some(session))).await;
            let half = half_signed_in(&self.gateway, "ana").await;
            let beside = elsewhere.with_cookie(SESSION, Some(session)).with_cookie(FLOW, Some(&half));
            self.wrong("by somebody else beside another's sign-in", &beside).await;
        }
    }

    /// Somebody else at the same step (A29, A38).
    async fn with_anothers(&mut self, call: &Call, others: &Call) {
        let (call, others) = (call.in_time(&self.gateway), others.in_time(&self.gateway));
        self.wrong("by somebody else at the same step", &others.carrying(&call)).await;
        if self.step.others == Others::Proofs {
            self.wrong("with what somebody else shows", &call.carrying(&others)).await;
        }
    }

    /// Nothing is changed and nothing gained by this.
    async fn wrong(&mut self, how: &str, call: &Call) {
        let before = standing(&self.gateway).await;
        let answer = call.send(&self.gateway).await;
        self.look(how, &before, &answer, None).await;
    }

    /// A link to the same place shows a page at most.
    async fn by_link(&mut self, call: &Call) {
        let before = standing(&self.gateway).await;
        let answer = call.send(&self.gateway).await;
        let given = answer.cookie(SESSION).is_some_and(|session| !session.is_empty());
        if given || standing(&self.gateway).await != before {
            self.fault("by a link", &format!("{}: {:?}", answer.status, answer.headers));
        }
    }

    async fn look(&mut self, how: &str, before: &[String], answer: &Answer, status: Option<u16>) {
        let after = standing(&self.gateway).await;
        if after != before {
            let only =
                |one: &[String], other: &[String]| one.iter().filter(|line| !other.contains(line)).cloned().collect();
            let (gone, new): (Vec<_>, Vec<_>) = (only(before, &after), only(&after, before));
            self.fault(how, &format!("changed {gone:#?} to {new:#?}"));
        }
        if let Some(gained) = self.gained(answer) {
            self.fault(how, &format!("gave {gained}, answered {}", answer.status));
        }
        if answer.cookie(DONE).is_some_and(|done| !done.is_empty()) {
            self.fault(how, "says that something was done");
        }
        if status.is_some_and(|status| status != answer.status) {
            self.fault(how, &format!("answered {}", answer.status));
        }
    }

    /// The right call does what it should, once.
    async fn right(&mut self, call: &Call) {
        let before = acts(&self.gateway).await;
        let call = call.in_time(&self.gateway);
        let answer = call.send(&self.gateway).await;
        if self.step.does == Do::Forgot {
            let told = self.gateway.postbox().wait_for("ana@acme.example", "Password reset", 1).await;
            assert!(told.is_some(), "a mail");
        }
        let after = acts(&self.gateway).await;
        if after[before.len()..] != *self.step.acts {
            self.fault("right", &format!("wrote {:?}, answered {}", &after[before.len()..], answer.status));
        }
        if (self.step.gains != Gains::Nothing) != self.gained(&answer).is_some() {
            self.fault("right", &format!("gains {:?}, answered {}", self.step.gains, answer.status));
        }
    }

    /// What an answer puts into somebody's hand.
    fn gained(&self, answer: &Answer) -> Option<&'static str> {
        let text = answer.text();
        let leads_to = answer.header("location").unwrap_or_default();
        let given = |name: &str| answer.cookie(name).is_some_and(|value| !value.is_empty());
        // Who is at the step where an app is set up sees its key, until its first code was right.
        let sees_key = matches!(self.step.does, Do::SetUpTotp | Do::Replace) && text.contains("class=\"secret\"");
        match () {
            () if given(SESSION) => Some("a session"),
            () if text.contains("<code") && !sees_key => Some("a secret"),
            () if text.contains("\"token\":") || text.contains("\"flow\":") => Some("a token"),
            () if self.step.gains == Gains::Flow && given(FLOW) => Some("a sign-in under way"),
            () if self.step.gains == Gains::SetUp && leads_to.contains("/set-up") => Some("a set-up under way"),
            () => None,
        }
    }

    fn fault(&mut self, how: &str, what: &str) {
        self.faults.push(format!("{:?} {how}: {what}", self.step.does));
    }
}

/// The token and the cookie of a browser's forms.
fn form_of(visitor: &Visitor) -> (String, String) {
    let call = Call::of(visitor, "/sign-in", &[]);
    (call.field("form").expect("a token").to_owned(), call.cookie(FORM).expect("a cookie").to_owned())
}

fn shorter(text: &str) -> &str {
    &text[..text.len() - 1]
}

/// Methods and paths as the router's text has them.
fn routes(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = BTreeSet::new();
    for route in text.split(".route(").skip(1) {
        let route = route.split("\n            .fallback(").next().unwrap_or_default();
        let (path, handlers) = route.split_once(',').expect("a path and what answers there");
        let path = match path.trim() {
            "CHANGE_PASSWORD" => vestibule::portal::CHANGE_PASSWORD,
            path => path.trim_matches('"'),
        };
        let methods: Vec<_> = ["get", "post", "put", "patch", "delete", "any"]
            .into_iter()
            .filter(|method| {
                let call = format!("{method}(");
                let begins = |at: usize| !handlers[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
                handlers.match_indices(&call).any(|(at, _)| begins(at))
            })
            .collect();
        assert!(!methods.is_empty(), "{route}: by which method?");
        found.extend(methods.iter().map(|method| format!("{} {path}", method.to_uppercase())));
    }
    found
}
