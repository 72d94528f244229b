//! The program. Everything it can do is in [`vestibule::cli`].

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing::{Level, Metadata};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use vestibule::cli::{Cli, Verb};

/// Many small allocations on several threads, and memory that goes back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A gateway tells what it does; a command only what goes wrong.
    log(if matches!(cli.verb, Verb::Serve { .. }) { "info" } else { "error" });
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    ExitCode::from(runtime.block_on(vestibule::cli::run(cli)))
}

/// To standard error: for people on a terminal, JSON elsewhere. `VESTIBULE_LOG` takes what `RUST_LOG` takes.
fn log(otherwise: &str) {
    let filter = EnvFilter::try_from_env("VESTIBULE_LOG").unwrap_or_else(|_| EnvFilter::new(otherwise));
    let to = tracing_subscriber::registry().with(filter).with(filter_fn(keeps_secrets));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        to.with(lines.with_target(false)).init();
    } else {
        to.with(lines.json().flatten_event(true)).init();
    }
}

/// Asked for details, pingora writes whole headers and bodies, cookies and tokens among them. Nobody who asks means those.
fn keeps_secrets(event: &Metadata<'_>) -> bool {
    *event.level() <= Level::INFO || !event.target().starts_with("pingora")
}
