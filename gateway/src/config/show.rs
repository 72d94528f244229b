//! What is in force, in full? The files with their defaults filled in.

use super::check::issuers;
use super::file::{Gateway, SignIn};
use super::read::Files;
use super::words::{
    AlgorithmWord, BalanceWord, Demand, FilePath, MethodWord, SizeText, SocketText, TargetText, Text, TimeSpan,
    TwoStepWord,
};
use super::written::{At, OneOrMany};
use super::yaml;

/// The settings as YAML: `gateway.yaml`, then each policy file. There are no secrets in them.
pub(super) fn effective(files: &Files) -> String {
    let mut text = String::new();
    let mut gateway = files.gateway.content.clone();
    fill_in(&mut gateway);
    push(&mut text, &files.gateway.source.name, &gateway);
    for policy in &files.policies {
        text.push_str("---\n");
        push(&mut text, &policy.source.name, &policy.content);
    }
    text
}

fn push<T: serde::Serialize>(text: &mut String, name: &str, content: &T) {
    text.push_str(&format!("# {name}\n"));
    match yaml::write(content) {
        Ok(yaml) => text.push_str(&yaml),
        Err(error) => text.push_str(&format!("# can't be shown: {error}\n")),
    }
}

fn fill_in(gateway: &mut Gateway) {
    or(&mut gateway.listen.value.admin, || SocketText("127.0.0.1:9400".into()));
    or(&mut gateway.listen.value.proxy_protocol, OneOrMany::default);
    or(&mut gateway.listen.value.workers, || super::check::default_workers().get());
    or(&mut gateway.trusted_proxies, OneOrMany::default);
    let limits = or(&mut gateway.limits, Default::default);
    or(&mut limits.connections, || 16_384);
    or(&mut limits.connections_per_address, || 1024);
    or(&mut limits.header_time, || TimeSpan("10s".into()));
    or(&mut limits.slowest, || SizeText("500".into()));
    or(&mut limits.drain, || TimeSpan("30s".into()));
    let store = &mut gateway.store.value;
    or(&mut store.key_file, || FilePath(format!("{}.key", store.redb.value.0)));
    let sign_in = or(&mut gateway.sign_in, SignIn::default);
    or(&mut sign_in.two_step, || TwoStepWord::Required);
    or(&mut sign_in.methods, || OneOrMany(vec![at(MethodWord("totp".into()))]));
    let session = or(&mut sign_in.session, Default::default);
    or(&mut session.idle, || TimeSpan("1h".into()));
    or(&mut session.absolute, || TimeSpan("24h".into()));
    or(&mut sign_in.security_questions, || false);
    let passwords = or(&mut sign_in.passwords, Default::default);
    or(&mut passwords.max_age, || TimeSpan("never".into()));
    for (_, issuer) in gateway.issuers.iter_mut().flat_map(|issuers| &mut issuers.value.0) {
        let words = issuers::DEFAULT.map(|algorithm| at(AlgorithmWord(algorithm.as_str().into())));
        or(&mut issuer.value.algorithms, || OneOrMany(words.into()));
        or(&mut issuer.value.scopes, || Text(issuers::SCOPE.into()));
    }
    for (name, app) in gateway.apps.iter_mut().flat_map(|apps| &mut apps.value.0) {
        or(&mut app.value.title, || Text(name.value.0.clone()));
        or(&mut app.value.pass_authorization, || false);
        or(&mut app.value.balance, || BalanceWord::RoundRobin);
        let timeouts = or(&mut app.value.timeouts, Default::default);
        or(&mut timeouts.connect, || TimeSpan("3s".into()));
        or(&mut timeouts.response, || TimeSpan("60s".into()));
        if let Some(health) = &mut app.value.health {
            let health = &mut health.value;
            or(&mut health.path, || TargetText("/".into()));
            or(&mut health.every, || TimeSpan("5s".into()));
            or(&mut health.timeout, || TimeSpan("2s".into()));
            or(&mut health.fall, || 3);
            or(&mut health.rise, || 2);
        }
        if let Some(two_step) = &mut app.value.two_step {
            two_step.value = Demand::Required;
        }
    }
}

fn or<T>(setting: &mut Option<At<T>>, default: impl FnOnce() -> T) -> &mut T {
    &mut setting.get_or_insert_with(|| at(default())).value
}

fn at<T>(value: T) -> At<T> {
    At { value, spot: super::fault::Spot::default() }
}
