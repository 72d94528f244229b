//! The steps that change something, and what is right and wrong at each.

use std::time::Duration;

/// A step that changes something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) does: Do,
    /// As it stands in the router.
    pub(super) route: (&'static str, &'static str),
    /// What the right call writes into the trail.
    pub(super) acts: &'static [&'static str],
    pub(super) gains: Gains,
    /// Somebody who waits so long is too late.
    pub(super) good_for: Option<Duration>,
    pub(super) others: Others,
    pub(super) twice: Twice,
}

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Do {
    Password,
    Totp,
    Recovery,
    Sms,
    Voice,
    Email,
    Passkey,
    PasskeyAlone,
    Send,
    SendFirst,
    SetUpTotp,
    SetUpSms,
    SetUpVoice,
    SetUpEmail,
    SetUpPasskey,
    Again,
    Replace,
    Forgot,
    Reset,
    Invitation,
    NotMe,
    SignOut,
    EndOne,
    EndOthers,
    RevokeToken,
    MakeToken,
    RevokeAppPassword,
    MakeAppPassword,
    NewPassword,
    NewCodes,
    BeginAuthenticator,
    EndTwoStep,
    BeginCodes,
    EndCodes,
    AddPasskey,
    RenamePasskey,
    RemovePasskey,
    AppBegins,
    AppProceeds,
    AppSends,
    AppEnds,
}

/// What the right answer gives into the browser's or the app's hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gains {
    Nothing,
    Session,
    /// A sign-in under way.
    Flow,
    /// A set-up under way.
    SetUp,
    /// Something that is shown once.
    Secret,
}

/// What is wrong with somebody else's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Others {
    /// Each at the same step, with what the other one shows.
    Proofs,
    /// The same, one way: an answer uses its question up.
    Answers,
    /// Somebody else names what is not theirs.
    Ids,
    /// Somebody else, who proved nothing lately, in a browser of their own.
    Stale,
    /// In another browser. There it would be somebody else's own act, or nobody's.
    Browser,
    /// Whoever has the secret that is sent may send it from wherever they are.
    Holder,
}

/// The same once more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Twice {
    /// Changes nothing.
    Nothing,
    /// Is another act of whoever may do it, as right as the first.
    Another,
}

const FLOW: Option<Duration> = Some(Duration::from_secs(600));
const FRESH: Option<Duration> = Some(Duration::from_secs(300));
const IDLE: Option<Duration> = Some(Duration::from_secs(60 * 60));
const DAY: Option<Duration> = Some(Duration::from_secs(24 * 60 * 60));
const SIGNED_IN: &[&str] = &["session.open"];

#[rustfmt::skip]
pub(super) const STEPS: &[Step] = &[
    step(Do::Password, "/sign-in", &[], Gains::Flow, None, Others::Holder, Twice::Another),
    step(Do::Totp, "/second-step", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::Recovery, "/second-step", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::Sms, "/second-step", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::Voice, "/second-step", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::Email, "/second-step", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::Passkey, "/second-step/passkey", SIGNED_IN, Gains::Session, FRESH, Others::Answers, Twice::Nothing),
    step(Do::PasskeyAlone, "/sign-in/passkey", SIGNED_IN, Gains::Session, FRESH, Others::Answers, Twice::Nothing),
    step(Do::Send, "/second-step/send", &["sign_in.send_code"], Gains::Nothing, FLOW, Others::Browser, Twice::Another),
    step(Do::SendFirst, "/set-up/send", &["sign_in.send_code"], Gains::Nothing, FLOW, Others::Browser, Twice::Another),
    step(Do::SetUpTotp, "/set-up", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::SetUpSms, "/set-up", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::SetUpVoice, "/set-up", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::SetUpEmail, "/set-up", SIGNED_IN, Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::SetUpPasskey, "/set-up/passkey", SIGNED_IN, Gains::Session, FRESH, Others::Answers, Twice::Nothing),
    step(Do::Again, "/second-step", &["session.open", "session.end"], Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::Replace, "/set-up", &["session.open", "session.end"], Gains::Session, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::Forgot, "/forgot", &["password.reset_asked"], Gains::Nothing, None, Others::Holder, Twice::Another),
    step(Do::Reset, "/reset", &["password.reset"], Gains::Nothing, Some(Duration::from_secs(30 * 60)), Others::Browser, Twice::Nothing),
    step(Do::Invitation, "/invitation", &["user.accept_invitation"], Gains::Nothing, DAY, Others::Holder, Twice::Nothing),
    step(Do::NotMe, "/not-me", &["user.sign-out"], Gains::Nothing, Some(Duration::from_secs(7 * 24 * 60 * 60)), Others::Holder, Twice::Nothing),
    step(Do::SignOut, "/sign-out", &["session.end"], Gains::Nothing, IDLE, Others::Browser, Twice::Nothing),
    step(Do::EndOne, "/account/sessions/end", &["session.end"], Gains::Nothing, IDLE, Others::Ids, Twice::Nothing),
    step(Do::EndOthers, "/account/sessions/end", &["session.end"], Gains::Nothing, IDLE, Others::Browser, Twice::Nothing),
    step(Do::RevokeToken, "/account/tokens/revoke", &["token.revoke"], Gains::Nothing, IDLE, Others::Ids, Twice::Nothing),
    step(Do::MakeToken, "/account/tokens/new", &["token.add"], Gains::Secret, FRESH, Others::Stale, Twice::Another),
    step(Do::RevokeAppPassword, "/account/app-passwords/revoke", &["app_password.revoke"], Gains::Nothing, IDLE, Others::Ids, Twice::Nothing),
    step(Do::MakeAppPassword, "/account/app-passwords/new", &["app_password.add"], Gains::Secret, FRESH, Others::Stale, Twice::Another),
    step(Do::NewPassword, "/account/password", &["password.change"], Gains::Nothing, FRESH, Others::Stale, Twice::Nothing),
    step(Do::NewCodes, "/account/recovery-codes", &["recovery.renew"], Gains::Secret, FRESH, Others::Stale, Twice::Another),
    step(Do::BeginAuthenticator, "/account/authenticator", &[], Gains::SetUp, FRESH, Others::Stale, Twice::Another),
    step(Do::EndTwoStep, "/account/authenticator/off", &["two_step.end"], Gains::Nothing, FRESH, Others::Stale, Twice::Nothing),
    step(Do::BeginCodes, "/account/codes/set-up", &[], Gains::SetUp, FRESH, Others::Stale, Twice::Another),
    step(Do::EndCodes, "/account/codes/end", &["codes.end"], Gains::Nothing, FRESH, Others::Stale, Twice::Nothing),
    step(Do::AddPasskey, "/account/passkeys/new", &["passkey.add"], Gains::Nothing, FRESH, Others::Answers, Twice::Nothing),
    step(Do::RenamePasskey, "/account/passkeys/rename", &["passkey.rename"], Gains::Nothing, FRESH, Others::Ids, Twice::Another),
    step(Do::RemovePasskey, "/account/passkeys/remove", &["passkey.remove"], Gains::Nothing, FRESH, Others::Ids, Twice::Nothing),
    step(Do::AppBegins, "/api/v1/sign-in", &[], Gains::Flow, None, Others::Holder, Twice::Another),
    step(Do::AppProceeds, "/api/v1/sign-in/{flow}", SIGNED_IN, Gains::Secret, FLOW, Others::Proofs, Twice::Nothing),
    step(Do::AppSends, "/api/v1/sign-in/{flow}", &["sign_in.send_code"], Gains::Nothing, FLOW, Others::Holder, Twice::Another),
    Step { route: ("DELETE", "/api/v1/session"), ..step(Do::AppEnds, "", &["session.end"], Gains::Nothing, DAY, Others::Holder, Twice::Nothing) },
];

/// Steps that other tests walk.
pub(super) const ELSEWHERE: &[(&str, &str)] = &[
    ("/account/questions", "tests/recovery.rs: off unless it is written"),
    ("/account/app-passwords/profile", "tests/calendars.rs: writes what it is sent, and changes nothing"),
];

/// What is asked for by a link: it shows something, or its change is somebody's test already.
pub(super) const LINKS: &[(&str, &str)] = &[
    ("/", "shows"),
    ("/sign-in", "shows; `start=again` gives up the sign-in that is under way in this browser"),
    ("/sign-in/passkey", "asks"),
    ("/second-step", "shows"),
    ("/set-up", "shows"),
    ("/forgot", "shows"),
    ("/reset", "shows"),
    ("/reset/{secret}", "puts the secret into a cookie: opened by scanners, it uses nothing up"),
    ("/not-me/{secret}", "shows: opened by scanners, it ends nothing"),
    ("/invitation/{secret}", "shows: opened by scanners, it uses nothing up"),
    ("/sign-out", "asks first"),
    ("/signed-out", "shows"),
    ("/go", "tests/hand_off.rs"),
    ("/.vestibule/hand-off", "tests/hand_off.rs"),
    ("/.vestibule/sign-out", "leads to the page that asks first"),
    ("/whoami", "shows"),
    ("/account", "shows"),
    ("/account/authenticator", "shows"),
    ("/account/tokens/new", "shows"),
    ("/account/app-passwords/new", "shows"),
    ("/account/questions", "shows"),
    ("/.well-known/passkey-endpoints", "shows"),
    ("/account/password", "shows"),
    ("/account/passkeys", "shows"),
    ("/account/passkeys/new", "asks"),
    ("/account/recovery-codes", "shows"),
    ("/.well-known/change-password", "leads to a page"),
    ("/.well-known/jwks.json", "shows"),
    ("/assets/{name}", "shows"),
];

const fn step(
    does: Do,
    path: &'static str,
    acts: &'static [&'static str],
    gains: Gains,
    good_for: Option<Duration>,
    others: Others,
    twice: Twice,
) -> Step {
    Step { does, route: ("POST", path), acts, gains, good_for, others, twice }
}
