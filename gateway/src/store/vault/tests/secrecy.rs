//! Nothing secret lies in the file, in the trail, or in what a log line would print.

use access::login::{self, Flow, Input, Next, Stage};
use access::password::PasswordHash;
use access::policy::Method;
use access::secret::TypedSecret;
use access::token;
use access::totp::{Step, TotpSecret};
use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

use super::scene::*;
use crate::store::vault::{After, Backing, LastUse, Spend};
use crate::store::{Store, Table};

/// All the forms in which some bytes could lie somewhere.
fn forms(name: &str, secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let texts = [
        HEXLOWER.encode(secret),
        HEXUPPER.encode(secret),
        BASE64.encode(secret).trim_end_matches('=').to_owned(),
        BASE64URL_NOPAD.encode(secret),
        BASE32_NOPAD.encode(secret),
    ];
    let numbers = format!("{secret:?}").replace(' ', "").trim_matches(['[', ']']).to_owned();
    let texts = texts.into_iter().chain([numbers]).map(String::into_bytes);
    std::iter::once(secret.to_vec()).chain(texts).map(|form| (name.to_owned(), form)).collect()
}

#[tokio::test]
async fn no_secret_that_passed_through_the_vault_lies_in_its_file_or_its_trail() {
    let mut scene = Scene::redb().await;
    let mut canaries = Vec::new();
    {
        let vault = scene.vault.clone();
        let mut text = |name: &str, secret: &str| {
            canaries.extend(forms(name, secret.as_bytes()));
            if let Ok(bytes) = BASE64URL_NOPAD.decode(secret.as_bytes()) {
                canaries.extend(forms(name, &bytes));
            }
        };
        let (ana, invitation) = vault.add_person(someone("ana", &[]), entry()).await.unwrap();
        let id = ana.person.id;
        text("invitation", invitation.expose());
        text("second invitation", vault.invite(id, entry()).await.unwrap().expose());

        let hash = "$argon2id$v=19$m=4096,t=2,p=1$Q0FOQVJZU0FMVENBTkFSWQ$Q0FOQVJZSEFTSENBTkFSWUhBU0hDQU5BUllIQVNIQ0E";
        let hash = PasswordHash::from_phc(hash.to_owned()).unwrap();
        vault.set_password(id, hash.clone(), entry()).await.unwrap();
        for part in hash.as_phc().split('$').skip(4) {
            text("password hash", part);
        }
        vault.refresh_password(id, cheap_hash(19_456, 'Q')).await.unwrap();
        text("password hash", cheap_hash(19_456, 'Q').as_phc().rsplit('$').next().unwrap());

        let pending = TotpSecret::from_random(*b"CANARYPENDINGTOTPKEY");
        let flow = Flow { person: id, started: scene.clock.now(), stage: Stage::SetUp, wrong: 0 };
        let secret = vault
            .begin_flow(flow, scene.ground(id).await, Some(pending), Some("/canary/return".to_owned()))
            .await
            .unwrap();
        text("flow", secret.expose());
        let held = vault.try_flow(secret.expose()).await.unwrap().unwrap();
        let Next::Done(proved) = login::advance(&held.flow, Input::SetUpRight(Method::Totp), scene.clock.now()) else {
            panic!("not done");
        };
        let recovery: Vec<_> = (0..10)
            .map(|n| TypedSecret::from_random([b"CANARYREC".as_slice(), &[n]].concat().try_into().unwrap()))
            .collect();
        for code in &recovery {
            text("recovery code", &code.grouped());
            text("recovery code", &code.grouped().replace('-', ""));
        }
        let set_up = Spend::SetUp {
            secret: TotpSecret::from_random(*b"CANARYTOTPKEYCANARYK"),
            step: Step(1),
            recovery: recovery.clone(),
            replaces: false,
        };
        let mut opening = scene.opening();
        opening.device = "canary device".to_owned();
        let (session, _) = done(vault.open_session(proved, After::Flow(held), set_up, opening, entry()).await.unwrap());
        text("session", session.expose());

        let held = scene.tried(id).await;
        let spend = Spend::Recovery(recovery[0].clone());
        let (second, _) = done(scene.pass_second(held, Method::Recovery, spend).await);
        text("second session", second.expose());
        for code in vault.enrol_totp(id, &TotpSecret::from_random(*b"CANARYENROLLEDCANARY"), entry()).await.unwrap() {
            text("recovery code", &code.grouped());
        }

        let parent = vault.digest("session", session.expose().as_bytes());
        let browser = vault.digest("browser", b"CANARY BROWSER NONCE");
        let app = access::identity::AppName::parse("crm").unwrap();
        let ticket = vault.issue_hand_off(parent, app.clone(), browser).await.unwrap();
        text("hand-off", ticket.expose());
        let (child, child_session) = done(vault.take_hand_off(ticket.expose(), &app, browser).await.unwrap());
        text("app session", child.expose());

        let (token, bearer) = vault.add_token(new_token(&scene, id), entry()).await.unwrap();
        text("token", bearer.expose());
        let (_, raw) = token::parse(bearer.expose()).unwrap();
        text("token secret", &BASE64URL_NOPAD.encode(raw.expose()));
        let (app_password, letters) = vault.add_app_password(new_app_password(id), entry()).await.unwrap().unwrap();
        text("app password", &letters.grouped());
        text("app password", &letters.grouped().replace('-', ""));
        text("app password", &BASE64URL_NOPAD.encode(letters.bytes()));
        let used = LastUse { at: scene.clock.now(), from: address(9).ip(), client: "canary calendar".to_owned() };
        vault.touch_app_passwords(vec![((id, app_password.digest), used)]).await.unwrap();
        let pem = vault.assertion_key().await.unwrap();
        let inner: String = pem.expose().lines().filter(|line| !line.starts_with('-')).collect();
        text("assertion key", &inner[40..100]);
        text("attempt", "CANARY ACCOUNT");
        assert!(vault.reserve_attempt("CANARY ACCOUNT", address(1)).await.unwrap().is_ok());

        vault.touch_sessions(&[(child_session.id, scene.clock.now())]).await.unwrap();
        vault.touch_tokens(&[(token.id, scene.clock.now(), address(9).ip())]).await.unwrap();
        let invitation = vault.invite(id, entry()).await.unwrap();
        text("third invitation", invitation.expose());
        let _ = done(vault.accept_invitation(invitation.expose(), cheap_hash(19_456, 'R'), entry()).await.unwrap());
        text("password hash", cheap_hash(19_456, 'R').as_phc().rsplit('$').next().unwrap());

        for row in vault.store().scan(Table::Audit, &[], &[255; 9], 1_000).await.unwrap() {
            for (name, canary) in &canaries {
                assert!(!holds(&row.value, canary), "{name} is in the trail");
            }
        }
    }
    for (name, secret) in [("TOTP key", &b"CANARYTOTPKEYCANARYK"[..]), ("TOTP key", b"CANARYENROLLEDCANARY")] {
        canaries.extend(forms(name, secret));
    }
    canaries.extend(forms("pending TOTP key", b"CANARYPENDINGTOTPKEY"));
    canaries.extend(forms("browser", b"CANARY BROWSER NONCE"));
    for text in ["canary device", "canary calendar", "/canary/return", "ana of the house", "CANARY", "canary"] {
        canaries.push((text.to_owned(), text.as_bytes().to_vec()));
    }

    let Backing::Redb { file, key_file } = scene.backing.clone() else { panic!("not a file") };
    scene.close().await;
    let key = std::fs::read_to_string(key_file).unwrap();
    canaries.extend(forms("the key", &BASE64.decode(key.trim().as_bytes()).unwrap()));
    let bytes = std::fs::read(file).unwrap();
    assert!(holds(&bytes, b"n:ana"), "names are keys; else this looks at the wrong file");
    for (name, canary) in &canaries {
        assert!(!holds(&bytes, canary), "{name} is in the file");
    }
    assert!(canaries.len() > 150, "{}", canaries.len());
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    // The first byte is looked for by itself, which is quick even without optimisation.
    let mut rest = haystack;
    while let Some(start) = rest.iter().position(|byte| *byte == needle[0]) {
        rest = &rest[start..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[tokio::test]
async fn what_a_log_line_would_print_of_the_vaults_types_is_no_secret() {
    let scene = Scene::redb().await;
    let vault = &scene.vault;
    let (ana, invitation) = vault.add_person(someone("ana", &[]), entry()).await.unwrap();
    let id = ana.person.id;
    let (bearer, session) = scene.sign_in(id).await;
    let (token, text) = vault.add_token(new_token(&scene, id), entry()).await.unwrap();
    let parsed = token::parse(text.expose());
    let (_, raw) = token::parse(text.expose()).unwrap();
    let pending = TotpSecret::from_random(*b"CANARYPENDINGTOTPKEY");
    let flow = vault.begin_flow(scene.flow(id), scene.ground(id).await, Some(pending), None).await.unwrap();
    let held = vault.peek_flow(flow.expose()).await.unwrap();
    let code = TypedSecret::from_random(*b"CANARYRECO");
    let set_up = Spend::SetUp {
        secret: TotpSecret::from_random(*b"CANARYPENDINGTOTPKEY"),
        step: Step(424_242),
        recovery: vec![code.clone()],
        replaces: false,
    };
    let spends = [Spend::Nothing, Spend::Totp(Step(424_242)), Spend::Recovery(code.clone()), set_up];
    let printed = format!(
        "{vault:?} {ana:?} {invitation:?} {bearer:?} {session:?} {token:?} {text:?} {parsed:?} {flow:?} {held:?} {spends:?}
        {:?} {:?} {:?} {:?} {:?}",
        scene.opening(),
        scene.backing,
        vault.store(),
        vault.keys(),
        vault.assertion_key().await.unwrap(),
    );
    let mut secrets = forms("TOTP", b"CANARYPENDINGTOTPKEY");
    secrets.extend(forms("recovery", b"CANARYRECO"));
    secrets.extend(forms("token", raw.expose()));
    for bearer in [&invitation, &bearer, &text, &flow] {
        secrets.extend(forms("bearer", bearer.expose().as_bytes()));
    }
    let Backing::Redb { key_file, .. } = &scene.backing else { panic!("not a file") };
    let key = std::fs::read_to_string(key_file).unwrap();
    secrets.extend(forms("key", &BASE64.decode(key.trim().as_bytes()).unwrap()));
    secrets.push(("step".to_owned(), b"424242".to_vec()));
    secrets.push(("code".to_owned(), code.grouped().into_bytes()));
    secrets.push(("PEM".to_owned(), b"PRIVATE KEY".to_vec()));
    for (name, secret) in secrets {
        assert!(!holds(printed.as_bytes(), &secret), "{name} in {printed}");
    }
}
