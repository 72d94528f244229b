//! Who brings people their messages? Couriers, which take errands out of the outbox, one after the other until it is empty.
//!
//! They know the store and the configuration, and no request: every link in a mail begins with the portal's address as it
//! is configured (P3, DESIGN §3.6). A message is claimed before it is sent, so that of several nodes one sends it, and gone
//! when its server has taken it. A server that is away is asked again after 5 s, 20 s, 80 s…, at most every half hour,
//! until the message has lost its sense; one that says no for good is not asked again. Nobody waits for any of this: people
//! have their page long before.

mod http;
mod letter;
mod services;
mod smtp;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock::Clock;
use crate::config::InForce;
use crate::metrics::Metrics;
use crate::store::StoreError;
use crate::store::vault::{By, Destination, Errand, Letter, Message, Vault, Waiting};

/// All couriers of one gateway. Cheap to clone.
#[derive(Clone)]
pub struct Couriers {
    vault: Vault,
    clock: Clock,
    metrics: Arc<Metrics>,
}

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Outcome {
    /// Its server has it.
    Sent,
    /// No server takes it, now or later.
    Refused(String),
    /// Not now.
    Failed(String),
}

impl Couriers {
    /// Above a store.
    pub fn new(vault: Vault, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self { vault, clock, metrics }
    }

    /// Works until it is dropped, mail and telephones apart. `in_force` is asked before each round.
    pub async fn run(self, in_force: impl Fn() -> Arc<InForce> + Send + Sync) {
        tokio::join!(self.work(By::Mail, &in_force), self.work(By::Telephone, &in_force));
    }

    async fn work(&self, by: By, in_force: &(impl Fn() -> Arc<InForce> + Send + Sync)) {
        loop {
            match self.round(by, &in_force()).await {
                Ok(AT_ONCE) => continue,
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "the outbox can't be read"),
            }
            // Those that were put off are looked for, too.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.vault.outgoing(by)).await;
        }
    }

    /// Does what is to be done now, a few at a time; how many errands there were.
    async fn round(&self, by: By, in_force: &Arc<InForce>) -> Result<usize, StoreError> {
        let waiting = self.vault.errands(by, AT_ONCE).await?;
        let found = waiting.len();
        let mut under_way = JoinSet::new();
        for waiting in waiting {
            if under_way.len() == CONNECTIONS {
                under_way.join_next().await;
            }
            let Some(claimed) = self.vault.claim(waiting, self.clock.now() + CLAIMED).await? else { continue };
            let (couriers, in_force) = (self.clone(), Arc::clone(in_force));
            under_way.spawn(async move {
                if let Err(error) = couriers.run_errand(&in_force, claimed).await {
                    tracing::warn!(%error, "what became of an errand can't be noted");
                }
            });
        }
        while under_way.join_next().await.is_some() {}
        Ok(found)
    }

    async fn run_errand(&self, in_force: &InForce, claimed: Waiting) -> Result<(), StoreError> {
        let server = in_force.settings.couriers.email.as_ref();
        match (&claimed.errand, server) {
            (Errand::Forgotten { email, from }, Some(_)) => {
                self.vault.answer_forgotten(&claimed, email, *from).await.map(drop)
            }
            // Nobody could be answered.
            (Errand::Forgotten { .. }, None) => self.vault.settle(&claimed).await,
            (Errand::Deliver(message), _) => {
                let (channel, outcome) = self.deliver(in_force, message, &claimed).await;
                self.note(claimed, channel, outcome).await
            }
        }
    }

    /// Hands one over; by which way, and what came of it.
    async fn deliver(&self, in_force: &InForce, message: &Message, claimed: &Waiting) -> (&'static str, Outcome) {
        let settings = &in_force.settings;
        let language = message.language;
        let nobody = || Outcome::Failed("nothing is configured that would bring it".to_owned());
        match (&message.to, &message.letter) {
            (Destination::Mail(to), _) => {
                let Some(server) = &settings.couriers.email else { return ("email", nobody()) };
                let words = letter::write(settings, message, claimed.made);
                let domain = settings.portal.host().as_str();
                let id = format!("<{}@{domain}>", claimed.id());
                ("email", smtp::send(server, to, &words, &id, domain).await)
            }
            (Destination::Sms(to), Letter::Code { code }) => {
                let Some(courier) = &settings.couriers.sms else { return ("sms", nobody()) };
                let text = letter::code_by_sms(settings, language, code.expose());
                let parts = http::Parts { to: to.as_str(), text: &text, code: code.expose(), language };
                ("sms", http::send(courier, &parts).await)
            }
            (Destination::Voice(to), Letter::Code { code }) => {
                let Some(courier) = &settings.couriers.voice else { return ("voice", nobody()) };
                let text = letter::code_by_voice(settings, language, code.expose());
                let parts = http::Parts { to: to.as_str(), text: &text, code: code.expose(), language };
                ("voice", http::send(courier, &parts).await)
            }
            (Destination::Sms(_) | Destination::Voice(_), _) => {
                ("sms", Outcome::Refused("only codes go to telephones".to_owned()))
            }
        }
    }

    async fn note(&self, claimed: Waiting, channel: &str, outcome: Outcome) -> Result<(), StoreError> {
        let result = match &outcome {
            Outcome::Sent => "sent",
            Outcome::Refused(_) => "refused",
            Outcome::Failed(_) => "failed",
        };
        self.metrics.messages.with_label_values(&[channel, result]).inc();
        match outcome {
            Outcome::Sent => self.vault.settle(&claimed).await,
            Outcome::Refused(why) => {
                tracing::warn!(id = %claimed.id(), channel, "a message is not taken and given up: {why}");
                self.vault.settle(&claimed).await
            }
            Outcome::Failed(why) => {
                let pause = pause(claimed.tries);
                tracing::warn!(id = %claimed.id(), channel, tries = claimed.tries, "a message could not be sent, again in {pause:?}: {why}");
                let due = self.clock.now() + pause;
                self.vault.put_off(claimed, due).await
            }
        }
    }
}

impl std::fmt::Debug for Couriers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Couriers")
    }
}

/// How long until it is tried again, after so many tries.
fn pause(tries: u32) -> Duration {
    let times = 4_u32.saturating_pow(tries.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(times).min(LONGEST_PAUSE)
}

/// Errands in one round.
const AT_ONCE: usize = 64;
/// Connections to a server at a time.
const CONNECTIONS: usize = 8;
/// For so long nobody else takes an errand: longer than the longest try.
const CLAIMED: Duration = Duration::from_secs(120);
const LOOK_AGAIN: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(30 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pause_is_longer_than_the_last_up_to_half_an_hour() {
        let pauses: Vec<_> = [1, 2, 3, 4, 5, 6, 7, u32::MAX].map(|tries| pause(tries).as_secs()).into();
        assert_eq!(pauses, [5, 20, 80, 320, 1280, 1800, 1800, 1800]);
    }
}
