//! Everything that a step could change, as text, so that two moments can be compared.

use access::policy::Method;
use harness::gateway::TestGateway;

/// People with their passwords and second steps, what is signed in, tokens, and the trail without what only tells of a try.
/// What is sent goes out in the batch of the act that it tells of, so that it is in here as well.
pub(super) async fn standing(gateway: &TestGateway) -> Vec<String> {
    let vault = gateway.gate().vault();
    let mut all = Vec::new();
    for person in vault.people().await.expect("the store answers") {
        let id = person.person.id;
        let password = vault.password(id).await.expect("the store answers");
        let totp = vault.totp(id).await.expect("the store answers").map(|secret| secret.grouped());
        let (sms, voice) = (vault.phone(id, Method::Sms).await, vault.phone(id, Method::Voice).await);
        let recovery = vault.recovery_left(id).await.expect("the store answers");
        let passkeys = vault.passkeys(id).await.expect("the store answers");
        all.push(format!("{person:?}"));
        all.push(format!(
            "{} {:?} {totp:?} {recovery}",
            person.person.name,
            password.map(|hash| hash.as_phc().to_owned())
        ));
        all.push(format!("{sms:?} {voice:?} {passkeys:?}"));
    }
    all.extend(vault.sessions(None).await.expect("the store answers").iter().map(|session| format!("{session:?}")));
    all.extend(vault.tokens(None).await.expect("the store answers").iter().map(|token| format!("{token:?}")));
    all.extend(vault.app_passwords(None).await.expect("the store answers").iter().map(|one| format!("{one:?}")));
    all.extend(acts(gateway).await);
    all
}

/// The acts of the trail that changed something, in order.
pub(super) async fn acts(gateway: &TestGateway) -> Vec<String> {
    let trail = gateway.gate().vault().audit_rows(0, 1_000).await.expect("the store answers");
    trail.into_iter().map(|row| row.entry.act).filter(|act| !TRIES.contains(&act.as_str())).collect()
}

/// What is written down though nothing came of it.
const TRIES: [&str; 6] = [
    "sign_in.wrong_password",
    "sign_in.wrong_code",
    "sign_in.wrong_passkey",
    "sign_in.refused",
    "password.wrong",
    "password.reset_withheld",
];
