//! A whole gateway to look at: people, two apps, a policy to edit, on this machine and nowhere else.
//!
//! Nothing in it is pretended but the people: it is the program that `serve` runs, over a folder of its own that goes when
//! it ends. `--smoke` walks through it without a browser and says what a person would have met.

mod apps;
mod house;
pub mod postbox;
mod screen;
mod smoke;
pub mod visitor;
mod words;

use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use house::House;

/// Runs the demo until it is ended, or, for `smoke`, until every step was tried; returns the exit code.
pub async fn run(port: u16, keep: Option<PathBuf>, smoke: bool) -> u8 {
    let house = match House::open(port, keep).await {
        Ok(house) => house,
        Err(error) => {
            screen::complain(&format!("vestibule: the demo can't start: {error}"));
            return 1;
        }
    };
    if smoke {
        let outcome = smoke::walk(&house).await;
        house.close().await;
        return match outcome {
            Ok(()) => {
                screen::say("OK\n");
                0
            }
            Err(failed) => {
                screen::complain(&failed.to_string());
                1
            }
        };
    }
    screen::welcome(&house);
    tokio::select! {
        () = screen::show_code(&house) => {}
        () = ended() => {}
    }
    screen::say("\n");
    house.close().await;
    0
}

/// Until Ctrl-C, until the terminal is closed, or until the machine wants us to end.
async fn ended() {
    let kinds = (signal(SignalKind::interrupt()), signal(SignalKind::hangup()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut hang_up), Ok(mut terminate)) = kinds else { return };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// What a signed assertion says. Apps verify it first, with the keys at `/.well-known/jwks.json`; this one only shows it.
fn claims(assertion: &str) -> Option<serde_json::Value> {
    let payload = assertion.split('.').nth(1)?;
    let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?;
    serde_json::from_slice(&payload).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole walk of `--smoke`, over real sockets and a store on disk.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_visitor_finds_every_door_as_it_should_be() {
        let folder = tempfile::tempdir().expect("a folder");
        let house = House::open(0, Some(folder.path().join("demo"))).await.expect("opened");
        smoke::walk(&house).await.expect("every step");
        house.close().await;
    }

    #[test]
    fn an_assertion_is_shown_and_anything_else_is_not() {
        let claims = claims("e30.eyJhdWQiOiJjcm0ifQ.c2ln");
        assert_eq!(claims, Some(serde_json::json!({ "aud": "crm" })));
        for text in ["", "a.b", "e30.!!.c2ln", "e30.e30x.c2ln"] {
            assert_eq!(super::claims(text), None, "{text}");
        }
    }
}
