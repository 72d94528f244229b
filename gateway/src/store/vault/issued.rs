//! What lies in the ticket table? Sign-ins under way, invitations and hand-offs, each by the digest of its secret.

use access::Timestamp;
use access::identity::{AppName, Email, SessionId, UserId};
use access::login::{Flow, Stage};
use access::policy::Methods;
use access::totp::TotpSecret;
use serde::{Deserialize, Serialize};

use super::codes::{SentCode, StoredCode};
use super::records::{Hex, Record, StoredSecret};
use super::{Digest, Ground, Ticket};

/// What lies in the ticket table: tickets and sign-ins under way.
pub(super) enum Issued {
    Flow(IssuedFlow),
    Ticket(Ticket),
}

/// A sign-in under way with what is remembered beside it.
#[derive(Clone)]
pub(super) struct IssuedFlow {
    pub(super) flow: Flow,
    /// Whatever ended sessions since then ends the sign-in as well.
    pub(super) ground: Ground,
    pub(super) pending_totp: Option<TotpSecret>,
    pub(super) return_to: Option<String>,
    /// The code that was sent for it, if one was.
    pub(super) sent: Option<SentCode>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StoredIssued {
    Flow {
        person: Hex<16>,
        started: u64,
        /// The methods asked for; none: a set-up.
        second_step: Option<u8>,
        /// Does a set-up follow the second step?
        then_set_up: bool,
        wrong: u8,
        generation: u32,
        #[serde(default)]
        passwords: u32,
        #[serde(default)]
        has_authenticator: bool,
        #[serde(default = "any")]
        enrolled: u8,
        #[serde(default = "any")]
        counts: u8,
        #[serde(default = "yes")]
        by_password: bool,
        pending_totp: Option<StoredSecret>,
        return_to: Option<String>,
        /// The session that has to show more, and when it was opened.
        #[serde(default)]
        within: Option<(Hex<16>, u64)>,
        #[serde(default)]
        sent: Option<StoredCode>,
    },
    Invitation {
        user: Hex<16>,
    },
    Reset {
        user: Hex<16>,
        email: String,
        passwords: u32,
    },
    NotMe {
        session: Hex<16>,
    },
    HandOff {
        session: Hex<32>,
        app: String,
        browser: Hex<32>,
    },
}

impl Record for Issued {
    type Stored = StoredIssued;

    fn to_stored(&self) -> StoredIssued {
        match self {
            Self::Flow(IssuedFlow { flow, ground, pending_totp, return_to, sent }) => StoredIssued::Flow {
                person: Hex(flow.person.0),
                started: flow.started.millis(),
                second_step: match flow.stage {
                    Stage::SecondStep { methods } | Stage::SecondStepThenSetUp { methods } => Some(methods.bits()),
                    Stage::SetUp => None,
                },
                then_set_up: matches!(flow.stage, Stage::SecondStepThenSetUp { .. }),
                wrong: flow.wrong,
                generation: ground.generation,
                passwords: ground.passwords,
                has_authenticator: ground.has_authenticator,
                enrolled: ground.enrolled.bits(),
                counts: ground.counts.bits(),
                by_password: ground.by_password,
                pending_totp: pending_totp.as_ref().map(|secret| StoredSecret::of(secret.bytes())),
                return_to: return_to.clone(),
                within: ground.within.map(|(session, opened)| (Hex(session.0), opened.millis())),
                sent: sent.as_ref().map(StoredCode::of),
            },
            Self::Ticket(Ticket::Invitation { user }) => StoredIssued::Invitation { user: Hex(user.0) },
            Self::Ticket(Ticket::Reset { user, email, passwords }) => {
                StoredIssued::Reset { user: Hex(user.0), email: email.to_string(), passwords: *passwords }
            }
            Self::Ticket(Ticket::NotMe { session }) => StoredIssued::NotMe { session: Hex(session.0) },
            Self::Ticket(Ticket::HandOff { session, app, browser }) => {
                StoredIssued::HandOff { session: Hex(session.0), app: app.to_string(), browser: Hex(browser.0) }
            }
        }
    }

    fn from_stored(_: &[u8], stored: StoredIssued) -> Option<Self> {
        Some(match stored {
            StoredIssued::Flow {
                person,
                started,
                second_step,
                then_set_up,
                wrong,
                generation,
                passwords,
                has_authenticator,
                enrolled,
                counts,
                by_password,
                pending_totp,
                return_to,
                within,
                sent,
            } => {
                let stage = match second_step.map(Methods::from_bits) {
                    Some(methods) if then_set_up => Stage::SecondStepThenSetUp { methods },
                    Some(methods) => Stage::SecondStep { methods },
                    None => Stage::SetUp,
                };
                let started = Timestamp::from_millis(started);
                let flow = Flow { person: UserId(person.0), started, stage, wrong };
                let pending_totp = match pending_totp {
                    Some(secret) => Some(secret.totp()?),
                    None => None,
                };
                let within = within.map(|(id, opened)| (SessionId(id.0), Timestamp::from_millis(opened)));
                Self::Flow(IssuedFlow {
                    flow,
                    ground: Ground {
                        generation,
                        passwords,
                        has_authenticator,
                        enrolled: Methods::from_bits(enrolled),
                        counts: Methods::from_bits(counts),
                        by_password,
                        within,
                    },
                    pending_totp,
                    return_to,
                    sent: match sent {
                        Some(sent) => Some(sent.into_sent()?),
                        None => None,
                    },
                })
            }
            StoredIssued::Invitation { user } => Self::Ticket(Ticket::Invitation { user: UserId(user.0) }),
            StoredIssued::Reset { user, email, passwords } => {
                Self::Ticket(Ticket::Reset { user: UserId(user.0), email: Email::parse(&email).ok()?, passwords })
            }
            StoredIssued::NotMe { session } => Self::Ticket(Ticket::NotMe { session: SessionId(session.0) }),
            StoredIssued::HandOff { session, app, browser } => Self::Ticket(Ticket::HandOff {
                session: Digest(session.0),
                app: AppName::parse(&app).ok()?,
                browser: Digest(browser.0),
            }),
        })
    }
}

/// Of sign-ins that were under way before this was noted.
const fn any() -> u8 {
    Methods::SECOND_STEPS.bits()
}

/// Until then nothing else came first.
const fn yes() -> bool {
    true
}
