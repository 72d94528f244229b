//! Who or what is meant? Names as administrators type them.

use access::identity::LoginName;

use super::{AdminError, Code};
use crate::store::vault::{AppPasswordRecord, PersonRecord, SessionRecord, TokenRecord, Vault};

/// The person of that name or e-mail address. Errors: [`Code::Unknown`] with the nearest name.
pub(super) async fn person(vault: &Vault, typed: &str) -> Result<PersonRecord, AdminError> {
    if let Ok(name) = LoginName::parse(typed)
        && let Some(person) = vault.person_called(&name).await?
    {
        return Ok(person);
    }
    let people = vault.people().await?;
    let names = people.iter().flat_map(|person| {
        let email = person.email.as_ref().map(access::identity::Email::as_str);
        std::iter::once(person.person.name.as_str()).chain(email)
    });
    let help = match nearest(typed, names) {
        Some(name) => format!("did you mean `{name}`?"),
        None if people.is_empty() => "there is nobody yet: `vestibule user add NAME`".to_owned(),
        None => "`vestibule user list` shows everybody".to_owned(),
    };
    Err(AdminError::new(Code::Unknown, format!("there is nobody called \"{typed}\"")).help(help))
}

/// The token with that id, or the only one whose id begins so.
pub(super) async fn token(vault: &Vault, typed: &str) -> Result<TokenRecord, AdminError> {
    let tokens = vault.tokens(None).await?;
    let found = tokens.into_iter().map(|token| (token.id.to_string(), token)).collect();
    only_one(found, typed, "token", "vestibule token list")
}

/// The app password with that id, or the only one whose id begins so.
pub(super) async fn app_password(vault: &Vault, typed: &str) -> Result<AppPasswordRecord, AdminError> {
    let all = vault.app_passwords(None).await?;
    let found = all.into_iter().map(|one| (one.id.to_string(), one)).collect();
    only_one(found, typed, "app password", "vestibule app-password list")
}

/// The sign-in with that id, or the only one whose id begins so.
pub(super) async fn session(vault: &Vault, typed: &str) -> Result<SessionRecord, AdminError> {
    let sessions = vault.sessions(None).await?;
    let found = sessions.into_iter().map(|session| (session.id.to_string(), session)).collect();
    only_one(found, typed, "session", "vestibule session list")
}

fn only_one<T>(found: Vec<(String, T)>, typed: &str, kind: &str, list: &str) -> Result<T, AdminError> {
    let wrong = |code, what: String| Err(AdminError::new(code, what).help(format!("`{list}` shows them")));
    let beginning = typed.trim().to_ascii_lowercase();
    if beginning.len() < SHORTEST || !beginning.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let article = if kind.starts_with('a') { "an" } else { "a" };
        let what = format!("\"{typed}\" is no id of {article} {kind}: write its {SHORTEST} first letters or more");
        return wrong(Code::Usage, what);
    }
    let mut fitting = found.into_iter().filter(|(id, _)| id.starts_with(&beginning)).map(|(_, found)| found);
    match (fitting.next(), fitting.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => wrong(Code::Unknown, format!("there is no {kind} {typed}")),
        (Some(_), Some(_)) => wrong(Code::Usage, format!("more than one {kind} begins with {typed}")),
    }
}

/// The candidate that was probably meant: at most a third of its letters wrong.
pub(super) fn nearest<'a>(typed: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let typed = typed.to_lowercase();
    candidates
        .map(|candidate| (strsim::damerau_levenshtein(&typed, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// What may follow "unknown app": the nearest, or all there are.
pub(super) fn advice<'a>(typed: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> String {
    if let Some(near) = nearest(typed, candidates.clone()) {
        return format!("did you mean `{near}`?");
    }
    let mut all: Vec<_> = candidates.collect();
    all.sort_unstable();
    if all.is_empty() { "there are none".to_owned() } else { format!("there are: {}", all.join(", ")) }
}

/// Letters of an id that suffice: forty-eight bits of 128 would do for millions, and lists show twelve.
const SHORTEST: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["ana", "bo", "marketing"];
        for (typed, meant) in
            [("anna", Some("ana")), ("an", Some("ana")), ("marketng", Some("marketing")), ("zoe", None), ("", None)]
        {
            assert_eq!(nearest(typed, names.into_iter()), meant, "{typed:?}");
        }
    }

    #[test]
    fn an_id_is_known_by_its_beginning_if_it_is_the_only_one() {
        let found = || vec![("00aa11bb".to_owned(), 1), ("00aa11cc".to_owned(), 2)];
        let ask = |typed| only_one(found(), typed, "token", "list").map_err(|error| error.code);
        assert_eq!(ask("00aa11b"), Ok(1));
        assert_eq!(ask(" 00AA11CC "), Ok(2));
        assert_eq!(ask("00aa11"), Err(Code::Usage));
        assert_eq!(ask("00aa"), Err(Code::Usage));
        assert_eq!(ask("ffffff"), Err(Code::Unknown));
        assert_eq!(ask("vst_00aa11bb"), Err(Code::Usage));
    }
}
