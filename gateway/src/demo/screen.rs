//! What stands on the terminal while the demo runs?

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use access::totp::TotpSecret;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use super::house::House;

/// Where to go, whom to be, what to try.
pub(super) fn welcome(house: &House) {
    let House { port, admin, ana, bo, token, .. } = house;
    let folder = house.folder.path.display();
    let program = std::env::args().next().unwrap_or_else(|| "vestibule".to_owned());
    let (portal, crm, mail) = (house.url("login", "/"), house.url("crm", "/"), house.url("mail", "/"));
    let messages = house.url("messages", "/");
    let mut text = format!(
        "
  Vestibule demo                           Ctrl-C stops it{end}.

  go to      {crm:wide$}  customers, for sales
             {mail:wide$}  mail, for everyone
             {portal:wide$}  the portal both send you to
             {messages:wide$}  every mail that is sent, for everybody
  be         {ana_name:4} {ana_password:long$}  admin, sales; has two-step sign-in: the code below
             {bo_name:4} {bo_password:long$}  support; sets it up at the first sign-in
",
        end = if house.folder.kept { "; its folder stays" } else { " and deletes everything" },
        wide = messages.len(),
        long = ana.password.expose().len().max(bo.password.expose().len()),
        ana_name = ana.name,
        ana_password = ana.password.expose(),
        bo_name = bo.name,
        bo_password = bo.password.expose(),
    );
    if let Some(totp) = &ana.totp {
        text.push_str(&format!("\n  ana's phone: scan this, or take the code at the bottom\n{}\n", picture(totp)));
    }
    let resolve = format!("--resolve crm.localhost:{port}:127.0.0.1");
    text.push_str(&format!(
        "
  try        1. Edit {folder}/policies/organization.yaml, save, and reload the page.
             2. Come from an address that is not listed, and ask why it was refused:
                curl --interface 127.0.0.66 {resolve} {crm}
                {program} --config {folder} explain --app crm --ip 127.0.0.66
             3. Come with a bearer token instead of a browser:
                curl {resolve} -H 'Authorization: Bearer {token}' {api}
             4. End ana's session while a page is open, and look at its last lines:
                {program} --config {folder} user sign-out ana

  metrics    http://127.0.0.1:{admin}/metrics
",
        token = token.expose(),
        api = house.url("crm", "/api/customers"),
    ));
    say(&text);
}

/// Shows ana's code until somebody ends the demo: each second on a terminal, else once.
pub(super) async fn show_code(house: &House) {
    let Some(totp) = &house.ana.totp else { return std::future::pending().await };
    let terminal = io::stdout().is_terminal();
    loop {
        let now = house.clock.now();
        let code = totp.code_at(now);
        let left = 30 - now.seconds() % 30;
        let (front, back) = code.split_at(3);
        let line = format!("  code       {front} {back}   for ana, works once, {left:2} s left");
        if !terminal {
            say(&format!("{line}\n"));
            return std::future::pending().await;
        }
        say(&format!("\r{line} "));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Writes as it is. A terminal that has gone away is no fault of ours.
pub(super) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// To standard error.
pub(super) fn complain(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// The key as a picture of half blocks: dark on light whatever the terminal's colours.
fn picture(totp: &TotpSecret) -> String {
    let Ok(code) = QrCode::with_error_correction_level(totp.uri("Vestibule demo", "ana"), qrcode::EcLevel::L) else {
        return String::new();
    };
    let drawn = code.render::<Dense1x2>().quiet_zone(true).build();
    let lines = drawn.lines().map(|line| {
        if io::stdout().is_terminal() {
            // Black on white, by the terminal's own words for it.
            format!("    \u{1b}[38;5;16;48;5;231m{line}\u{1b}[0m")
        } else {
            format!("    {line}")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}
