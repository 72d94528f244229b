//! What is in force, in full? The files with their defaults filled in.

use super::file::{Gateway, SignIn};
use super::read::Files;
use super::words::{Demand, FilePath, MethodWord, SocketText, Text, TimeSpan, TwoStepWord};
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
    or(&mut gateway.trusted_proxies, OneOrMany::default);
    let store = &mut gateway.store.value;
    or(&mut store.key_file, || FilePath(format!("{}.key", store.redb.value.0)));
    let sign_in = or(&mut gateway.sign_in, SignIn::default);
    or(&mut sign_in.two_step, || TwoStepWord::Required);
    or(&mut sign_in.methods, || OneOrMany(vec![at(MethodWord("totp".into()))]));
    let session = or(&mut sign_in.session, Default::default);
    or(&mut session.idle, || TimeSpan("1h".into()));
    or(&mut session.absolute, || TimeSpan("24h".into()));
    for (name, app) in gateway.apps.iter_mut().flat_map(|apps| &mut apps.value.0) {
        or(&mut app.value.title, || Text(name.value.0.clone()));
        or(&mut app.value.pass_authorization, || false);
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
