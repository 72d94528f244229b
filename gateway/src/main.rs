//! The program. Everything it can do is in [`vestibule::cli`].

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use vestibule::cli::{Cli, Verb};

/// Many small allocations on several threads, and memory that goes back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // A gateway tells what it does; a command only what goes wrong.
    log(if cli.verb == Verb::Serve { "info" } else { "error" });
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
    let to = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        to.with_target(false).init();
    } else {
        to.json().flatten_event(true).init();
    }
}
