//! `breached build`: a leak becomes a file that new passwords are held against.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Style, print, trouble};
use crate::admin::{AdminError, Code};
use crate::breached::{self, Built};

/// Builds it, and says on standard error how far it is.
pub(super) fn build(inputs: &[PathBuf], out: &Path, style: Style) -> u8 {
    let tell = |lines: u64| print::err(&format!("{} lines read", grouped(lines)));
    let Built { lines, left_out, passwords, bytes } = match breached::build(inputs, out, tell) {
        Ok(built) => built,
        Err(error) => return trouble(&AdminError::new(Code::Failed, error.to_string()), style),
    };
    let file = out.display();
    print::out(&match style {
        Style::Json => {
            let built =
                json!({ "file": out, "passwords": passwords, "bytes": bytes, "lines": lines, "left_out": left_out });
            format!("{built:#}")
        }
        Style::Words => {
            let noun = if passwords == 1 { "password" } else { "passwords" };
            let mut told = format!("{file} holds {} {noun} in {} bytes.", grouped(passwords), grouped(bytes));
            if left_out > 0 {
                told.push_str(&format!(
                    "\n{} of {} lines were left out: nobody could choose them anyway.",
                    grouped(left_out),
                    grouped(lines)
                ));
            }
            told + &format!("\nIn gateway.yaml: sign_in: {{ passwords: {{ breached_file: {file} }} }}")
        }
    });
    0
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut told = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_numbers_are_told_in_groups_of_three() {
        for (number, told) in [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345_678, "12,345,678")] {
            assert_eq!(grouped(number), told);
        }
    }
}
