//! Can people set up what a rule demands? Where they can't, whoever has none of it yet never gets in.

use access::policy::{Method, Methods};

use super::PolicyPage;
use crate::config::fault::Page;
use crate::config::file::Gateway;
use crate::config::words::MethodWord;
use crate::config::written::{At, OneOrMany};

/// Warns of each rule that names only second steps which `sign_in.methods` leaves out.
pub(super) fn check(policies: &[PolicyPage<'_>], page: Page<'_>, gateway: &Gateway, offered: &[Method]) {
    let offered: Vec<String> = offered.iter().map(|method| Methods::NONE.with(*method).to_string()).collect();
    for (page, policy) in policies {
        for levels in [&policy.roles, &policy.groups, &policy.users].into_iter().flatten() {
            for (_, level) in &levels.value.0 {
                one(*page, level.value.second_step.as_ref(), &offered);
            }
        }
    }
    for (_, app) in gateway.apps.iter().flat_map(|apps| &apps.value.0) {
        one(page, app.value.second_step.as_ref(), &offered);
        for path in app.value.paths.iter().flat_map(|paths| &paths.value) {
            one(page, path.value.second_step.as_ref(), &offered);
        }
    }
}

fn one(page: Page<'_>, demanded: Option<&At<OneOrMany<MethodWord>>>, offered: &[String]) {
    let Some(demanded) = demanded else { return };
    let words = || demanded.value.0.iter().map(|word| word.value.0.as_str());
    if !words().any(|word| offered.iter().any(|known| known == word)) {
        page.warn(
            "second_step_not_offered",
            demanded.spot,
            format!("only {} counts here, and nobody can set that up", words().collect::<Vec<_>>().join(" or ")),
            "add it to `sign_in.methods` in gateway.yaml",
        );
    }
}
