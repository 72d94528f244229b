//! In which language is this request answered? In the one that was chosen here; else in the one that the browser wants.
//!
//! Choosing is a link to the same page with `?language=es`. It changes nothing but a cookie, of this host only.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{ACCEPT_LANGUAGE, REFERER};
use http::{HeaderMap, Method, Uri};
use url::{Position, Url};

use super::cookies::{LANGUAGE_COOKIE, LANGUAGE_SECONDS, our_cookie, set_cookie};
use super::respond::see_other;
use super::return_to::ReturnTo;
use super::{Reader, Visit};
use crate::words::{Language, Wish, wanted};

/// What this request is to be answered in.
pub fn of(headers: &HeaderMap) -> Language {
    wish(headers).map(Wish::language).unwrap_or_default()
}

/// What whoever sent this wants to be spoken to in. `None`: nothing that we speak is named.
pub(super) fn wish(headers: &HeaderMap) -> Option<Wish> {
    let chosen = our_cookie(headers, LANGUAGE_COOKIE).and_then(Language::of_tag).map(Wish::Chosen);
    chosen.or_else(|| wanted(headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?).map(Wish::Browser))
}

/// Keeps a choice, and leads back to the page on which it was made.
pub(super) async fn choose(request: Request, next: Next) -> Response {
    // What it changes is remembered of people, for their mails: it is theirs to choose, and not another site's (Fetch §3.7).
    let by_another = matches!(request.headers().get("sec-fetch-site"), Some(site) if site == "cross-site");
    let may = request.method() == Method::GET && !by_another;
    let chosen = may.then(|| choice(request.uri())).flatten();
    // Programs and what pages load choose nothing.
    let visit = request.extensions().get::<Visit>().filter(|visit| visit.reader == Reader::Browser);
    let (Some(language), Some(visit)) = (chosen, visit) else { return next.run(request).await };
    let back = back(visit.in_force.settings.portal.origin(), request.uri(), request.headers());
    let mut answer = see_other(&visit.in_force, &ReturnTo::Query(back));
    set_cookie(&mut answer, LANGUAGE_COOKIE, language.tag(), LANGUAGE_SECONDS);
    answer
}

/// The language in the query. One that we don't speak is no choice.
fn choice(uri: &Uri) -> Option<Language> {
    let (_, tag) = uri.query()?.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == FIELD)?;
    Language::of_tag(tag)
}

/// The page on which the choice was made, with all of its query: the browser tells it, and the link can't, because no page
/// repeats what it was asked with. Where it does not tell, the same path.
fn back(portal: &str, uri: &Uri, headers: &HeaderMap) -> String {
    let told = headers.get(REFERER).and_then(|told| told.to_str().ok()).and_then(|told| Url::parse(told).ok());
    let same = told.filter(|told| {
        let is_ours = Url::parse(portal).is_ok_and(|ours| ours.origin() == told.origin());
        is_ours && told.path() == uri.path() && !told.query_pairs().any(|(name, _)| name == FIELD)
    });
    let back = same.as_ref().map_or(uri.path(), |told| &told[Position::BeforePath..Position::AfterQuery]);
    // One slash: what begins with two could be taken for another host.
    format!("/{}", back.trim_start_matches('/'))
}

/// In the query of any page, as `layout.html` writes it.
const FIELD: &str = "language";

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
    fn a_choice_leads_back_to_the_page_it_was_made_on_and_nowhere_else() {
        for (asked, told, back_to) in [
            ("/sign-in?language=es", None, "/sign-in"),
            (
                "/sign-in?language=es",
                Some("https://login.acme.example/sign-in?return_to=%2Fgo"),
                "/sign-in?return_to=%2Fgo",
            ),
            (
                "/sign-in?language=es",
                Some("https://login.acme.example/sign-in?return_to=1#here"),
                "/sign-in?return_to=1",
            ),
            // Not the page that was asked for, not ours, and nothing that would ask again and again.
            ("/sign-in?language=es", Some("https://login.acme.example/account?x=1"), "/sign-in"),
            ("/sign-in?language=es", Some("https://login.acme.example.evil.example/sign-in?x=1"), "/sign-in"),
            ("/sign-in?language=es", Some("http://login.acme.example/sign-in?x=1"), "/sign-in"),
            ("/sign-in?language=es", Some("https://login.acme.example/sign-in?language=ja"), "/sign-in"),
            ("/sign-in?language=es", Some("nonsense"), "/sign-in"),
            ("//evil.example/?language=es", None, "/evil.example/"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(told) = told {
                headers.insert(REFERER, told.parse().expect("an address"));
            }
            let uri: Uri = asked.parse().expect("a path");
            assert_eq!(choice(&uri), Some(Language::Spanish), "{asked}");
            assert_eq!(back("https://login.acme.example", &uri, &headers), back_to, "{asked} {told:?}");
        }
        for asked in
            ["/sign-in", "/sign-in?language", "/sign-in?language=xx", "/sign-in?Language=es", "/?x=language=es"]
        {
            assert_eq!(choice(&asked.parse().expect("a path")), None, "{asked}");
        }
    }
}
