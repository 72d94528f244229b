//! The right call of each step, made by walking there as a person or an app does.

use std::time::Duration;

use access::Timestamp;
use access::protocol::{Protocol, Protocols};
use access::totp::TotpSecret;
use harness::gateway::{Factor, PASSWORD, Setup, TestGateway, by_test};
use harness::passkey::{Passkey, Question};
use serde_json::json;
use vestibule::demo::visitor::{Page, Visitor};
use vestibule::store::vault::NewAppPassword;

use super::call::{Body, Call, Code, FLOW, PORTAL, filled};
use super::table::Do;

/// A gateway as this step needs it, with Ana and Eve.
pub(super) async fn house(does: Do) -> TestGateway {
    let on_first_day = matches!(
        does,
        Do::SendFirst | Do::SetUpTotp | Do::SetUpSms | Do::SetUpVoice | Do::SetUpEmail | Do::SetUpPasskey
    );
    let two_step = if on_first_day { "required" } else { "optional" };
    let sign_in = format!("sign_in: {{ two_step: {two_step}, methods: [passkey, totp, sms, voice, email] }}");
    let apps = Some(APPS.to_owned());
    let gateway = TestGateway::with(Setup { mail: true, sign_in: Some(sign_in), apps, ..Setup::default() }).await;
    let factor = if on_first_day { Factor::None } else { Factor::Totp };
    match does {
        Do::Invitation => gateway,
        _ => gateway.with_user("ana", factor).await.with_user("eve", factor).await,
    }
}

/// What this person's browser or app sends at this step.
pub(super) async fn right(does: Do, gateway: &TestGateway, who: &'static str) -> Call {
    match does {
        Do::Password => {
            let mut visitor = nobody(gateway);
            go(gateway, &mut visitor, "/sign-in").await;
            Call::of(&visitor, "/sign-in", &[("username", who), ("password", PASSWORD)])
        }
        Do::Totp => {
            let visitor = at_second_step(gateway, who, "totp").await;
            Call::of(&visitor, "/second-step", &[("code", &gateway.totp(who))]).with_code(Code::Theirs(who))
        }
        Do::Recovery => {
            let visitor = at_second_step(gateway, who, "recovery").await;
            Call::of(&visitor, "/second-step", &[("code", &gateway.recovery_code(who, 0))])
        }
        Do::Sms | Do::Voice | Do::Email => {
            let way = way(does);
            with_codes(gateway, who, way).await;
            // It is what they showed last: a code is on its way as soon as the password was right.
            let visitor = at_second_step(gateway, who, way).await;
            let code = message(gateway, who, way, 2).await;
            Call::of(&visitor, "/second-step", &[("code", &code)])
        }
        Do::Passkey => {
            let (_, mut passkey) = with_passkey(gateway, who).await;
            let visitor = at_second_step(gateway, who, "passkey").await;
            let answer = passkey.show(&Question::on(page(&visitor)));
            Call::of(&visitor, "/second-step/passkey", &[("credential", &answer)])
        }
        Do::PasskeyAlone => {
            let (_, mut passkey) = with_passkey(gateway, who).await;
            let mut visitor = nobody(gateway);
            go(gateway, &mut visitor, "/sign-in/passkey").await;
            let answer = passkey.show(&Question::on(page(&visitor)));
            Call::of(&visitor, "/sign-in/passkey", &[("credential", &answer)])
        }
        Do::Send => {
            with_codes(gateway, who, "sms").await;
            let mut visitor = with_password(gateway, who).await;
            message(gateway, who, "sms", 2).await;
            go(gateway, &mut visitor, "/second-step?method=sms&again=yes").await;
            Call::of(&visitor, "/second-step/send", &[])
        }
        Do::SendFirst => {
            let visitor = at_set_up(gateway, who, "sms").await;
            Call::of(&visitor, "/set-up/send", &[("phone", telephone(who))])
        }
        Do::SetUpTotp => {
            let visitor = at_set_up(gateway, who, "totp").await;
            first_code(gateway, &visitor)
        }
        Do::SetUpSms | Do::SetUpVoice | Do::SetUpEmail => {
            let way = way(does);
            let mut visitor = at_set_up(gateway, who, way).await;
            let code = first_message(gateway, &mut visitor, who, way).await;
            Call::of(&visitor, "/set-up", &[("code", &code)])
        }
        Do::SetUpPasskey => {
            let visitor = at_set_up(gateway, who, "passkey").await;
            let (_, answer) = Passkey::create(&Question::on(page(&visitor)));
            Call::of(&visitor, "/set-up/passkey", &[("credential", &answer)])
        }
        Do::Again => {
            let mut visitor = signed_in(gateway, who).await;
            gateway.clock().advance(LATELY);
            go(gateway, &mut visitor, "/account/password").await;
            Call::of(&visitor, "/second-step", &[("code", &gateway.totp(who))]).with_code(Code::Theirs(who))
        }
        Do::Replace => {
            let mut visitor = signed_in(gateway, who).await;
            go(gateway, &mut visitor, "/account/authenticator").await;
            submit(&mut visitor, "/account/authenticator", &[]).await;
            // No two codes of one moment count, whichever app shows them.
            gateway.clock().advance(STEP);
            first_code(gateway, &visitor)
        }
        Do::Forgot | Do::Reset | Do::NotMe | Do::Invitation => by_link(does, gateway, who).await,
        Do::AppBegins | Do::AppProceeds | Do::AppSends | Do::AppEnds => by_app(does, gateway, who).await,
        _ => in_account(does, gateway, who).await,
    }
}

/// Somebody who showed their password and nothing more: the secret of that sign-in.
pub(super) async fn half_signed_in(gateway: &TestGateway, who: &'static str) -> String {
    with_password(gateway, who).await.cookie(PORTAL, FLOW).expect("a sign-in under way").to_owned()
}

/// Through both steps.
pub(super) async fn signed_in(gateway: &TestGateway, who: &'static str) -> Visitor {
    signed_in_with(gateway, who, nobody(gateway)).await
}

/// A browser that was never here, on the page where one signs in.
pub(super) async fn stranger(gateway: &TestGateway) -> Visitor {
    let mut visitor = nobody(gateway);
    go(gateway, &mut visitor, "/sign-in").await;
    visitor
}

async fn by_link(does: Do, gateway: &TestGateway, who: &'static str) -> Call {
    let mut visitor = nobody(gateway);
    let address = format!("{who}@acme.example");
    let new = [("password", NEW), ("again", NEW)];
    match does {
        Do::Invitation => {
            let link = gateway.invite(who, "Somebody New").await;
            go(gateway, &mut visitor, &link).await;
            Call::of(&visitor, "/invitation", &new)
        }
        Do::NotMe => {
            signed_in(gateway, who).await;
            signed_in_with(gateway, who, nobody(gateway).with_agent("curl/8.5.0")).await;
            let told = gateway.postbox().wait_for(&address, "New sign-in", 1).await.expect("a mail");
            visitor.get(told.link().expect("a link")).await.expect("a page");
            Call::of(&visitor, "/not-me", &[])
        }
        _ => {
            go(gateway, &mut visitor, "/forgot").await;
            let asked = Call::of(&visitor, "/forgot", &[("email", &address)]);
            if does == Do::Forgot {
                return asked;
            }
            asked.send(gateway).await;
            let told = gateway.postbox().wait_for(&address, "Password reset", 1).await.expect("a mail");
            visitor.get(told.link().expect("a link")).await.expect("a page");
            Call::of(&visitor, "/reset", &new)
        }
    }
}

async fn by_app(does: Do, gateway: &TestGateway, who: &'static str) -> Call {
    let begin = Call::json("/api/v1/sign-in", json!({ "username": who, "password": PASSWORD, "device": "a phone" }));
    if does == Do::AppSends {
        with_codes(gateway, who, "sms").await;
    }
    if does == Do::AppEnds {
        gateway.clock().advance(STEP);
        let bearer = Some(gateway.device(who).await);
        return Call { method: "DELETE", body: Body::Nothing, bearer, ..Call::json("/api/v1/session", json!({})) };
    }
    if does == Do::AppBegins {
        return begin;
    }
    let flow = begin.send(gateway).await.json()["flow"].as_str().expect("a flow").to_owned();
    let path = format!("/api/v1/sign-in/{flow}");
    match does {
        Do::AppSends => Call::json(&path, json!({ "method": "sms", "code": "" })),
        _ => Call::json(&path, json!({ "method": "totp", "code": gateway.totp(who) })).with_code(Code::Theirs(who)),
    }
}

async fn in_account(does: Do, gateway: &TestGateway, who: &'static str) -> Call {
    if matches!(does, Do::RenamePasskey | Do::RemovePasskey) {
        let (mut visitor, _) = with_passkey(gateway, who).await;
        go(gateway, &mut visitor, "/account/passkeys").await;
        return match does {
            Do::RenamePasskey => Call::of(&visitor, "/account/passkeys/rename", &[("name", "another name")]),
            _ => Call::of(&visitor, "/account/passkeys/remove", &[]),
        };
    }
    let new = [("current", PASSWORD), ("password", NEW), ("again", NEW)];
    let (on, to, typed): (&str, &str, &[(&str, &str)]) = match does {
        Do::SignOut => ("/account", "/sign-out", &[]),
        Do::EndOne => ("/account", "/account/sessions/end", &[]),
        Do::EndOthers => ("/account", "/account/sessions/end", &[("session", "others")]),
        Do::RevokeToken => ("/account", "/account/tokens/revoke", &[]),
        Do::RevokeAppPassword => ("/account", "/account/app-passwords/revoke", &[]),
        Do::MakeAppPassword => {
            ("/account/app-passwords/new", "/account/app-passwords/new", &[("name", "a calendar"), ("life", "never")])
        }
        Do::MakeToken => {
            ("/account/tokens/new", "/account/tokens/new", &[("name", "a script"), ("app", "mail"), ("days", "30")])
        }
        Do::NewPassword => ("/account/password", "/account/password", &new),
        Do::NewCodes => ("/account/recovery-codes", "/account/recovery-codes", &[]),
        Do::BeginAuthenticator => ("/account/authenticator", "/account/authenticator", &[]),
        Do::EndTwoStep => ("/account/authenticator", "/account/authenticator/off", &[]),
        Do::BeginCodes => ("/account", "/account/codes/set-up", &[("method", "sms")]),
        Do::EndCodes => ("/account", "/account/codes/end", &[]),
        Do::AddPasskey => ("/account/passkeys/new", "/account/passkeys/new", &[("name", "a key")]),
        other => panic!("{other:?} is no act of an account"),
    };
    if matches!(does, Do::EndOne | Do::EndOthers) {
        signed_in(gateway, who).await;
    }
    if does == Do::RevokeToken {
        gateway.token(who, &["mail"], &[], &[], Duration::from_secs(86_400)).await;
    }
    if does == Do::RevokeAppPassword {
        let new = NewAppPassword {
            owner: gateway.id(who),
            name: "a calendar".to_owned(),
            protocols: Protocols::NONE.with(Protocol::Web),
            only_from: Vec::new(),
            expires: Timestamp::NEVER,
        };
        let made = gateway.gate().vault().add_app_password(new, by_test("app_password.add")).await;
        made.expect("the store answers").expect("there is room");
        gateway.catch_up().await;
    }
    let mut visitor = match does {
        Do::EndCodes => with_codes(gateway, who, "sms").await,
        _ => signed_in(gateway, who).await,
    };
    go(gateway, &mut visitor, on).await;
    if does == Do::AddPasskey {
        let (_, answer) = Passkey::create(&Question::on(page(&visitor)));
        return Call::of(&visitor, to, typed).with_field("credential", &answer);
    }
    Call::of(&visitor, to, typed)
}

/// Their code goes there from now on; the browser in which that was set up.
async fn with_codes(gateway: &TestGateway, who: &'static str, way: &str) -> Visitor {
    let mut visitor = signed_in(gateway, who).await;
    go(gateway, &mut visitor, "/account").await;
    submit(&mut visitor, "/account/codes/set-up", &[("method", way)]).await;
    let code = first_message(gateway, &mut visitor, who, way).await;
    submit(&mut visitor, "/set-up", &[("code", &code)]).await;
    assert!(page(&visitor).words().contains("Codes go to"), "{}", page(&visitor).words());
    visitor
}

/// They have a passkey; the browser in which it was added.
async fn with_passkey(gateway: &TestGateway, who: &'static str) -> (Visitor, Passkey) {
    let mut visitor = signed_in(gateway, who).await;
    go(gateway, &mut visitor, "/account/passkeys/new").await;
    let (passkey, answer) = Passkey::create(&Question::on(page(&visitor)));
    submit(&mut visitor, "/account/passkeys/new", &[("credential", &answer), ("name", "a key")]).await;
    assert!(page(&visitor).words().contains("It is added"), "{}", page(&visitor).words());
    (visitor, passkey)
}

async fn signed_in_with(gateway: &TestGateway, who: &'static str, visitor: Visitor) -> Visitor {
    gateway.clock().advance(STEP);
    let mut visitor = password_in(gateway, who, visitor).await;
    go(gateway, &mut visitor, "/second-step?method=totp").await;
    submit(&mut visitor, "/second-step", &[("code", &gateway.totp(who))]).await;
    assert!(page(&visitor).words().contains("Hello, "), "{}", page(&visitor).words());
    visitor
}

async fn with_password(gateway: &TestGateway, who: &str) -> Visitor {
    password_in(gateway, who, nobody(gateway)).await
}

async fn password_in(gateway: &TestGateway, who: &str, mut visitor: Visitor) -> Visitor {
    go(gateway, &mut visitor, "/sign-in").await;
    submit(&mut visitor, "/sign-in", &[("username", who), ("password", PASSWORD)]).await;
    assert_eq!(page(&visitor).status, 200, "{}", page(&visitor).words());
    visitor
}

async fn at_second_step(gateway: &TestGateway, who: &str, method: &str) -> Visitor {
    let mut visitor = with_password(gateway, who).await;
    go(gateway, &mut visitor, &format!("/second-step?method={method}")).await;
    visitor
}

async fn at_set_up(gateway: &TestGateway, who: &str, method: &str) -> Visitor {
    let mut visitor = with_password(gateway, who).await;
    go(gateway, &mut visitor, &format!("/set-up?method={method}")).await;
    visitor
}

/// The first code of an app that is being set up on this page.
fn first_code(gateway: &TestGateway, visitor: &Visitor) -> Call {
    let text = page(visitor).text();
    let (_, key) = text.split_once("<code class=\"secret\">").expect("the key for the app");
    let key: String = key.split("</code>").next().unwrap_or_default().split_whitespace().collect();
    let key = data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("base32");
    let secret = TotpSecret::from_random(key.try_into().expect("twenty bytes"));
    let code = secret.code_at(gateway.clock().now());
    Call::of(visitor, "/set-up", &[("code", &code)]).with_code(Code::Of(secret))
}

/// Asks for the first code on a set-up page, and has it.
async fn first_message(gateway: &TestGateway, visitor: &mut Visitor, who: &str, way: &str) -> String {
    let typed: &[_] = if way == "email" { &[] } else { &[("phone", telephone(who))] };
    submit(visitor, "/set-up/send", typed).await;
    message(gateway, who, way, 1).await
}

/// The code in the newest of so many messages.
async fn message(gateway: &TestGateway, who: &str, way: &str, count: usize) -> String {
    let received = match way {
        "email" => gateway.postbox().wait_for(&format!("{who}@acme.example"), "Sign-in code for Acme", count).await,
        _ => gateway.postbox().wait_for(telephone(who), "", count).await,
    };
    received.expect("a message").code().expect("a code")
}

const fn way(does: Do) -> &'static str {
    match does {
        Do::Voice | Do::SetUpVoice => "voice",
        Do::Email | Do::SetUpEmail => "email",
        _ => "sms",
    }
}

fn telephone(who: &str) -> &'static str {
    if who == "ana" { "+34600123456" } else { "+34600123457" }
}

fn nobody(gateway: &TestGateway) -> Visitor {
    Visitor::new(gateway.clock().clone())
}

async fn go(gateway: &TestGateway, visitor: &mut Visitor, path: &str) {
    visitor.get(&gateway.portal(path)).await.expect("a page");
}

async fn submit(visitor: &mut Visitor, action: &str, typed: &[(&str, &str)]) {
    let fields = filled(visitor, action, typed);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    visitor.post_form(action, &fields).await.expect("a page");
}

fn page(visitor: &Visitor) -> &Page {
    visitor.page().expect("a page")
}

const NEW: &str = "nine purple bicycles";
/// So long a proof is fresh.
pub(super) const LATELY: Duration = Duration::from_secs(5 * 60);
/// An authenticator app shows another code.
const STEP: Duration = Duration::from_secs(30);

const APPS: &str = "apps:
  crm: { host: crm.localhost, upstream: \"http://{crm}\", allow: [group sales] }
  mail: { host: mail.localhost, upstream: \"http://{mail}\", allow: everyone, basic: app_passwords }
";
