//! What reaches the terminal? Text without anything that steers it.

use std::io::{self, Write};

/// Writes to standard output, and ends the line. A reader that has gone away, as `head` does, is no fault of ours.
pub(super) fn out(text: &str) {
    let _ = write_line(&mut io::stdout().lock(), text);
}

/// Writes to standard error, and ends the line.
pub(super) fn err(text: &str) {
    let _ = write_line(&mut io::stderr().lock(), text);
}

/// Writes a line; says whether anybody still reads.
pub(super) fn write_line(to: &mut impl Write, text: &str) -> io::Result<()> {
    let mut line = tamed(text);
    if !line.ends_with('\n') {
        line.push('\n');
    }
    to.write_all(line.as_bytes())?;
    to.flush()
}

/// Names, devices and paths come from strangers: what could move a cursor or turn the writing is shown as a box.
fn tamed(text: &str) -> String {
    let steers = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}'..='\u{2029}')
    };
    text.replace(steers, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_strangers_steers_the_terminal() {
        let mut written = Vec::new();
        write_line(&mut written, "a\u{1b}[2Jb\rc\u{202e}d\né").expect("in memory");
        assert_eq!(String::from_utf8_lossy(&written), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d\né\n");
    }
}
