//! Do the pages say what they should, in markup that nobody's text can change?

mod languages;

use std::path::Path;
use std::time::Duration;

use jiff::Zoned;

use super::*;

#[test]
fn titles_say_the_page_and_the_organization() {
    let titles: Vec<String> = plain().into_iter().map(|state| state.title).collect();
    for title in ["Sign in · Acme", "Enter your code · Acme", "Enter a recovery code · Acme", "Your apps · Acme"] {
        assert!(titles.iter().any(|found| found == title), "{title}: {titles:?}");
    }
    for state in plain() {
        assert!(state.html.contains(&format!("<title>{}</title>", state.title)), "{}", state.name);
        assert_eq!(state.title == ADDRESS_REFUSED, state.name.starts_with("refused"), "{}", state.name);
        assert!(state.title == ADDRESS_REFUSED || state.title.ends_with(" · Acme"), "{}", state.title);
    }
}

#[test]
fn a_refused_person_reads_the_heading_the_address_the_reference_and_nothing_else() {
    let refused = state("refused");
    let body = refused.html.split_once("</head>").expect("every page has a head").1;
    assert_eq!(
        words(body),
        "Acme Access denied from this IP address Address we saw 198.51.100.7 Reference code 7KQ2-M9XD \
         Tell these two lines to your administrator."
    );
    assert!(refused.html.contains("<title>Access denied from this IP address</title>"));
    assert!(refused.html.contains("<h1>Access denied from this IP address</h1>"));
    assert!(!body.contains("href") && !body.contains("<form"), "it leads nowhere");
}

#[test]
fn password_managers_find_their_fields() {
    for (name, hints) in [
        ("sign-in", &["username", "current-password"][..]),
        ("second-step", &["one-time-code"]),
        ("second-step-recovery", &["one-time-code"]),
        ("set-up", &["one-time-code"]),
        ("invitation", &["username", "new-password", "new-password"]),
        ("new-password", &["username", "current-password", "new-password", "new-password"]),
    ] {
        let found: Vec<String> = state(name).tags.iter().filter_map(|tag| tag.value("autocomplete")).collect();
        assert_eq!(found, hints, "{name}");
    }
}

#[test]
fn forms_post_the_fields_the_portal_reads() {
    for (name, action, fields) in [
        ("sign-in", "/sign-in", &["form", "return_to", "username", "password"][..]),
        ("second-step", "/second-step", &["form", "method", "code"]),
        ("second-step-recovery", "/second-step", &["form", "method", "code"]),
        ("set-up", "/set-up", &["form", "code"]),
        ("passkey-sign-in", "/sign-in/passkey", &["form", "return_to", "credential"]),
        ("passkey-second-step", "/second-step/passkey", &["form", "credential"]),
        ("passkey-set-up", "/set-up/passkey", &["form", "credential", "name"]),
        ("passkey-new", "/account/passkeys/new", &["form", "credential", "name"]),
        ("invitation", "/invitation", &["form", "invitation", "password", "again"]),
        ("home", "/sign-out", &["form"]),
        ("sign-out", "/sign-out", &["form"]),
        (
            "new-password",
            "/account/password",
            &["form", "current", "password", "again", "browsers", "devices", "tokens", "app_passwords"],
        ),
        ("new-password-alone", "/account/password", &["form", "current", "password", "again"]),
        ("new-codes", "/account/recovery-codes", &["form"]),
        ("new-token", "/account/tokens/new", &["form", "name", "app", "app", "addresses"]),
        ("new-app-password", "/account/app-passwords/new", &["form", "name", "addresses"]),
    ] {
        let page = state(name);
        let form = page.tags.iter().find(|tag| tag.name == "form").expect(name);
        assert_eq!((form.value("method").as_deref(), form.value("action").as_deref()), (Some("post"), Some(action)));
        let found: Vec<String> =
            page.tags.iter().filter(|tag| tag.name == "input").filter_map(|tag| tag.value("name")).collect();
        assert_eq!(found, fields, "{name}");
    }
}

#[test]
fn there_is_at_most_one_button_to_press() {
    for page in plain() {
        let submits = page.tags.iter().filter(|tag| tag.value("type").as_deref() == Some("submit")).count();
        let buttons = page.tags.iter().filter(|tag| tag.name == "button").count();
        assert_eq!(submits, buttons, "{}: a button says what it is", page.name);
        let asks = page.name.starts_with("sign-in") || page.name.starts_with("second-step");
        // Each thing in the lists of an account has a button of its own.
        let lists = page.name.starts_with("account");
        assert!((submits <= 1 || lists) && (!asks || submits == 1), "{}: {submits}", page.name);
    }
}

#[test]
fn the_field_to_fill_has_the_focus_and_every_field_a_label() {
    for page in plain() {
        let focused: Vec<String> =
            page.tags.iter().filter(|tag| tag.has("autofocus")).filter_map(|tag| tag.value("id")).collect();
        let expected = match page.name {
            "sign-in"
            | "sign-in-app"
            | "sign-in-over"
            | "sign-in-ended"
            | "sign-in-reset"
            | "sign-in-passkey-offered" => Some("username"),
            "forgot" | "forgot-wait" => Some("email"),
            "send-code-set-up" => Some("phone"),
            "questions" | "questions-again" => Some("question1"),
            "reset-password" | "reset-password-differ" => Some("password"),
            name if name.starts_with("new-password") => Some("current"),
            "new-token-addresses" => Some("addresses"),
            name if name.starts_with("new-token") || name.starts_with("new-app-password") => Some("name"),
            name if name.starts_with("sign-in") || name.starts_with("invitation-") || name == "invitation" => {
                Some("password")
            }
            name if name.starts_with("second-step") || name.starts_with("set-up-") => Some("code"),
            _ => None,
        };
        let expected = expected.filter(|_| page.name != "invitation-gone");
        assert_eq!(focused.first().map(String::as_str), expected, "{}", page.name);
        assert!(focused.len() <= 1, "{}", page.name);
        for input in
            page.tags.iter().filter(|tag| tag.name == "input" && tag.value("type").as_deref() != Some("hidden"))
        {
            let id = input.value("id").expect("a visible field has an id");
            assert!(
                page.tags.iter().any(|tag| tag.name == "label" && tag.value("for").as_deref() == Some(&id)),
                "{id}"
            );
        }
    }
}

#[test]
fn what_a_field_points_to_is_there() {
    for page in plain() {
        let ids: Vec<String> = page.tags.iter().filter_map(|tag| tag.value("id")).collect();
        let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(ids.len(), unique.len(), "{}: an id is there once: {ids:?}", page.name);
        for name in ["aria-describedby", "aria-labelledby", "for"] {
            for target in page.tags.iter().filter_map(|tag| tag.value(name)) {
                for id in target.split(' ') {
                    assert!(ids.iter().any(|known| known == id), "{}: nothing is called {id}", page.name);
                }
            }
        }
        let told = page.html.contains(r#"id="problem""#);
        assert_eq!(told, page.html.contains("problem\""), "{}", page.name);
    }
}

#[test]
fn nobodys_text_changes_the_markup() {
    for (plain, hostile) in plain().into_iter().zip(states(Style::Link, |_| HOSTILE.to_owned())) {
        assert_eq!(skeleton(&plain.tags), skeleton(&hostile.tags), "{}", plain.name);
        assert!(!hostile.html.contains("<b>"), "{}", plain.name);
    }
    let kept = SignIn {
        frame: Frame {
            organization: "Acme",
            style: Style::Link,
            banner: None,
            language: Language::English,
            can_switch: false,
        },
        app: None,
        username: HOSTILE,
        error: Some(Problem::Wrong),
        form: "f",
        return_to: "",
        passkey: None,
    };
    let page = State::new("kept", &kept);
    let value = page.tags.iter().find(|tag| tag.value("id").as_deref() == Some("username")).expect("the field");
    assert_eq!(unescape(&value.value("value").unwrap_or_default()), HOSTILE, "what was typed comes back unchanged");
}

#[test]
fn text_that_runs_the_other_way_stays_in_its_place() {
    // An unclosed U+202E turns what follows; a box of its own (bdi, dd, li, input …) ends its reach.
    for page in states(Style::Link, |_| HOSTILE.to_owned()) {
        let body = page.html.split_once("<body").expect("every page has a body").1;
        for (at, _) in body.match_indices('\u{202e}') {
            let opened = body[..at].rfind('<').expect("some tag is before");
            let tag = body[opened + 1..].split([' ', '>', '\n']).next().unwrap_or_default();
            let boxed = ["bdi", "dd", "input", "a", "span", "p", "code"].contains(&tag);
            assert!(boxed, "{}: in <{tag}>", page.name);
        }
    }
}

#[test]
fn nothing_is_styled_or_scripted_inline() {
    for page in plain().into_iter().chain(states(Style::Inline, str::to_owned)) {
        let scripts: Vec<_> = page.tags.iter().filter(|tag| tag.name == "script").map(|tag| tag.value("src")).collect();
        assert_eq!(
            scripts,
            page.script.iter().map(|href| Some((*href).to_owned())).collect::<Vec<_>>(),
            "{}",
            page.name
        );
        let asks = page.tags.iter().any(|tag| tag.has("data-passkey") || tag.has("data-with-passkeys"));
        let chooses = page.tags.iter().any(|tag| tag.value("autocomplete").as_deref() == Some("new-password"));
        let needed = asks.then(passkey_href).or(chooses.then(strength_href));
        assert_eq!(page.script, needed, "{}: a script only where it is needed", page.name);
        for tag in &page.tags {
            for (name, _) in &tag.attributes {
                assert!(name != "style" && !name.starts_with("on"), "{}: <{} {name}>", page.name, tag.name);
            }
        }
        assert_eq!(page.html.matches("<script").count(), page.html.matches("\"></script>").count(), "{}", page.name);
        for needle in ["javascript:", "style=", "onclick"] {
            assert!(!page.html.to_lowercase().contains(needle), "{}: {needle}", page.name);
        }
    }
}

#[test]
fn the_inlined_stylesheet_is_the_one_its_hash_names() {
    for page in states(Style::Inline, str::to_owned) {
        let sheet = page.html.split_once("<style>").expect("inlined").1.split_once("</style>").expect("closed").0;
        assert_eq!(sheet, STYLE);
        assert_eq!(style_hash(), format!("sha256-{}", BASE64.encode(&Sha256::digest(sheet.as_bytes()))));
        assert!(!page.tags.iter().any(|tag| tag.value("rel").as_deref() == Some("stylesheet")), "{}", page.name);
    }
    assert!(!STYLE.contains('\r'), "browsers read CRLF as LF and hash that");
    assert!(!STYLE.contains('<'), "it can't end its element");
}

#[test]
fn pages_are_light() {
    assert!(STYLE.len() <= 14 * 1024, "style.css has {} bytes", STYLE.len());
    assert!(style_href().starts_with("/assets/style-") && style_href().ends_with(".css"));
    assert_eq!(style_href().len(), "/assets/style-.css".len() + 16);
    assert_eq!(passkey_href().len(), "/assets/passkey-.js".len() + 16);
    for page in plain() {
        let limit = match page.name {
            name if name.starts_with("set-up") => 16 * 1024,
            // A list with a form for each line.
            name if name.starts_with("account") => 10 * 1024,
            _ => 6 * 1024,
        };
        assert!(page.html.len() <= limit, "{} has {} bytes", page.name, page.html.len());
    }
}

#[test]
fn every_page_says_its_language_and_has_one_main_and_one_heading() {
    for page in plain() {
        let count = |name: &str| page.tags.iter().filter(|tag| tag.name == name).count();
        assert!(page.html.starts_with("<!doctype html>\n<html lang=\"en\">"), "{}", page.name);
        assert_eq!((count("main"), count("h1")), (1, 1), "{}", page.name);
        assert_eq!(page.html.matches("{{").count() + page.html.matches("{%").count(), 0, "{}", page.name);
    }
}

#[test]
fn waiting_is_told_in_whole_units_and_never_too_short() {
    let (style, language) = (Style::Link, Language::English);
    let frame = Frame { organization: "Acme", style, banner: None, language, can_switch: false };
    for (millis, said) in [
        (0, "1 second"),
        (1, "1 second"),
        (19_001, "20 seconds"),
        (59_000, "59 seconds"),
        (59_001, "1 minute"),
        (60_000, "1 minute"),
        (60_001, "2 minutes"),
        (900_000, "15 minutes"),
    ] {
        assert_eq!(Problem::span(&Duration::from_millis(millis), &frame).plain(), said);
    }
    let page = state("sign-in-wait").html;
    assert!(page.contains(
        r#"Too many tries. Try again in 2 minutes (at <time datetime="2026-11-22T10:42:00+00:00">10:42 UTC</time>)."#
    ));
}

#[test]
fn a_qr_picture_is_made_of_numbers_and_keeps_its_secret() {
    let qr = Qr::of("otpauth://totp/\"><script>").expect("short enough");
    assert!(qr.svg().starts_with("<svg ") && qr.svg().ends_with("</svg>") && !qr.svg().contains("script"));
    assert_eq!(format!("{qr:?}"), "Qr");

    // Drawn back from the path, module by module, it is the code the encoder made.
    let qr = Qr::of(URI).expect("short enough");
    let code = qrcode::QrCode::with_error_correction_level(URI, qrcode::EcLevel::M).expect("short enough");
    let path = qr.svg().rsplit_once("d=\"").expect("a path").1.split_once('"').expect("its end").0;
    let mut drawn = vec![qrcode::Color::Light; code.width() * code.width()];
    for run in path.split('M').skip(1) {
        let numbers: Vec<usize> = run.split([' ', 'h', 'v']).take(3).map(|n| n.parse().expect("a number")).collect();
        let start = (numbers[1] - 4) * code.width() + numbers[0] - 4;
        drawn[start..start + numbers[2]].fill(qrcode::Color::Dark);
    }
    assert!(drawn == code.to_colors(), "the picture and the code differ");
    assert!(Qr::of(&"x".repeat(5000)).is_err());
}

/// Writes every page in every state to the folder named by `PREVIEW_DIR`, to be looked at.
#[test]
fn preview() {
    let Some(folder) = std::env::var_os("PREVIEW_DIR") else { return };
    let write = |name: &str, text: &str| {
        let path = Path::new(&folder).join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder to write to");
        std::fs::write(path, text).expect("a file to write to");
    };
    write(style_href().trim_start_matches('/'), STYLE);
    write("style-hash", style_hash());
    for page in plain() {
        write(&format!("{}.html", page.name), &page.html);
    }
    for page in states(Style::Inline, str::to_owned) {
        write(&format!("inline/{}.html", page.name), &page.html);
    }
    for page in states(Style::Link, |text| format!("{text} {HOSTILE}")) {
        write(&format!("hostile/{}.html", page.name), &page.html);
    }
}

/// One page in one state.
struct State {
    name: &'static str,
    title: String,
    script: Option<&'static str>,
    html: String,
    tags: Vec<Tag>,
}

impl State {
    fn new(name: &'static str, page: &impl Page) -> Self {
        let html = page.html();
        assert!(html.ends_with("</html>") || html.ends_with("</html>\n"), "{name}");
        Self { name, title: page.title(), script: page.script(), tags: tags(&html), html }
    }
}

fn plain() -> Vec<State> {
    states(Style::Link, str::to_owned)
}

fn state(name: &str) -> State {
    plain().into_iter().find(|state| state.name == name).expect("a state of that name")
}

/// Every page in every state; `say` gives each text that comes from people or from configuration.
fn states(style: Style, say: impl Fn(&str) -> String) -> Vec<State> {
    states_in(Language::English, style, say)
}

fn states_in(language: Language, style: Style, say: impl Fn(&str) -> String) -> Vec<State> {
    let organization = say("Acme");
    let frame = Frame { organization: &organization, style, banner: None, language, can_switch: false };
    let (username, full_name, app) = (say("ana"), say("Ana Ruiz"), say("CRM"));
    let (username, full_name, app) = (username.as_str(), full_name.as_str(), app.as_str());
    let (form, reference) = (say("Zm9ybQ"), say("7KQ2-M9XD"));
    let (form, reference) = (form.as_str(), reference.as_str());
    let (return_to, uri) = (say("https://crm.acme.example/deals?sort=new&page=2"), say(URI));
    let address: IpAddr = "198.51.100.7".parse().expect("an address");
    let until = &"2026-11-22T10:42:00+00:00[UTC]".parse::<Zoned>().expect("a time");
    let wait = Problem::Wait { left: Duration::from_secs(115), until };
    let words = |list: &[&str]| list.iter().map(|text| say(text)).collect::<Vec<String>>();

    let sign_in = |name, app, username, error| {
        State::new(name, &SignIn { frame, app, username, error, form, return_to: &return_to, passkey: None })
    };
    let options = say(OPTIONS);
    let options = options.as_str();
    let second = |name, method, error, app| {
        let others: &[Method] = match method {
            Method::Totp => &[Method::Passkey, Method::Recovery],
            Method::Recovery => &[Method::Passkey, Method::Totp],
            _ => &[Method::Totp, Method::Sms, Method::Voice, Method::Email, Method::Recovery],
        };
        let options = if method == Method::Passkey { options } else { "" };
        State::new(name, &SecondStep { frame, app, method, others, options, username, error, form })
    };
    let door = |name, error| {
        let (app, back) = (Some(app), "/sign-in?return_to=%2F");
        State::new(name, &PasskeySignIn { frame, app, error, options, form, return_to: &return_to, back })
    };
    let new_key = |name, is_first_day, error| {
        let called = if is_first_day { "" } else { username };
        State::new(name, &PasskeySetUp { frame, is_first_day, has_choice: true, name: called, error, options, form })
    };
    let qr = Qr::of(URI).expect("short enough");
    let secret = say("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP");
    let set_up = |name, error| {
        let has_choice = true;
        State::new(name, &SetUp { frame, username, qr: &qr, secret: &secret, has_choice, uri: &uri, error, form })
    };
    let invite = |name, error| {
        State::new(name, &Invitation { frame, username, full_name, least: 12, error, form, invitation: "1nv1te" })
    };
    let home = |name, apps: &[AppLink], banner| {
        State::new(name, &Home { frame: Frame { banner, ..frame }, full_name, username, apps, form })
    };
    let link =
        |title, host: &str| AppLink { title: say(title), url: say(&format!("https://{host}/")), host: say(host) };
    let apps = [
        link("CRM", "crm.acme.example"),
        link("Wiki", "wiki.acme.example"),
        link("勤怠管理", "kintai.acme.example"),
        link("Purchase orders and supplier contracts", "purchasing.intranet.acme.example"),
        link("élan", "elan.acme.example"),
    ];
    let now = access::Timestamp::from_millis(1_795_420_800_000);
    let ago = |seconds: u64| When::of(access::Timestamp::from_millis(now.millis() - seconds * 1000), now);
    let thing = |id: &str, name: &str, is_this| Thing {
        only_from: say("203.0.113.7"),
        id: id.to_owned(),
        name: say(name),
        from: Some(address),
        opens: say("crm, mail"),
        since: ago(50_000),
        used: Some(ago(90)),
        expires: Some(ago(0)),
        is_this,
    };
    let browsers = [thing("00", "Firefox on Linux", true), thing("01", "Safari on iPhone", false)];
    let devices = [thing("02", "Acme Field on a very long and winding name of a telephone", false)];
    let tokens = [thing("03", "nightly export", false), Thing { used: None, from: None, ..thing("04", "new", false) }];
    let used = UsedBy { when: ago(90), from: address, client: say("DAVx5/4.3.10-ose (okhttp/4.12.0) Android/14") };
    let app_password = |id: &str, name, used| AppPassword {
        id: id.to_owned(),
        name: say(name),
        only_from: say("203.0.113.7"),
        used,
        expires: None,
    };
    let app_passwords = [
        AppPassword { expires: Some(ago(0)), ..app_password("05", "Calendar", Some(used)) },
        app_password("06", "Contacts", None),
    ];
    let account = |name, browsers, devices, tokens, done: Option<Done>| {
        let (has_authenticator, recovery_left) = (done.is_none(), 10);
        let (passkeys, offers_authenticator) = (done.is_none().then_some(2), true);
        let has_second_step = has_authenticator;
        let way = |method, to: Option<&str>| CodeWay { method, to: to.map(&say), may_go: done.is_none() };
        let codes =
            [way(Method::Sms, Some("\u{2022}\u{2022}\u{2022} 56")), way(Method::Voice, None), way(Method::Email, None)];
        let takes_app_passwords = done.is_none();
        let app_passwords: &[AppPassword] = if name == "account" { &app_passwords } else { &[] };
        State::new(
            name,
            &Account {
                frame,
                username,
                full_name,
                has_authenticator,
                offers_authenticator,
                passkeys,
                codes: &codes,
                questions: Some(done.is_none()),
                has_second_step,
                recovery_left,
                browsers,
                devices,
                tokens,
                app_passwords,
                takes_app_passwords,
                done,
                form,
            },
        )
    };
    let key = |id: &str, name: &str, used| Key { id: id.to_owned(), name: say(name), since: ago(500_000), used };
    let keys = [key("0a", "Security key", None), key("0b", "Chrome on a very long and winding system", Some(ago(90)))];
    let own = |name, keys, done, error| State::new(name, &Passkeys { frame, keys, done, error, form });
    let stop = |name: &str, used| Impact { name: say(name), used };
    let boxes = [
        EndBox { name: "browsers", ticked: true, stops: vec![stop("Safari on iPhone", Some(ago(90)))] },
        EndBox { name: "devices", ticked: false, stops: vec![stop("Acme Field", Some(ago(9_000)))] },
        EndBox { name: "tokens", ticked: false, stops: vec![stop("nightly export", None), stop("new", Some(ago(0)))] },
        EndBox { name: "app_passwords", ticked: false, stops: vec![stop("Calendar", None)] },
    ];
    let change = |name, boxes, error| State::new(name, &NewPassword { frame, username, least: 8, boxes, error, form });
    let choice = |name: &str, title: &str, ticked| AppChoice { name: name.to_owned(), title: say(title), ticked };
    let choices = [choice("crm", "CRM", false), choice("wiki", "Wiki", true)];
    let describe = |name, called, error| {
        State::new(
            name,
            &NewToken {
                frame,
                name: called,
                addresses: called,
                client: address,
                apps: &choices,
                days: 90,
                error,
                form,
            },
        )
    };
    let new_app_password = |name, called, error| {
        let (life, client) = ("90", address);
        State::new(name, &NewAppPassword { frame, name: called, addresses: called, client, life, error, form })
    };
    let letters_qr = Qr::of("0KED-GR0D-9FP5-0XDM").expect("short enough");
    let (letters, servers) = (say("0KED-GR0D-9FP5-0XDM"), [(say("CRM"), say("https://crm.acme.example/"))]);
    let qr_of_letters = Some(&letters_qr);
    let app_password_made = AppPasswordMade {
        frame,
        name: username,
        username,
        letters: &letters,
        servers: &servers,
        qr: qr_of_letters,
        has_profile: true,
        form,
    };
    let (roles, groups, networks) = (words(&["admin"]), words(&["sales", "field"]), words(&["office", "vpn"]));
    let hop = |address: &str, trusted| Hop { address: say(address), trusted };
    let hops = [hop("10.0.0.2", true), hop("2001:db8:10:aaaa:bbbb:cccc:dddd:eeee", true), hop("198.51.100.7", false)];
    let who = |name, hops, signed_in_as| {
        let (peer, client) = ("10.0.0.2".parse().expect("an address"), address);
        let (roles, groups, networks) = (&roles[..], &groups[..], &networks[..]);
        State::new(name, &WhoAmI { frame, peer, hops, client, signed_in_as, roles, groups, networks })
    };
    let down = |name, status| State::new(name, &AppDown { frame, app, status, reference });
    let codes = words(&[
        "0KED-GR0D-9FP5-0XDM",
        "NBCY-GFRT-QZ0D-A3J0",
        "5NQ1-DD7W-Z7W5-B5PW",
        "2268-GBM6-V9KC-25WY",
        "EQGR-Y23J-7Q7K-RTSF",
        "VNWD-X64H-YFWK-TTK0",
        "3ZKT-RHP7-WQD1-BVA7",
        "CWJV-B4ZG-EQE7-TACE",
        "NGBJ-Y3SX-E3SR-0V6K",
        "XHWT-SBY2-58B4-SX2Q",
    ]);

    vec![
        sign_in("sign-in", None, "", None),
        sign_in("sign-in-app", Some(app), "", None),
        sign_in("sign-in-wrong", Some(app), username, Some(Problem::Wrong)),
        sign_in("sign-in-wait", None, username, Some(wait)),
        sign_in("sign-in-over", None, "", Some(Problem::SessionOver)),
        sign_in("sign-in-ended", None, "", Some(Problem::SessionEnded)),
        sign_in("sign-in-busy", None, username, Some(Problem::Busy)),
        sign_in("sign-in-late", None, username, Some(Problem::TookTooLong)),
        sign_in("sign-in-codes", None, username, Some(Problem::TooManyCodes)),
        second("second-step", Method::Totp, None, Some(app)),
        second("second-step-wrong", Method::Totp, Some(Problem::WrongCode), None),
        second("second-step-used", Method::Totp, Some(Problem::UsedCode), None),
        second("second-step-wait", Method::Totp, Some(wait), None),
        second("second-step-recovery", Method::Recovery, None, Some(app)),
        second("second-step-recovery-wrong", Method::Recovery, Some(Problem::WrongRecoveryCode), None),
        second("second-step-recovery-used", Method::Recovery, Some(Problem::UsedRecoveryCode), None),
        State::new(
            "sign-in-passkey-offered",
            &SignIn { frame, app: None, username: "", error: None, form, return_to: "", passkey: Some(&return_to) },
        ),
        second("passkey-second-step", Method::Passkey, None, Some(app)),
        second("passkey-second-step-wrong", Method::Passkey, Some(Problem::PasskeyRefused), None),
        door("passkey-sign-in", None),
        door("passkey-sign-in-wrong", Some(Problem::PasskeyRefused)),
        door("passkey-sign-in-wait", Some(wait)),
        new_key("passkey-set-up", true, None),
        new_key("passkey-new", false, None),
        new_key("passkey-new-wrong", false, Some(Problem::PasskeyNotAdded)),
        State::new("choose", &ChooseMethod { frame, methods: &[Method::Passkey, Method::Totp] }),
        own("account-passkeys", &keys[..], None, None),
        own("account-passkeys-added", &keys[..1], Some(Done::PasskeyAdded), None),
        own("account-passkeys-last", &keys[..1], None, Some(Problem::LastSecondStep)),
        own("account-passkeys-none", &[], Some(Done::PasskeyRemoved), None),
        set_up("set-up", None),
        set_up("set-up-wrong", Some(Problem::WrongCode)),
        State::new("recovery-codes", &RecoveryCodes { frame, codes: &codes, continue_to: &return_to }),
        invite("invitation", None),
        invite("invitation-short", Some(Problem::TooShort { least: 12 })),
        invite("invitation-differ", Some(Problem::Differ)),
        invite("invitation-common", Some(Problem::TooCommon)),
        State::new(
            "send-code",
            &SendCode {
                frame,
                method: Method::Sms,
                to: Some("\u{2022}\u{2022}\u{2022} 56"),
                phone: "",
                others: &[Method::Totp, Method::Recovery],
                has_choice: false,
                username,
                error: Some(Problem::SentEnough { left: Duration::from_secs(90), until }),
                form,
            },
        ),
        State::new(
            "send-code-set-up",
            &SendCode {
                frame,
                method: Method::Voice,
                to: None,
                phone: "600123456",
                others: &[],
                has_choice: true,
                username,
                error: Some(Problem::NoPhone),
                form,
            },
        ),
        State::new(
            "send-code-email",
            &SendCode {
                frame,
                method: Method::Email,
                to: None,
                phone: "",
                others: &[],
                has_choice: true,
                username,
                error: None,
                form,
            },
        ),
        State::new(
            "second-step-sent",
            &SentCode {
                frame,
                method: Method::Sms,
                to: "\u{2022}\u{2022}\u{2022} 56",
                is_set_up: false,
                others: &[Method::Passkey, Method::Totp, Method::Recovery],
                username,
                error: Some(Problem::WrongSentCode),
                form,
            },
        ),
        State::new(
            "second-step-sent-first",
            &SentCode {
                frame,
                method: Method::Email,
                to: "a\u{2022}\u{2022}\u{2022}@acme.example",
                is_set_up: true,
                others: &[],
                username,
                error: None,
                form,
            },
        ),
        State::new("forgot", &Forgot { frame, sends: true, email: "", error: None, form }),
        State::new("forgot-wait", &Forgot { frame, sends: true, email: "ana@acme.example", error: Some(wait), form }),
        State::new("forgot-nowhere", &Forgot { frame, sends: false, email: "", error: None, form }),
        State::new("link-sent", &LinkSent { frame, email: "ana@acme.example", minutes: 30 }),
        State::new(
            "reset-password",
            &ResetPassword { frame, username, least: 8, questions: &[], boxes: &boxes, error: None, form },
        ),
        State::new(
            "reset-password-differ",
            &ResetPassword {
                frame,
                username,
                least: 15,
                questions: &words(&["Where is the key?", "Who sang?"]),
                boxes: &[],
                error: Some(Problem::WrongAnswer),
                form,
            },
        ),
        State::new("questions", &Questions { frame, first: "", second: "", error: None, form }),
        State::new(
            "questions-again",
            &Questions { frame, first: username, second: username, error: Some(Problem::BadAnswer), form },
        ),
        State::new("reset-gone", &ResetGone { frame }),
        State::new("not-me", &NotMe { frame, device: username, address, since: &ago(90), secret: reference, form }),
        State::new("not-me-done", &NotMeDone { frame, has_ended: true }),
        State::new("not-me-gone", &NotMeDone { frame, has_ended: false }),
        sign_in("sign-in-reset", None, "", Some(Problem::PasswordReset)),
        invite("invitation-breached", Some(Problem::Breached)),
        State::new("invitation-gone", &InvitationGone { frame }),
        home("home", &apps, None),
        home("home-empty", &[], None),
        home("home-demo", &apps[..2], Some("Demo: people, apps and mail are made up, and are gone when it stops.")),
        account("account", &browsers, &devices, &tokens, None),
        account("account-alone", &browsers[..1], &[], &[], None),
        account("account-done", &browsers, &devices, &tokens, Some(Done::Password)),
        change("new-password", &boxes, None),
        change("new-password-alone", &[], None),
        change("new-password-wrong", &boxes, Some(Problem::WrongCurrent)),
        change("new-password-same", &boxes, Some(Problem::SamePassword)),
        change("new-password-wait", &boxes, Some(wait)),
        change("new-password-old", &boxes, Some(Problem::PasswordTooOld)),
        State::new("account-authenticator", &Authenticator { frame, is_set_up: true, may_end: true, form }),
        State::new("account-authenticator-none", &Authenticator { frame, is_set_up: false, may_end: false, form }),
        describe("new-token", "", None),
        describe("new-token-without-apps", username, Some(Problem::TokenWithoutApps)),
        describe("new-token-name", "", Some(Problem::TokenName)),
        describe("new-token-addresses", username, Some(Problem::BadAddresses)),
        describe("new-token-many", username, Some(Problem::TooManyTokens)),
        State::new("token-made", &TokenMade { frame, name: username, text: "vst_00112233_ZmFjZQ" }),
        new_app_password("new-app-password", "", None),
        new_app_password("new-app-password-name", username, Some(Problem::AppPasswordName)),
        new_app_password("new-app-password-many", username, Some(Problem::TooManyAppPasswords)),
        State::new("app-password-made", &app_password_made),
        State::new("new-codes", &NewCodes { frame, left: 7, form }),
        State::new("sign-out", &SignOut { frame, username, form }),
        State::new("signed-out", &SignedOut { frame }),
        who("whoami", &hops, Some(username)),
        who("whoami-nobody", &[], None),
        State::new("refused", &Refused { frame, address, reference }),
        State::new(
            "refused-v6",
            &Refused { frame, address: "2001:db8:10:aaaa:bbbb:cccc:dddd:eeee".parse().expect("an address"), reference },
        ),
        State::new(
            "not-allowed",
            &NotAllowed { frame, username, app, reference, switch: "/sign-in?start=again", home: "/" },
        ),
        State::new("token-only", &TokenOnly { frame, app, reference }),
        State::new("certificate-required", &CertificateRequired { frame, app, reference }),
        State::new(
            "bad-request",
            &BadRequest { frame, sentence: &frame.say("form-not-ours").plain(), said_in: language, reference },
        ),
        State::new("not-found", &NotFound { frame, home: "/" }),
        down("app-down-502", 502),
        down("app-down-503", 503),
        down("app-down-504", 504),
        State::new("unavailable", &Unavailable { frame, why: Pause::Store, reference }),
        State::new("unavailable-busy", &Unavailable { frame, why: Pause::Busy, reference }),
        State::new("unavailable-too-many", &Unavailable { frame, why: Pause::TooMany { seconds: 12 }, reference }),
    ]
}

/// A start tag, as a browser would read it.
#[derive(PartialEq, Eq, Debug)]
struct Tag {
    name: String,
    attributes: Vec<(String, Option<String>)>,
}

impl Tag {
    fn value(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.clone())
    }

    fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(known, _)| known == name)
    }
}

/// The start tags of `html`, whose attribute values are always in double quotes.
fn tags(html: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at + 1..];
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            continue;
        }
        let end = rest.find([' ', '>', '/']).expect("a tag ends");
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut attributes = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '/']);
            if let Some(after) = rest.strip_prefix('>') {
                rest = after;
                break;
            }
            let end = rest.find(['=', ' ', '>', '/']).expect("an attribute ends");
            let name = rest[..end].to_owned();
            assert!(!name.is_empty(), "stray text in a tag: {}", &rest[..rest.len().min(40)]);
            rest = &rest[end..];
            let value = rest.strip_prefix("=\"").map(|quoted| {
                let (value, after) = quoted.split_once('"').expect("a value ends");
                rest = after;
                value.to_owned()
            });
            attributes.push((name, value));
        }
        if name == "style" {
            rest = rest.split_once("</style>").expect("a sheet ends").1;
        }
        found.push(Tag { name, attributes });
    }
    found
}

/// Names of tags and attributes: all that other people's text must not change.
fn skeleton(tags: &[Tag]) -> Vec<String> {
    tags.iter()
        .map(|tag| {
            let names: Vec<&str> = tag.attributes.iter().map(|(name, _)| name.as_str()).collect();
            format!("<{} {}>", tag.name, names.join(" "))
        })
        .collect()
}

/// What is left of `html` for a reader.
fn words(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<').skip(1) {
        text.push(' ');
        text.push_str(piece.split_once('>').map_or("", |(_, after)| after));
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Undoes what askama escapes.
fn unescape(text: &str) -> String {
    text.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&")
}

const URI: &str = "otpauth://totp/Acme:ana?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme&algorithm=SHA1&digits=6";

const OPTIONS: &str = r#"{"challenge":"dGhlIGNoYWxsZW5nZQ","rpId":"login.acme.example","allowCredentials":[]}"#;

const HOSTILE: &str = "\u{202e}\"'><script>alert(1)</script>\r\n</title></style><b>&amp;{{ x }}\t` onclick=x <!--";
