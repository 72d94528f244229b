//! Attempts, sign-ins under way, and the sessions they become.

use std::time::Duration;

use access::identity::SessionId;
use access::login::{self, CODES_PER_FLOW, Flow, Input, Next, Stage};
use access::policy::{Method, Methods};
use access::secret::TypedSecret;
use access::totp::{Step, TotpSecret};

use super::scene::*;
use crate::store::vault::{After, Force, Ground, Outcome, SessionKind, Spend};
use crate::store::{Cursor, Notice};

#[tokio::test]
async fn five_attempts_are_free_also_for_nobody_and_then_one_waits() {
    for scene in scenes().await {
        for account in ["ana", "nobody of this name"] {
            for _ in 0..5 {
                assert_eq!(scene.vault.reserve_attempt(account, address(1)).await.unwrap(), Ok(()));
            }
            let until = scene.vault.reserve_attempt(account, address(1)).await.unwrap().unwrap_err();
            assert!(until > scene.clock.now());
        }
        assert_eq!(scene.vault.reserve_attempt("bob", address(1)).await.unwrap(), Ok(()), "others need not wait");
        scene.pass(1);
        assert_eq!(scene.vault.reserve_attempt("ana", address(1)).await.unwrap(), Ok(()));
        assert!(scene.vault.reserve_attempt("ana", address(1)).await.unwrap().is_err(), "the wait grows");
    }
}

#[tokio::test]
async fn a_refused_attempt_counts_neither_for_the_account_nor_for_the_source() {
    for scene in scenes().await {
        for n in 0..50 {
            assert_eq!(scene.vault.reserve_attempt(&format!("u{n}"), address(1)).await.unwrap(), Ok(()));
        }
        for _ in 0..10 {
            assert!(scene.vault.reserve_attempt("ana", address(1)).await.unwrap().is_err(), "the source has to wait");
        }
        for _ in 0..5 {
            assert_eq!(scene.vault.reserve_attempt("ana", address(2)).await.unwrap(), Ok(()), "ana was not counted");
        }
    }
}

#[tokio::test]
async fn a_right_secret_gives_one_attempt_back_and_a_completed_sign_in_all_of_the_account() {
    for scene in scenes().await {
        let reserve = || scene.vault.reserve_attempt("ana", address(1));
        for _ in 0..5 {
            assert!(reserve().await.unwrap().is_ok());
        }
        scene.vault.forgive_attempt("ana", address(1)).await.unwrap();
        assert!(reserve().await.unwrap().is_ok());
        assert!(reserve().await.unwrap().is_err());
        scene.vault.forget_attempts("ana").await.unwrap();
        for _ in 0..5 {
            assert!(reserve().await.unwrap().is_ok());
        }
        scene.vault.forgive_attempt("somebody else", address(9)).await.unwrap();
        assert!(reserve().await.unwrap().is_err());
        scene.pass(24 * 60 * 60);
        assert!(reserve().await.unwrap().is_ok(), "a day forgets");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_parallel_guesses_no_more_than_five_are_looked_at() {
    for scene in scenes().await {
        let answers = together(200, |_| {
            let vault = scene.vault.clone();
            async move { vault.reserve_attempt("ana", address(1)).await.unwrap() }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_parallel_guesses_from_one_source_at_many_accounts_fifty_are_looked_at() {
    for scene in scenes().await {
        let answers = together(200, |n| {
            let vault = scene.vault.clone();
            async move { vault.reserve_attempt(&format!("user{n}"), address(1)).await.unwrap() }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 50);
    }
}

#[tokio::test]
async fn a_flow_gives_five_tries_and_looking_costs_none() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let secret =
            vault.begin_flow(scene.flow(id), scene.ground(id).await, None, Some("/crm".to_owned())).await.unwrap();
        for tried in 0..CODES_PER_FLOW {
            for _ in 0..3 {
                let peeked = vault.peek_flow(secret.expose()).await.unwrap().unwrap();
                assert_eq!((peeked.flow.wrong, peeked.return_to.as_deref()), (tried, Some("/crm")));
            }
            let held = vault.try_flow(secret.expose()).await.unwrap().unwrap();
            let is_last = tried + 1 == CODES_PER_FLOW;
            let wrong = login::advance(&held.flow, Input::Wrong, scene.clock.now());
            assert_eq!(matches!(wrong, Next::Over), is_last, "the rules count the same way");
            let right = login::advance(&held.flow, Input::SecondStepRight(Method::Totp), scene.clock.now());
            assert!(matches!(right, Next::Done(_)), "a try that was granted can succeed");
        }
        assert!(vault.try_flow(secret.expose()).await.unwrap().is_none());
        assert!(vault.try_flow("something else").await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_flow_is_over_after_ten_minutes_or_when_it_is_dropped() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let secret = vault.begin_flow(scene.flow(id), scene.ground(id).await, None, None).await.unwrap();
        let other = vault.begin_flow(scene.flow(id), scene.ground(id).await, None, None).await.unwrap();
        vault.drop_flow(other.expose()).await.unwrap();
        assert!(vault.peek_flow(other.expose()).await.unwrap().is_none());
        scene.pass(10 * 60 - 1);
        assert!(vault.peek_flow(secret.expose()).await.unwrap().is_some());
        scene.pass(1);
        assert!(vault.peek_flow(secret.expose()).await.unwrap().is_none());
        assert!(vault.try_flow(secret.expose()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_flow_remembers_its_stage_and_the_key_that_is_being_set_up() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let methods = Methods::NONE.with(Method::Totp).with(Method::Sms);
        for stage in [Stage::SetUp, Stage::SecondStep { methods }, Stage::SecondStepThenSetUp { methods }] {
            let flow = Flow { person: id, started: scene.clock.now(), stage, wrong: 0 };
            let key = TotpSecret::from_random([9; 20]);
            let secret = scene.vault.begin_flow(flow.clone(), scene.ground(id).await, Some(key), None).await.unwrap();
            let held = scene.vault.peek_flow(secret.expose()).await.unwrap().unwrap();
            assert_eq!((held.flow, held.pending_totp.unwrap().bytes()), (flow, &[9; 20]));
        }
    }
}

#[tokio::test]
async fn an_invitation_or_a_hand_off_is_no_flow_and_a_flow_is_neither() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, invitation) = vault.add_person(someone("ana", &[]), entry()).await.unwrap();
        let flow =
            vault.begin_flow(scene.flow(ana.person.id), scene.ground(ana.person.id).await, None, None).await.unwrap();
        assert!(vault.peek_flow(invitation.expose()).await.unwrap().is_none());
        assert!(vault.invited(flow.expose()).await.unwrap().is_none());
        let digest = vault.digest("session", flow.expose().as_bytes());
        assert!(vault.session(digest).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_session_is_found_by_its_secret_until_it_ends() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let (secret, session) = scene.sign_in(id).await;
        assert_eq!(secret.expose().len(), 43);
        let digest = vault.digest("session", secret.expose().as_bytes());
        assert_eq!(vault.session(digest).await.unwrap(), Some(session.clone()));
        assert_eq!(vault.session(vault.digest("token", secret.expose().as_bytes())).await.unwrap(), None);
        assert_eq!(vault.session_used(session.id).await.unwrap(), Some(scene.clock.now()));
        let person = vault.person(id).await.unwrap().unwrap();
        assert_eq!(person.last_sign_in, Some((scene.clock.now(), address(7).ip())));
        scene.pass(24 * 60 * 60);
        assert_eq!(vault.session(digest).await.unwrap(), None, "expired");
        assert_eq!(vault.count_sessions().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn an_ended_session_is_gone_with_all_its_rows_and_the_feed_tells_of_it() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let (secret, session) = scene.sign_in(id).await;
        let (_, other) = scene.sign_in(id).await;
        let cursor = vault.feed(Cursor::START).await.unwrap().cursor;
        assert!(vault.end_session(session.id, entry()).await.unwrap());
        assert_eq!(vault.feed(cursor).await.unwrap().notices, [Notice::Session(session.id)]);
        let digest = vault.digest("session", secret.expose().as_bytes());
        assert_eq!(vault.session(digest).await.unwrap(), None);
        assert_eq!(vault.session_used(session.id).await.unwrap(), None);
        assert_eq!(vault.sessions(Some(id)).await.unwrap(), [other]);
        assert!(!vault.end_session(session.id, entry()).await.unwrap());
        // A use noted late does not bring it back.
        vault.touch_sessions(&[(session.id, scene.clock.now())]).await.unwrap();
        assert_eq!(vault.session_used(session.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_session_with_more_app_hosts_than_fit_one_batch_ends_whole() {
    let scene = Scene::memory().await;
    let vault = &scene.vault;
    let id = scene.add("ana").await.person.id;
    let (portal, session) = scene.sign_in(id).await;
    let portal = vault.digest("session", portal.expose().as_bytes());
    let browser = vault.digest("browser", b"nonce");
    let mut children = Vec::new();
    for n in 0..300 {
        let app = access::identity::AppName::parse(&format!("app{n}")).unwrap();
        let ticket = vault.issue_hand_off(portal, app.clone(), browser).await.unwrap();
        let (secret, _) = done(vault.take_hand_off(ticket.expose(), &app, browser).await.unwrap());
        children.push(vault.digest("session", secret.expose().as_bytes()));
    }
    assert!(vault.end_session(session.id, entry()).await.unwrap());
    for child in children {
        assert_eq!(vault.session(child).await.unwrap(), None);
    }
    assert_eq!(vault.sessions(None).await.unwrap(), []);
}

#[tokio::test]
async fn sessions_are_listed_one_a_sign_in_and_newest_first() {
    for scene in scenes().await {
        let (ana, bob) = (scene.add("ana").await.person.id, scene.add("bob").await.person.id);
        let (_, first) = scene.sign_in(ana).await;
        scene.pass(1);
        let (_, second) = scene.sign_in(bob).await;
        scene.pass(1);
        let mut opening = scene.opening();
        opening.kind = SessionKind::Device;
        opening.device = "é".repeat(500);
        let proved = scene.proof(ana);
        let opened = scene
            .vault
            .open_session(proved, After::Password(scene.ground(ana).await), Spend::Nothing, opening, entry())
            .await
            .unwrap();
        let (_, third) = done(opened);
        assert_eq!(third.device.chars().count(), 120);
        assert_eq!(scene.vault.sessions(Some(ana)).await.unwrap(), [third.clone(), first.clone()]);
        assert_eq!(scene.vault.sessions(None).await.unwrap(), [third, second, first]);
        assert_eq!(scene.vault.count_sessions().await.unwrap(), 3);
    }
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_one_person_and_tells_how_many() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let (ana, bob) = (scene.add("ana").await.person.id, scene.add("bob").await.person.id);
        for _ in 0..70 {
            scene.sign_in(ana).await;
        }
        let (_, others) = scene.sign_in(bob).await;
        assert_eq!(vault.sign_out_person(ana, entry()).await.unwrap(), 70);
        assert_eq!(vault.sessions(None).await.unwrap(), [others]);
        assert_eq!(vault.person(ana).await.unwrap().unwrap().generation, 2);
        assert_eq!(scene.sign_in(ana).await.1.generations.person, 2);
    }
}

#[tokio::test]
async fn uses_of_many_sessions_are_noted_together_and_never_go_back() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let mut ids = Vec::new();
        for _ in 0..150 {
            ids.push(scene.sign_in(id).await.1.id);
        }
        let later = scene.clock.now() + Duration::from_secs(60);
        // More than go into one commit; those that are there come last.
        let nobodys = (0..1_100_u128).map(|number| (SessionId(number.to_be_bytes()), later));
        let mut used: Vec<_> = nobodys.chain(ids.iter().map(|id| (*id, later))).collect();
        used.push((ids[0], scene.clock.now()));
        let ended = ids.pop().unwrap();
        assert!(vault.end_session(ended, entry()).await.unwrap());
        vault.touch_sessions(&used).await.unwrap();
        vault.touch_sessions(&[(ids[1], scene.clock.now())]).await.unwrap();
        for id in ids {
            assert_eq!(vault.session_used(id).await.unwrap(), Some(later));
        }
        assert_eq!(vault.session_used(ended).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_used_totp_code_is_refused_the_second_time() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let step = Step(60_000_000);
        let first = scene.tried(id).await;
        let second = scene.tried(id).await;
        let _ = done(scene.pass_second(first, Method::Totp, Spend::Totp(step)).await);
        assert!(is_gone(&scene.pass_second(second, Method::Totp, Spend::Totp(step)).await));
        let third = scene.tried(id).await;
        let _ = done(scene.pass_second(third, Method::Totp, Spend::Totp(Step(step.0 + 1))).await);
        let bob = scene.add("bob").await.person.id;
        let held = scene.tried(bob).await;
        let _ = done(scene.pass_second(held, Method::Totp, Spend::Totp(step)).await);
        assert_eq!(scene.vault.count_sessions().await.unwrap(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_sixty_four_who_show_one_code_at_the_same_time_one_comes_in() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let mut flows = Vec::new();
        for _ in 0..64 {
            flows.push(scene.tried(id).await);
        }
        let answers = together(64, |n| {
            let (vault, held) = (scene.vault.clone(), flows[n].clone());
            let (proved, opening) = (scene.second(&held.flow, Method::Totp), scene.opening());
            async move {
                vault.open_session(proved, After::Flow(held), Spend::Totp(Step(1)), opening, entry()).await.unwrap()
            }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| !is_gone(answer)).count(), 1);
        assert_eq!(scene.vault.count_sessions().await.unwrap(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_flow_becomes_one_session_however_often_it_is_held() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let held = scene.tried(id).await;
        let answers = together(32, |n| {
            let (vault, held) = (scene.vault.clone(), held.clone());
            let (proved, opening) = (scene.second(&held.flow, Method::Totp), scene.opening());
            let spend = Spend::Totp(Step(n as u64));
            async move { vault.open_session(proved, After::Flow(held), spend, opening, entry()).await.unwrap() }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| !is_gone(answer)).count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_sign_ins_of_one_person_that_share_nothing_all_come_in() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let ground = scene.ground(id).await;
        let answers = together(40, |_| {
            let (vault, proved, opening) = (scene.vault.clone(), scene.proof(id), scene.opening());
            async move {
                vault.open_session(proved, After::Password(ground), Spend::Nothing, opening, entry()).await.unwrap()
            }
        })
        .await;
        assert!(answers.iter().all(|answer| !is_gone(answer)));
        assert_eq!(scene.vault.count_sessions().await.unwrap(), 40);
    }
}

#[tokio::test]
async fn a_try_that_another_try_overtook_opens_nothing() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let secret = scene.vault.begin_flow(scene.flow(id), scene.ground(id).await, None, None).await.unwrap();
        let first = scene.vault.try_flow(secret.expose()).await.unwrap().unwrap();
        let second = scene.vault.try_flow(secret.expose()).await.unwrap().unwrap();
        assert!(is_gone(&scene.pass_second(first, Method::Totp, Spend::Totp(Step(1))).await));
        let _ = done(scene.pass_second(second, Method::Totp, Spend::Totp(Step(1))).await);
    }
}

#[tokio::test]
async fn a_sign_in_under_way_ends_with_the_sessions_of_its_time() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let held = scene.tried(id).await;
        scene.vault.sign_out_person(id, entry()).await.unwrap();
        assert!(is_gone(&scene.pass_second(held, Method::Totp, Spend::Totp(Step(1))).await));
        let held = scene.tried(id).await;
        scene.vault.disable_person(id, Force::No, entry()).await.unwrap();
        assert!(is_gone(&scene.pass_second(held, Method::Totp, Spend::Totp(Step(2))).await));
    }
}

#[tokio::test]
async fn a_password_that_was_looked_at_before_all_sessions_ended_opens_nothing_afterwards() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        // Looked at, and being hashed; meanwhile it is changed.
        let before = scene.ground(id).await;
        vault.set_password(id, cheap_hash(19_456, 'a'), entry()).await.unwrap();
        vault.set_password(id, cheap_hash(19_456, 'b'), entry()).await.unwrap();
        let after = After::Password(before);
        let opened = vault.open_session(scene.proof(id), after, Spend::Nothing, scene.opening(), entry()).await;
        assert!(is_gone(&opened.unwrap()));
        let flow = vault.begin_flow(scene.flow(id), before, None, None).await.unwrap();
        let held = vault.try_flow(flow.expose()).await.unwrap().unwrap();
        assert!(is_gone(&scene.pass_second(held, Method::Totp, Spend::Totp(Step(1))).await));
    }
}

#[tokio::test]
async fn a_sign_in_within_a_session_counts_from_its_opening_and_ends_with_it() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let (_, session) = scene.sign_in(id).await;
        let ground = Ground { within: Some((session.id, session.opened)), ..scene.ground(id).await };
        scene.pass(60);
        let begin = || async { vault.begin_flow(scene.flow(id), ground, None, None).await.unwrap() };
        let flow = begin().await;
        // Used meanwhile: no reason to refuse.
        vault.touch_sessions(&[(session.id, scene.clock.now())]).await.unwrap();
        let held = vault.try_flow(flow.expose()).await.unwrap().unwrap();
        let (_, inner) = done(scene.pass_second(held, Method::Totp, Spend::Totp(Step(1))).await);
        assert_eq!((inner.opened, inner.proved), (session.opened, scene.clock.now()));

        let (flow, other) = (begin().await, begin().await);
        let held = vault.try_flow(flow.expose()).await.unwrap().unwrap();
        assert!(vault.end_session(session.id, entry()).await.unwrap());
        assert!(is_gone(&scene.pass_second(held, Method::Totp, Spend::Totp(Step(2))).await));
        assert!(vault.peek_flow(other.expose()).await.unwrap().is_none());
        assert!(vault.try_flow(other.expose()).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_refused_sign_in_uses_up_its_code_and_sets_nothing_up() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let refuse = |held, spend| vault.refuse_flow(held, spend, entry());
        let held = scene.tried(id).await;
        done(refuse(held.clone(), Spend::Totp(Step(1))).await.unwrap());
        assert!(is_gone(&refuse(held, Spend::Totp(Step(2))).await.unwrap()), "the flow is used up");
        let again = scene.tried(id).await;
        assert!(is_gone(&scene.pass_second(again.clone(), Method::Totp, Spend::Totp(Step(1))).await));
        assert!(is_gone(&refuse(again.clone(), Spend::Totp(Step(1))).await.unwrap()));
        done(refuse(again, set_up()).await.unwrap());
        assert!(vault.person(id).await.unwrap().unwrap().enrolled.is_empty());
        assert!(vault.totp(id).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recovery_code_works_once_and_under_a_race_too() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let codes = scene.vault.enrol_totp(id, &TotpSecret::from_random([7; 20]), entry()).await.unwrap();
        let mut flows = Vec::new();
        for _ in 0..16 {
            flows.push(scene.tried(id).await);
        }
        let answers = together(16, |n| {
            let (vault, held, code) = (scene.vault.clone(), flows[n].clone(), codes[0].clone());
            let (proved, opening) = (scene.second(&held.flow, Method::Recovery), scene.opening());
            async move {
                vault.open_session(proved, After::Flow(held), Spend::Recovery(code), opening, entry()).await.unwrap()
            }
        })
        .await;
        assert_eq!(answers.iter().filter(|answer| !is_gone(answer)).count(), 1);
        assert_eq!(scene.vault.recovery_left(id).await.unwrap(), 9);
        let unknown = Spend::Recovery(TypedSecret::from_random([3; 10]));
        let held = scene.tried(id).await;
        assert!(is_gone(&scene.pass_second(held, Method::Recovery, unknown).await));
    }
}

#[tokio::test]
async fn with_the_last_recovery_code_the_method_is_gone() {
    for scene in scenes().await {
        let id = scene.add("ana").await.person.id;
        let codes = scene.vault.enrol_totp(id, &TotpSecret::from_random([7; 20]), entry()).await.unwrap();
        for code in codes {
            assert!(scene.vault.person(id).await.unwrap().unwrap().enrolled.has(Method::Recovery));
            let held = scene.tried(id).await;
            let _ = done(scene.pass_second(held, Method::Recovery, Spend::Recovery(code)).await);
        }
        let enrolled = scene.vault.person(id).await.unwrap().unwrap().enrolled;
        assert_eq!(enrolled, Methods::NONE.with(Method::Totp));
    }
}

fn set_up() -> Spend {
    let recovery = (0..10).map(|n| TypedSecret::from_random([n; 10])).collect();
    Spend::SetUp { secret: TotpSecret::from_random([9; 20]), step: Step(5), recovery, replaces: false }
}

#[tokio::test]
async fn a_set_up_stores_key_step_and_codes_with_the_session_it_opens() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let flow = Flow { person: id, started: scene.clock.now(), stage: Stage::SetUp, wrong: 0 };
        let secret = vault.begin_flow(flow.clone(), scene.ground(id).await, None, None).await.unwrap();
        let late = vault.begin_flow(flow, scene.ground(id).await, None, None).await.unwrap();
        let [held, late] = [secret, late].map(|secret| async move { vault.try_flow(secret.expose()).await });
        let (held, late) = (held.await.unwrap().unwrap(), late.await.unwrap().unwrap());
        let proof = |held: &super::super::HeldFlow| match login::advance(
            &held.flow,
            Input::SetUpRight(Method::Totp),
            scene.clock.now(),
        ) {
            Next::Done(proved) => proved,
            other => panic!("{other:?}"),
        };
        let (one, other) = (proof(&held), proof(&late));
        let _ = done(vault.open_session(one, After::Flow(held), set_up(), scene.opening(), entry()).await.unwrap());
        let person = vault.person(id).await.unwrap().unwrap();
        assert_eq!(person.enrolled, Methods::NONE.with(Method::Totp).with(Method::Recovery));
        assert_eq!(vault.totp(id).await.unwrap().unwrap().bytes(), &[9; 20]);
        assert_eq!(vault.recovery_left(id).await.unwrap(), 10);

        let again = scene.tried(id).await;
        assert!(is_gone(&scene.pass_second(again, Method::Totp, Spend::Totp(Step(5))).await), "its step is used");
        // Whoever knew the password and began a set-up as well does not replace the key.
        let late = vault.open_session(other, After::Flow(late), set_up(), scene.opening(), entry()).await.unwrap();
        assert!(is_gone(&late));
    }
}

#[tokio::test]
async fn a_flow_that_moves_on_uses_up_what_it_was_passed_with() {
    for scene in scenes().await {
        let vault = &scene.vault;
        let id = scene.add("ana").await.person.id;
        let codes = vault.enrol_totp(id, &TotpSecret::from_random([7; 20]), entry()).await.unwrap();
        let secret =
            vault.begin_flow(scene.flow(id), scene.ground(id).await, None, Some("/crm".to_owned())).await.unwrap();
        let held = vault.try_flow(secret.expose()).await.unwrap().unwrap();
        let next = Flow { stage: Stage::SetUp, ..held.flow.clone() };
        let advance =
            |held, spend| vault.advance_flow(held, next.clone(), Some(TotpSecret::from_random([8; 20])), spend);
        let moved = done(advance(held.clone(), Spend::Recovery(codes[0].clone())).await.unwrap());
        assert_eq!((moved.flow.stage, moved.return_to.as_deref()), (Stage::SetUp, Some("/crm")));
        assert_eq!(vault.recovery_left(id).await.unwrap(), 9);
        let peeked = vault.peek_flow(secret.expose()).await.unwrap().unwrap();
        assert_eq!((peeked.version, peeked.pending_totp.unwrap().bytes()), (moved.version, &[8; 20]));
        let late = advance(held, Spend::Recovery(codes[1].clone())).await.unwrap();
        assert!(matches!(late, Outcome::Gone), "that version is over");
        let used = advance(moved, Spend::Recovery(codes[0].clone())).await.unwrap();
        assert!(matches!(used, Outcome::Gone), "that code is used");
        assert_eq!(vault.recovery_left(id).await.unwrap(), 9);
    }
}
