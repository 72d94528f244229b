//! Passkeys by hand: every way in which an answer can be wrong, and what a right one opens (S4, S6, S7, S9, S15; A29, A37, A43).

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway, by_test};
use harness::software_key::{IS_KEPT, MAY_BE_KEPT, PRESENT, SoftwareKey, VERIFIED};
use serde_json::{Value, json};
use vestibule::demo::visitor::{Form, Page, Visitor, unescaped};

#[tokio::test]
async fn a_right_passkey_signs_in_alone_with_both_steps() {
    let (gateway, mut key) = with_key("required").await;
    let mut ana = visitor(&gateway);
    let page = alone(&gateway, &mut ana, &mut key).await;
    assert_eq!(page.heading().as_deref(), Some("Hello, ANA Example"));
    let sessions = gateway.gate().vault().sessions(Some(gateway.id("ana"))).await.expect("the store answers");
    assert!(sessions[0].factors.to_string() == "passkey", "{}", sessions[0].factors);
    // It counts as fresh: nothing is asked again before credentials are changed.
    let page = ana.get(&gateway.portal("/account/passkeys")).await.expect("an answer");
    assert!(page.words().contains("last used"), "{}", page.words());
    assert_eq!(
        gateway.metric(r#"vestibule_sign_ins_total{method="passkey",result="right",step="passkey"}"#).await,
        1.0
    );
}

/// What was not shown is not said to have been, to the apps neither.
#[tokio::test]
async fn a_code_within_a_session_of_a_passkey_makes_no_password_of_it() {
    let (gateway, mut key) = with_key("required").await;
    let mut ana = visitor(&gateway);
    alone(&gateway, &mut ana, &mut key).await;
    gateway.clock().advance(Duration::from_secs(5 * 60));
    ana.get(&gateway.portal("/account/passkeys")).await.expect("an answer");
    ana.get(&gateway.portal("/second-step?method=totp")).await.expect("an answer");
    let code = gateway.totp("ana");
    let page = ana.submit(&[("code", &code)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Passkeys and security keys"));
    let sessions = gateway.gate().vault().sessions(Some(gateway.id("ana"))).await.expect("the store answers");
    let hers = sessions.iter().max_by_key(|session| session.proved).expect("a session");
    assert_eq!(hers.factors.to_string(), "totp");
    let page = ana.get(&gateway.app("mail", "/")).await.expect("an answer");
    assert!(page.status == 200 && page.text().contains("remote-user"), "{}", page.text());
}

/// A43: one lie at a time, and to all of them the same answer.
#[tokio::test]
async fn whatever_is_wrong_at_the_door_the_answer_is_the_same() {
    let (gateway, key) = with_key("required").await;
    let bo = SoftwareKey { owner: key.owner.clone(), ..SoftwareKey::new(&origin(&gateway)) };
    let portal = origin(&gateway);
    let lies: Vec<(&str, SoftwareKey)> = vec![
        ("an unknown credential", SoftwareKey::new(&portal)),
        ("an unknown credential of a known person", bo.clone()),
        ("another key's signature", SoftwareKey { id: key.id.clone(), ..bo }),
        ("nobody's", SoftwareKey { owner: None, ..key.clone() }),
        ("somebody else's", SoftwareKey { owner: Some(vec![7; 16]), ..key.clone() }),
        ("not verified", SoftwareKey { flags: PRESENT, ..key.clone() }),
        ("not touched", SoftwareKey { flags: VERIFIED, ..key.clone() }),
        ("suddenly kept elsewhere", SoftwareKey { flags: PRESENT | VERIFIED | MAY_BE_KEPT, ..key.clone() }),
        ("kept and not to be kept", SoftwareKey { flags: PRESENT | VERIFIED | IS_KEPT, ..key.clone() }),
        ("another relying party", SoftwareKey { relying_party: "localhost".to_owned(), ..key.clone() }),
        ("another port", SoftwareKey { origin: "http://login.localhost:1".to_owned(), ..key.clone() }),
        ("another scheme", SoftwareKey { origin: portal.replace("http:", "https:"), ..key.clone() }),
        ("a name below", SoftwareKey { origin: portal.replace("login.", "x.login."), ..key.clone() }),
        ("a name that begins alike", SoftwareKey { origin: portal.replace("localhost", "localhost.x"), ..key.clone() }),
        ("the answer to another ceremony", SoftwareKey { ceremony: Some("webauthn.create"), ..key.clone() }),
        ("framed", SoftwareKey { says: vec![("crossOrigin", json!(true))], ..key.clone() }),
        ("framed by", SoftwareKey { says: vec![("topOrigin", json!("https://evil.example"))], ..key.clone() }),
        ("a challenge of their own", SoftwareKey { says: vec![("challenge", json!("AAAA"))], ..key.clone() }),
    ];
    let mut answers = Vec::new();
    for (index, (what, mut lie)) in lies.into_iter().enumerate() {
        // From an address of its own: the throttle is told elsewhere.
        let mut ana = visitor(&gateway).from([127, 0, 1, u8::try_from(index).expect("few")]);
        let page = alone(&gateway, &mut ana, &mut lie).await;
        assert_eq!(page.status, 422, "{what}: {}", page.words());
        assert!(ana.cookie("login.localhost", "__Host-vestibule").is_none(), "{what}");
        answers.push((what, page.words()));
        // That many guesses at one key have to wait.
        gateway.clock().advance(Duration::from_secs(20 * 60));
    }
    for rubbish in ["", "{}", "null", "[1]", "\u{0}", &"[".repeat(4_000)] {
        let mut ana = visitor(&gateway).from([127, 0, 2, 1]);
        ana.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer");
        let page = ana.submit(&[("credential", rubbish)]).await.expect("an answer");
        answers.push(("rubbish", page.words()));
        gateway.clock().advance(Duration::from_secs(20 * 60));
    }
    for (what, words) in &answers {
        assert_eq!(*words, answers[0].1, "{what}");
    }
    assert!(answers[0].1.contains("couldn't be used here"), "{}", answers[0].1);
    // And the truth is still taken.
    let mut key = key;
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut key).await.status, 200);
}

#[tokio::test]
async fn the_question_at_the_door_is_the_same_for_everybody_and_new_each_time() {
    let (gateway, _) = with_key("required").await;
    let mut questions = Vec::new();
    for from in [[127, 0, 0, 1], [127, 0, 3, 1]] {
        let mut somebody = visitor(&gateway).from(from);
        let mut question = question(somebody.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer"));
        let challenge = question["challenge"].take();
        assert!(challenge.as_str().is_some_and(|text| text.len() >= 43), "{challenge}");
        questions.push((question, challenge));
    }
    assert_eq!(questions[0].0, questions[1].0);
    assert_ne!(questions[0].1, questions[1].1);
    let asked = &questions[0].0;
    assert_eq!(asked["allowCredentials"], json!([]));
    assert_eq!(asked["userVerification"], json!("required"));
    assert_eq!(asked["rpId"], json!("login.localhost"));
}

#[tokio::test]
async fn an_answer_is_taken_once_in_its_own_browser_within_five_minutes() {
    let (gateway, mut key) = with_key("required").await;
    let mut ana = visitor(&gateway);
    let asked = question(ana.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer"));
    let answer = key.get(&asked);

    // Another browser, which has a question of its own.
    let mut thief = visitor(&gateway).from([127, 0, 4, 1]);
    thief.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer");
    assert_eq!(thief.submit(&[("credential", &answer)]).await.expect("an answer").status, 422);

    let form = Form::all(&ana.page().expect("a page").text()).remove(0);
    let fields: Vec<_> = form.filled(&[("credential", &answer)]).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut again = ana.same_browser();
    let page = ana.post_form(&gateway.portal("/sign-in/passkey"), &fields).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Hello, ANA Example"));
    let page = again.post_form(&gateway.portal("/sign-in/passkey"), &fields).await.expect("an answer");
    assert_eq!(page.status, 422, "a second time: {}", page.words());
    // And not with the new question's cookie either.
    let page = again.submit(&[("credential", &answer)]).await.expect("an answer");
    assert_eq!(page.status, 422, "a third time: {}", page.words());

    let mut late = visitor(&gateway);
    let asked = question(late.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer"));
    gateway.clock().advance(Duration::from_secs(5 * 60));
    let page = late.submit(&[("credential", &key.get(&asked))]).await.expect("an answer");
    assert_eq!(page.status, 422, "{}", page.words());
}

#[tokio::test]
async fn guesses_at_one_key_have_to_wait_and_then_the_owner_gets_in() {
    let (gateway, mut key) = with_key("required").await;
    for guess in 0..5 {
        let mut thief = visitor(&gateway).from([127, 0, 5, guess]);
        let mut lie = SoftwareKey { flags: PRESENT, ..key.clone() };
        assert_eq!(alone(&gateway, &mut thief, &mut lie).await.status, 422);
    }
    let page = alone(&gateway, &mut visitor(&gateway), &mut key).await;
    assert_eq!(page.status, 429, "{}", page.words());
    assert!(page.words().contains("Too many tries."), "{}", page.words());
    gateway.clock().advance(Duration::from_secs(60));
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut key).await.status, 200);
}

#[tokio::test]
async fn a_count_that_goes_back_is_refused_and_written_down() {
    let (gateway, key) = with_key("required").await;
    let mut key = SoftwareKey { counter: 41, ..key };
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut key).await.status, 200);
    assert_eq!(key.counter, 42);
    let mut copy = SoftwareKey { counter: 41, ..key.clone() };
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut copy).await.status, 422, "the same count once more");
    let mut copy = SoftwareKey { counter: 0, ..key.clone() };
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut copy).await.status, 422, "it stopped counting");
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut key).await.status, 200);
    let audit = gateway.gate().vault().audit_rows(1, 1000).await.expect("the store answers");
    assert_eq!(audit.iter().filter(|row| row.entry.act == "passkey.count_went_back").count(), 2);
}

#[tokio::test]
async fn as_a_second_step_only_ones_own_key_counts_in_its_own_sign_in() {
    let (gateway, mut key) = with_key("required").await;
    gateway.add_user("bo", Factor::Totp, &[], &["sales"]).await;
    let mut bos = SoftwareKey::new(&origin(&gateway));
    add(&gateway, "bo", &mut bos).await;
    gateway.clock().advance(Duration::from_secs(60));

    let mut ana = visitor(&gateway);
    let asked = second_question(&gateway, &mut ana, "ana").await;
    assert_eq!(asked["allowCredentials"].as_array().map(Vec::len), Some(1));
    let known = BASE64URL_NOPAD.encode(&key.id);
    assert_eq!(asked["allowCredentials"][0]["id"], json!(known));
    for (what, mut lie) in [
        ("bo's key", bos.clone()),
        ("bo's key under ana's name", SoftwareKey { owner: key.owner.clone(), ..bos.clone() }),
        ("bo's signature", SoftwareKey { id: key.id.clone(), owner: None, ..bos.clone() }),
        ("ana's key for bo", SoftwareKey { owner: bos.owner.clone(), ..key.clone() }),
        ("not touched", SoftwareKey { flags: VERIFIED, ..key.clone() }),
    ] {
        // Each has a sign-in of its own: five wrong answers end one.
        let mut ana = visitor(&gateway);
        let asked = second_question(&gateway, &mut ana, "ana").await;
        let page = ana.submit(&[("credential", &lie.get(&asked))]).await.expect("an answer");
        assert_eq!(page.status, 422, "{what}: {}", page.words());
        assert!(ana.cookie("login.localhost", "__Host-vestibule").is_none(), "{what}");
        gateway.clock().advance(Duration::from_secs(20 * 60));
    }

    // A question of the door, or of another sign-in, is none of this one's.
    let mut ana = visitor(&gateway);
    let door = question(ana.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer"));
    let door_cookie = ana.cookie("login.localhost", KEY_COOKIE).expect("a question").to_owned();
    second_question(&gateway, &mut ana, "ana").await;
    ana.plant_cookie("login.localhost", KEY_COOKIE, &door_cookie);
    let page = ana.submit(&[("credential", &key.get(&door))]).await.expect("an answer");
    assert_eq!(page.status, 422, "{}", page.words());
    gateway.clock().advance(Duration::from_secs(20 * 60));
    let mut first = visitor(&gateway);
    let asked = second_question(&gateway, &mut first, "ana").await;
    let first_cookie = first.cookie("login.localhost", KEY_COOKIE).expect("a question").to_owned();
    let mut second = visitor(&gateway);
    second_question(&gateway, &mut second, "ana").await;
    second.plant_cookie("login.localhost", KEY_COOKIE, &first_cookie);
    let page = second.submit(&[("credential", &key.get(&asked))]).await.expect("an answer");
    assert_eq!(page.status, 422, "{}", page.words());

    // Five wrong ones end a sign-in; after a pause the right one opens it, once.
    gateway.clock().advance(Duration::from_secs(20 * 60));
    let mut ana = visitor(&gateway);
    let asked = second_question(&gateway, &mut ana, "ana").await;
    let answer = key.get(&asked);
    let mut again = ana.same_browser();
    let form = Form::all(&ana.page().expect("a page").text()).remove(0);
    let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let fields: Vec<_> =
        fields.into_iter().map(|(name, value)| (name, if name == "credential" { &answer } else { value })).collect();
    let page = ana.post_form(&gateway.portal("/second-step/passkey"), &fields).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Hello, ANA Example"));
    let page = again.post_form(&gateway.portal("/second-step/passkey"), &fields).await.expect("an answer");
    assert_ne!(page.heading().as_deref(), Some("Hello, ANA Example"), "{}", page.words());
}

#[tokio::test]
async fn a_key_that_does_not_verify_its_user_is_a_second_step_and_no_more() {
    let gateway = gateway("required").await.with_user("ana", Factor::Totp).await;
    let mut key = SoftwareKey { flags: PRESENT, ..SoftwareKey::new(&origin(&gateway)) };
    add(&gateway, "ana", &mut key).await;
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut key).await.status, 422);
    let mut ana = visitor(&gateway);
    let asked = second_question(&gateway, &mut ana, "ana").await;
    let page = ana.submit(&[("credential", &key.get(&asked))]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Hello, ANA Example"));

    // One that did when it was added has to go on doing so.
    let (gateway, key) = with_key("required").await;
    let mut ana = visitor(&gateway);
    let asked = second_question(&gateway, &mut ana, "ana").await;
    let mut lie = SoftwareKey { flags: PRESENT, ..key };
    assert_eq!(ana.submit(&[("credential", &lie.get(&asked))]).await.expect("an answer").status, 422);
}

#[tokio::test]
async fn a_new_key_has_to_answer_the_question_that_was_asked_of_it() {
    let gateway = gateway("required").await.with_user("ana", Factor::Totp).await.with_user("bo", Factor::Totp).await;
    let portal = origin(&gateway);
    let mut taken = SoftwareKey::new(&portal);
    add(&gateway, "bo", &mut taken).await;
    let fresh = || SoftwareKey::new(&portal);
    let mut ana = signed_in(&gateway, "ana").await;
    for (what, mut lie) in [
        ("not touched", SoftwareKey { flags: VERIFIED, ..fresh() }),
        ("kept and not to be kept", SoftwareKey { flags: PRESENT | IS_KEPT, ..fresh() }),
        ("another relying party", SoftwareKey { relying_party: "localhost".to_owned(), ..fresh() }),
        ("another origin", SoftwareKey { origin: "http://crm.localhost".to_owned(), ..fresh() }),
        ("an algorithm nobody offered", SoftwareKey { algorithm: -47, ..fresh() }),
        ("the answer to another ceremony", SoftwareKey { ceremony: Some("webauthn.get"), ..fresh() }),
        ("a challenge of their own", SoftwareKey { says: vec![("challenge", json!("AAAA"))], ..fresh() }),
        ("framed", SoftwareKey { says: vec![("crossOrigin", json!(true))], ..fresh() }),
        ("framed by", SoftwareKey { says: vec![("topOrigin", json!("https://evil.example"))], ..fresh() }),
        ("somebody else's credential", SoftwareKey { id: taken.id.clone(), ..fresh() }),
    ] {
        let asked = question(ana.get(&gateway.portal("/account/passkeys/new")).await.expect("an answer"));
        let page = ana.submit(&[("credential", &lie.create(&asked))]).await.expect("an answer");
        assert_eq!(page.status, 422, "{what}: {}", page.words());
        assert!(page.words().contains("couldn't be added"), "{what}: {}", page.words());
    }
    assert!(keys(&gateway, "ana").await.is_empty());

    // Its own question, its own session, once.
    let mut key = fresh();
    let asked = question(ana.get(&gateway.portal("/account/passkeys/new")).await.expect("an answer"));
    let cookie = ana.cookie("login.localhost", KEY_COOKIE).expect("a question").to_owned();
    let answer = key.create(&asked);
    gateway.clock().advance(Duration::from_secs(31));
    let mut bo = signed_in(&gateway, "bo").await;
    bo.get(&gateway.portal("/account/passkeys/new")).await.expect("an answer");
    bo.plant_cookie("login.localhost", KEY_COOKIE, &cookie);
    assert_eq!(bo.submit(&[("credential", &answer)]).await.expect("an answer").status, 422);
    assert_eq!(keys(&gateway, "bo").await.len(), 1);
    let page = ana.submit(&[("credential", &answer)]).await.expect("an answer");
    assert_eq!(page.status, 422, "what was shown in the wrong place is used up: {}", page.words());
    assert!(keys(&gateway, "ana").await.is_empty());
}

#[tokio::test]
async fn keys_are_changed_only_after_a_fresh_proof_in_the_same_session() {
    let (gateway, _) = with_key("required").await;
    gateway.clock().advance(Duration::from_secs(60));
    let mut ana = signed_in(&gateway, "ana").await;
    ana.get(&gateway.portal("/account/passkeys")).await.expect("an answer");
    let remove = form(&ana, "/account/passkeys/remove");
    let rename = form(&ana, "/account/passkeys/rename");
    let mut key = SoftwareKey::new(&origin(&gateway));
    let asked = question(ana.get(&gateway.portal("/account/passkeys/new")).await.expect("an answer"));
    let mut new = form(&ana, "/account/passkeys/new");
    set(&mut new, "credential", &key.create(&asked));

    gateway.clock().advance(Duration::from_secs(5 * 60));
    for path in ["/account/passkeys", "/account/passkeys/new"] {
        let page = ana.get(&gateway.portal(path)).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Enter your code"), "{path}");
    }
    for sent in [&remove, &new, &rename] {
        let page = send(&gateway, &mut ana, sent).await;
        assert_eq!(page.heading().as_deref(), Some("Enter your code"), "{}", sent.action);
    }
    assert_eq!(keys(&gateway, "ana").await, ["Security key"]);

    // The second step again, and it goes on.
    gateway.clock().advance(Duration::from_secs(30));
    let code = gateway.totp("ana");
    let page = ana.submit(&[("code", &code)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Passkeys and security keys"));
    let page = ana.submit(&[("passkey", &value(&rename, "passkey")), ("name", "  ")]).await.expect("an answer");
    assert!(page.status == 422 && page.words().contains("A name has 1 to 64 characters."), "{}", page.words());
    let page =
        ana.submit(&[("passkey", &value(&rename, "passkey")), ("name", "the blue one")]).await.expect("an answer");
    assert!(page.words().contains("It has its new name."), "{}", page.words());
    assert_eq!(keys(&gateway, "ana").await, ["the blue one"]);
}

#[tokio::test]
async fn nobody_removes_or_renames_somebody_elses_key() {
    let (gateway, mut key) = with_key("required").await;
    gateway.add_user("bo", Factor::Totp, &[], &["sales"]).await;
    let mut bo = signed_in(&gateway, "bo").await;
    let mut bos = SoftwareKey::new(&origin(&gateway));
    let asked = question(bo.get(&gateway.portal("/account/passkeys/new")).await.expect("an answer"));
    bo.submit(&[("credential", &bos.create(&asked))]).await.expect("an answer");
    let anas = gateway.gate().vault().passkeys(gateway.id("ana")).await.expect("the store answers").remove(0).id;
    let anas = data_encoding::HEXLOWER.encode(&anas.0);
    for path in ["/account/passkeys/remove", "/account/passkeys/rename"] {
        bo.get(&gateway.portal("/account/passkeys")).await.expect("an answer");
        let mut sent = form(&bo, path);
        set(&mut sent, "passkey", &anas);
        let page = send(&gateway, &mut bo, &sent).await.text();
        assert!(!page.contains("role=\"status\""), "{path}: nothing is said to be done: {page}");
    }
    assert_eq!(keys(&gateway, "ana").await, ["Security key"]);
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut key).await.status, 200);
    for rubbish in ["", "x", &"0".repeat(63), &"G".repeat(64)] {
        bo.get(&gateway.portal("/account/passkeys")).await.expect("an answer");
        let mut sent = form(&bo, "/account/passkeys/remove");
        set(&mut sent, "passkey", rubbish);
        assert_eq!(send(&gateway, &mut bo, &sent).await.status, 400, "{rubbish:?}");
    }
}

#[tokio::test]
async fn the_last_second_step_stays_where_one_is_demanded_and_goes_where_none_is() {
    for (two_step, goes) in [("required", false), ("optional", true)] {
        let gateway = gateway(two_step).await.with_user("ana", Factor::None).await;
        let mut key = SoftwareKey::new(&origin(&gateway));
        let mut ana = visitor(&gateway);
        ana.get(&gateway.portal("/sign-in")).await.expect("an answer");
        ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
        let page = if goes { "/account/passkeys/new" } else { "/set-up?method=passkey" };
        let asked = question(ana.get(&gateway.portal(page)).await.expect("an answer"));
        let page = ana.submit(&[("credential", &key.create(&asked))]).await.expect("an answer");
        assert_eq!(page.heading().as_deref(), Some("Keep your recovery codes"), "the first second step brings them");

        // With that key: what was shown so far was the password alone.
        let mut ana = visitor(&gateway);
        alone(&gateway, &mut ana, &mut key).await;
        ana.get(&gateway.portal("/account/passkeys")).await.expect("an answer");
        let remove = form(&ana, "/account/passkeys/remove");
        let page = send(&gateway, &mut ana, &remove).await;
        let vault = gateway.gate().vault();
        let left = vault.recovery_left(gateway.id("ana")).await.expect("the store answers");
        let enrolled = gateway.record("ana").await.enrolled;
        if goes {
            assert!(page.words().contains("It is removed"), "{}", page.words());
            assert!(enrolled.is_empty() && left == 0, "{enrolled}, {left}");
        } else {
            assert!(page.words().contains("This is your last second step"), "{}", page.words());
            assert!(enrolled.to_string() == "passkey, recovery" && left == 10, "{enrolled}, {left}");
        }
    }
}

#[tokio::test]
async fn the_first_day_offers_what_counts_and_nothing_else() {
    let policy = "networks: { office: [127.0.0.0/8] }
organization: { allow_from: [office] }
groups: { sales: {}, vault: { second_step: [passkey] } }
roles: { admin: {} }
";
    let sign_in = Some("sign_in: { two_step: required, methods: [totp, passkey] }".to_owned());
    let gateway = TestGateway::with(Setup { sign_in, policy: Some(policy.to_owned()), ..Setup::default() }).await;
    gateway.add_user("ana", Factor::None, &[], &["sales"]).await;
    gateway.add_user("bo", Factor::None, &[], &["vault"]).await;
    gateway.add_user("carla", Factor::Totp, &[], &["vault"]).await;
    let mut ana = visitor(&gateway);
    ana.get(&gateway.portal("/sign-in")).await.expect("an answer");
    let page = ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    let words = page.words();
    let (app, passkey) = (words.find("Authenticator app"), words.find("Passkey or security key"));
    assert!(app.is_some() && app < passkey, "in the order of the configuration: {words}");

    // Where a rule names passkeys there is no choice, and a code of an app sets nothing up.
    let mut bo = visitor(&gateway);
    bo.get(&gateway.portal("/sign-in")).await.expect("an answer");
    let page = bo.submit(&[("username", "bo"), ("password", PASSWORD)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Set up a passkey or security key"));
    assert_eq!(code_of_an_app(&gateway, &mut bo).await.status, 422);
    assert!(gateway.record("bo").await.enrolled.is_empty());

    // Who has another second step shows it first.
    let mut carla = visitor(&gateway);
    carla.get(&gateway.portal("/sign-in")).await.expect("an answer");
    carla.submit(&[("username", "carla"), ("password", PASSWORD)]).await.expect("an answer");
    let code = gateway.totp("carla");
    let page = carla.submit(&[("code", &code)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Set up a passkey or security key"));
    let mut key = SoftwareKey::new(&origin(&gateway));
    let answer = key.create(&question(page));
    let page = carla.submit(&[("credential", &answer)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Hello, CARLA Example"), "her recovery codes are those she has");
    assert_eq!(gateway.record("carla").await.enrolled.to_string(), "passkey, totp, recovery");
}

#[tokio::test]
async fn what_is_not_offered_can_not_be_set_up() {
    let sign_in = Some("sign_in: { two_step: required, methods: passkey }".to_owned());
    let gateway = TestGateway::with(Setup { sign_in, ..Setup::default() }).await.with_user("ana", Factor::None).await;
    let mut ana = visitor(&gateway);
    ana.get(&gateway.portal("/sign-in")).await.expect("an answer");
    let page = ana.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Set up a passkey or security key"));
    assert!(!page.text().contains("href=\"/set-up\""), "there is no choice");
    assert_eq!(code_of_an_app(&gateway, &mut ana).await.status, 422);
    assert!(gateway.record("ana").await.enrolled.is_empty());
}

#[tokio::test]
async fn nothing_is_set_up_beside_what_its_owner_set_up_meanwhile() {
    let gateway = gateway("required").await.with_user("ana", Factor::None).await;
    let mut thief = visitor(&gateway);
    thief.get(&gateway.portal("/sign-in")).await.expect("an answer");
    thief.submit(&[("username", "ana"), ("password", PASSWORD)]).await.expect("an answer");
    let asked = question(thief.get(&gateway.portal("/set-up?method=passkey")).await.expect("an answer"));
    let secret = access::totp::TotpSecret::from_random([7; 20]);
    let vault = gateway.gate().vault();
    vault.enrol_totp(gateway.id("ana"), &secret, by_test("totp.enrol")).await.expect("enrolled");
    let mut key = SoftwareKey::new(&origin(&gateway));
    let page = thief.submit(&[("credential", &key.create(&asked))]).await.expect("an answer");
    assert_eq!(page.status, 422, "{}", page.words());
    assert!(keys(&gateway, "ana").await.is_empty());
}

#[tokio::test]
async fn a_reset_by_an_administrator_forgets_the_keys_as_well() {
    let (gateway, mut key) = with_key("required").await;
    let vault = gateway.gate().vault();
    vault.reset_two_step(gateway.id("ana"), by_test("two_step.reset")).await.expect("reset");
    gateway.catch_up().await;
    assert_eq!(alone(&gateway, &mut visitor(&gateway), &mut key).await.status, 422);
    assert!(gateway.record("ana").await.enrolled.is_empty());
}

#[tokio::test]
async fn a_disabled_person_and_a_foreign_address_stay_outside() {
    let (gateway, mut key) = with_key("required").await;
    gateway
        .set_policy(
            "networks: { office: [127.0.0.1], cafe: [127.0.0.66] }
organization: { allow_from: [office] }
users: { bo: { allow_from: [cafe] } }
groups: { sales: {} }
roles: { admin: {} }
",
        )
        .await;
    let mut ana = visitor(&gateway).from([127, 0, 0, 66]);
    let page = alone(&gateway, &mut ana, &mut key).await;
    assert_eq!(page.heading().as_deref(), Some("Access denied from this IP address"), "once the key was right");
    let vault = gateway.gate().vault();
    let force = vestibule::store::vault::Force::No;
    vault.disable_person(gateway.id("ana"), force, by_test("user.disable")).await.expect("disabled");
    gateway.catch_up().await;
    let page = alone(&gateway, &mut visitor(&gateway), &mut key).await;
    assert!(page.status == 422 && page.words().contains("couldn't be used here"), "{}", page.words());
}

#[tokio::test]
async fn where_passkeys_are_not_offered_there_is_no_way_in_with_one() {
    let gateway = TestGateway::start().await.with_user("ana", Factor::Totp).await;
    let mut ana = visitor(&gateway);
    let page = ana.get(&gateway.portal("/sign-in")).await.expect("an answer");
    assert!(!page.text().contains("passkey"), "{}", page.text());
    assert!(!page.header("content-security-policy").expect("a policy").contains("script-src"));
    let page = ana.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Sign in"));
    let mut ana = signed_in(&gateway, "ana").await;
    let page = ana.get(&gateway.portal("/account")).await.expect("an answer");
    assert!(!page.text().contains("passkeys"));
}

#[tokio::test]
async fn password_managers_find_where_keys_are_added_and_kept() {
    let (gateway, _) = with_key("required").await;
    let found = gateway.get("login", "/.well-known/passkey-endpoints").send().await.json();
    let [enroll, manage] = ["/account/passkeys/new", "/account/passkeys"].map(|path| gateway.portal(path));
    assert_eq!(found, json!({ "enroll": enroll, "manage": manage }));
    let without = TestGateway::start().await;
    assert_eq!(without.get("login", "/.well-known/passkey-endpoints").send().await.status, 404);
}

#[tokio::test]
async fn a_native_app_is_asked_only_for_what_it_can_show() {
    let (gateway, _) = with_key("required").await;
    let first = json!({ "username": "ana", "password": PASSWORD, "device": "a phone" });
    let asked = gateway.ask("POST", "login", "/api/v1/sign-in").json(&first).send().await.json();
    assert_eq!(asked["next"], json!(["totp", "recovery"]));
}

#[tokio::test]
async fn scripts_run_only_where_a_key_is_asked_for_and_only_ours() {
    let (gateway, _) = with_key("required").await;
    let mut ana = visitor(&gateway);
    for (path, runs) in [("/sign-in", true), ("/sign-in/passkey", true), ("/whoami", false), ("/nothing", false)] {
        let page = ana.get(&gateway.portal(path)).await.expect("an answer");
        let policy = page.header("content-security-policy").expect("a policy");
        assert_eq!(policy.contains("script-src 'self'"), runs, "{path}: {policy}");
        assert_eq!(page.text().contains("<script"), runs, "{path}");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
    }
    let page = ana.get(&gateway.portal("/sign-in")).await.expect("an answer").text();
    let script = page.split_once("src=\"").and_then(|(_, rest)| rest.split_once('"')).expect("a script").0.to_owned();
    let script = ana.get(&gateway.portal(&script)).await.expect("an answer");
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert!(script.header("cache-control").is_some_and(|how| how.contains("immutable")));
}

/// Ana with an authenticator app and a key that verifies her, added a minute ago.
async fn with_key(two_step: &str) -> (TestGateway, SoftwareKey) {
    let gateway = gateway(two_step).await.with_user("ana", Factor::Totp).await;
    let mut key = SoftwareKey::new(&origin(&gateway));
    add(&gateway, "ana", &mut key).await;
    gateway.clock().advance(Duration::from_secs(60));
    (gateway, key)
}

async fn gateway(two_step: &str) -> TestGateway {
    let sign_in = Some(format!("sign_in: {{ two_step: {two_step}, methods: [passkey, totp] }}"));
    TestGateway::with(Setup { sign_in, policy: Some(POLICY.to_owned()), ..Setup::default() }).await
}

/// Signs in by password and code, and adds the key.
async fn add(gateway: &TestGateway, name: &str, key: &mut SoftwareKey) {
    let mut owner = signed_in(gateway, name).await;
    let asked = question(owner.get(&gateway.portal("/account/passkeys/new")).await.expect("an answer"));
    let page = owner.submit(&[("credential", &key.create(&asked))]).await.expect("an answer");
    assert_eq!(page.heading().as_deref(), Some("Passkeys and security keys"), "{}", page.words());
}

async fn signed_in(gateway: &TestGateway, name: &str) -> Visitor {
    let mut visitor = visitor(gateway);
    visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
    visitor.submit(&[("username", name), ("password", PASSWORD)]).await.expect("an answer");
    visitor.get(&gateway.portal("/second-step?method=totp")).await.expect("an answer");
    let page = visitor.submit(&[("code", &gateway.totp(name))]).await.expect("an answer");
    assert!(page.heading().is_some_and(|heading| heading.starts_with("Hello")), "{}", page.words());
    visitor
}

/// With the key alone, from the sign-in page's button on.
async fn alone(gateway: &TestGateway, visitor: &mut Visitor, key: &mut SoftwareKey) -> Page {
    let asked = question(visitor.get(&gateway.portal("/sign-in/passkey")).await.expect("an answer"));
    visitor.submit(&[("credential", &key.get(&asked))]).await.expect("an answer").clone()
}

/// The right password, and then the question to the person's keys.
async fn second_question(gateway: &TestGateway, visitor: &mut Visitor, name: &str) -> Value {
    visitor.get(&gateway.portal("/sign-in")).await.expect("an answer");
    visitor.submit(&[("username", name), ("password", PASSWORD)]).await.expect("an answer");
    question(visitor.get(&gateway.portal("/second-step?method=passkey")).await.expect("an answer"))
}

/// The right code of an authenticator app that nobody was offered, for the sign-in under way.
async fn code_of_an_app(gateway: &TestGateway, visitor: &mut Visitor) -> Page {
    let flow = visitor.cookie("login.localhost", "__Host-vestibule-flow").expect("a sign-in under way");
    let (held, _) = gateway.gate().under_way(flow).await.expect("the store answers").expect("a sign-in under way");
    let code = held.pending_totp.expect("a key that nobody was shown").code_at(gateway.clock().now());
    let form = value(&form(visitor, "/set-up/passkey"), "form");
    let fields = [("form", form.as_str()), ("code", code.as_str())];
    visitor.post_form(&gateway.portal("/set-up"), &fields).await.expect("an answer").clone()
}

/// What the page asks the browser for.
fn question(page: &Page) -> Value {
    let text = page.text();
    let asked = text.split_once("data-options value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let asked = asked.unwrap_or_else(|| panic!("no question: {}", page.words())).0;
    serde_json::from_str(&unescaped(asked)).expect("JSON")
}

async fn keys(gateway: &TestGateway, name: &str) -> Vec<String> {
    let keys = gateway.gate().vault().passkeys(gateway.id(name)).await.expect("the store answers");
    keys.into_iter().map(|key| key.name).collect()
}

fn form(visitor: &Visitor, action: &str) -> Form {
    let page = visitor.page().expect("a page");
    let forms = Form::all(&page.text());
    forms.into_iter().find(|form| form.action == action).unwrap_or_else(|| panic!("{action}: {}", page.words()))
}

fn value(form: &Form, name: &str) -> String {
    form.fields.iter().find(|(field, _)| field == name).expect("the field").1.clone()
}

fn set(form: &mut Form, name: &str, value: &str) {
    form.fields.iter_mut().find(|(field, _)| field == name).expect("the field").1 = value.to_owned();
}

async fn send(gateway: &TestGateway, visitor: &mut Visitor, form: &Form) -> Page {
    let fields: Vec<_> = form.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    visitor.post_form(&gateway.portal(&form.action), &fields).await.expect("an answer").clone()
}

fn visitor(gateway: &TestGateway) -> Visitor {
    Visitor::new(gateway.clock().clone())
}

fn origin(gateway: &TestGateway) -> String {
    gateway.portal("")
}

const KEY_COOKIE: &str = "__Host-vestibule-key";

const POLICY: &str = "networks: { office: [127.0.0.0/8] }
organization: { allow_from: [office] }
groups: { sales: {} }
roles: { admin: {} }
";
