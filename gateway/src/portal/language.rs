//! In which language is this request answered? In the one that was chosen here; else in the one that the browser wants.
//!
//! Choosing is a link to the same page with `?language=es`. It changes nothing but a cookie, of this host only.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, Method, Uri};

use super::Visit;
use super::cookies::{LANGUAGE_COOKIE, LANGUAGE_SECONDS, our_cookie, set_cookie};
use super::pages::LANGUAGE_FIELD;
use super::respond::see_other;
use super::return_to::ReturnTo;
use crate::words::{Language, wanted};

/// What this request is to be answered in.
pub fn of(headers: &HeaderMap) -> Language {
    let chosen = our_cookie(headers, LANGUAGE_COOKIE).and_then(Language::of_tag);
    let wants = || wanted(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?);
    chosen.or_else(wants).unwrap_or_default()
}

/// Keeps a choice, and leads to the same page without it.
pub(super) async fn choose(request: Request, next: Next) -> Response {
    let chosen = (request.method() == Method::GET).then(|| choice(request.uri())).flatten();
    let (Some((language, same)), Some(visit)) = (chosen, request.extensions().get::<Visit>()) else {
        return next.run(request).await;
    };
    let mut answer = see_other(&visit.in_force, &ReturnTo::Query(same));
    set_cookie(&mut answer, LANGUAGE_COOKIE, language.tag(), LANGUAGE_SECONDS);
    answer
}

/// The language in the query, and the page without it. One that we don't speak is no choice.
fn choice(uri: &Uri) -> Option<(Language, String)> {
    let query = uri.query()?;
    let is_ours = |pair: &&str| pair.split_once('=').is_some_and(|(name, _)| name == LANGUAGE_FIELD);
    let (_, tag) = query.split('&').find(is_ours)?.split_once('=')?;
    let language = Language::of_tag(tag)?;
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_ours(pair)).collect();
    // One slash: what begins with two would be another host.
    let path = uri.path().trim_start_matches('/');
    let same = if rest.is_empty() { format!("/{path}") } else { format!("/{path}?{}", rest.join("&")) };
    Some((language, same))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_chosen_comes_before_what_the_browser_wants() {
        for (cookie, wants, language) in [
            (None, None, Language::English),
            (None, Some("ja, en;q=0.5"), Language::Japanese),
            (Some("es"), Some("ja"), Language::Spanish),
            (Some("xx"), Some("ja"), Language::Japanese),
            (Some(""), Some("de"), Language::English),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(cookie) = cookie {
                headers.insert("cookie", format!("{LANGUAGE_COOKIE}={cookie}").parse().expect("a cookie"));
            }
            if let Some(wants) = wants {
                headers.insert(ACCEPT_LANGUAGE, wants.parse().expect("languages"));
            }
            assert_eq!(of(&headers), language, "{cookie:?} {wants:?}");
        }
    }

    #[test]
    fn a_choice_leads_to_the_same_page_of_ours() {
        for (asked, page) in [
            ("/sign-in?language=es", Some("/sign-in")),
            ("/sign-in?return_to=%2Fgo&language=es", Some("/sign-in?return_to=%2Fgo")),
            ("/?a=1&language=es&b=2", Some("/?a=1&b=2")),
            ("//evil.example/?language=es", Some("/evil.example/")),
            ("/sign-in?language=xx", None),
            ("/sign-in?language", None),
            ("/sign-in?Language=es", None),
            ("/sign-in", None),
        ] {
            let uri = asked.parse().expect("a path");
            assert_eq!(choice(&uri), page.map(|page| (Language::Spanish, page.to_owned())), "{asked}");
        }
    }
}
