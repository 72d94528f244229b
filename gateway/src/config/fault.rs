//! Where exactly, and what is to be done about it?
//!
//! Every fault carries its line, its source line and one fix. A file with a thousand faults shows the first two hundred:
//! nobody repairs more in one go, and a 16 MiB file of nonsense must not become a gigabyte of messages.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use access::policy::Place;

use super::{Fault, Faults};

/// A spot in a file, both counted from one, columns in characters. Line zero: the file as a whole.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Spot {
    pub(super) line: u32,
    pub(super) column: u32,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct Source {
    /// Relative to the configuration folder.
    pub(super) name: Arc<str>,
    pub(super) text: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    faults: Vec<Fault>,
    untold: usize,
    warnings: Vec<Fault>,
}

/// A file, and where to write down what is wrong with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) source: &'a Source,
    pub(super) report: &'a RefCell<Report>,
}

impl Report {
    /// Writes down a fault that was made elsewhere.
    pub(super) fn refuse(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        } else {
            self.untold += 1;
        }
    }

    /// Nothing wrong so far?
    pub(super) const fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }

    /// How many faults so far, also untold ones.
    pub(super) const fn count(&self) -> usize {
        self.faults.len() + self.untold
    }

    /// The warnings, if nothing is wrong. Errors: every fault, in the order of files and lines.
    pub(super) fn close(mut self) -> Result<Vec<Fault>, Faults> {
        self.hide_secrets();
        if self.is_clean() {
            in_order(&mut self.warnings);
            return Ok(self.warnings);
        }
        in_order(&mut self.faults);
        if self.untold > 0 {
            self.faults.push(Fault {
                code: "too_many",
                file: self.faults.last().map_or_else(String::new, |last| last.file.clone()),
                line: 0,
                column: 0,
                source: String::new(),
                message: format!("{} more faults are not shown", self.untold),
                help: Some("repair those above first; they may have one cause".into()),
            });
        }
        Err(Faults(self.faults))
    }

    /// Another fault on the line of a secret must not show it either.
    fn hide_secrets(&mut self) {
        let hidden: Vec<Fault> = self.faults.iter().filter(|fault| fault.code == SECRET).cloned().collect();
        for fault in self.faults.iter_mut().chain(&mut self.warnings) {
            let same_line = |secret: &&Fault| secret.file == fault.file && secret.line == fault.line;
            if let Some(secret) = hidden.iter().find(same_line) {
                fault.source.clone_from(&secret.source);
            }
        }
    }
}

impl<'a> Page<'a> {
    /// Writes down a fault.
    pub(super) fn refuse(self, code: &'static str, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        let fault = self.fault(code, spot, message.into(), help.into());
        self.report.borrow_mut().refuse(fault);
    }

    /// Writes down a fault on a line that shows a secret; the line is told up to its first colon.
    pub(super) fn refuse_secret(self, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        let mut fault = self.fault(SECRET, spot, message.into(), help.into());
        let shown = fault.source.find(':').map_or(0, |colon| colon + 1);
        fault.source.truncate(shown);
        fault.source.push_str(" …");
        self.report.borrow_mut().refuse(fault);
    }

    /// Writes down something that is allowed and perhaps not meant.
    pub(super) fn warn(self, code: &'static str, spot: Spot, message: impl Into<String>, help: impl Into<String>) {
        let fault = self.fault(code, spot, message.into(), help.into());
        self.report.borrow_mut().warnings.push(fault);
    }

    /// The place for a rule.
    pub(super) fn place(self, spot: Spot) -> Place {
        Place { file: self.source.name.clone(), line: spot.line }
    }

    fn fault(self, code: &'static str, spot: Spot, message: String, help: String) -> Fault {
        Fault {
            code,
            file: self.source.name.to_string(),
            line: spot.line,
            column: spot.column,
            source: source_line(&self.source.text, spot),
            message,
            help: Some(help),
        }
    }
}

/// How bad is it?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The configuration is not used.
    Error,
    /// It is used, and perhaps says something else than was meant.
    Warning,
}

impl Fault {
    /// As people read it: the code and the message, the place, the source line with a caret, the fix. Four lines at most,
    /// each ended.
    pub fn told_as(&self, severity: Severity) -> impl fmt::Display + '_ {
        Told { fault: self, severity }
    }
}

/// A fault as people read it.
struct Told<'a> {
    fault: &'a Fault,
    severity: Severity,
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { code, file, line, column, source, message, help } = self.fault;
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(f, "{severity}[{code}]: {message}")?;
        match line {
            0 => writeln!(f, "  --> {file}")?,
            _ => writeln!(f, "  --> {file}:{line}:{column}")?,
        }
        if *line > 0 && !source.is_empty() {
            let margin = " ".repeat(line.to_string().len());
            writeln!(f, "{line} | {source}")?;
            // A line that was cut in front has lost its columns, one with a secret what they point at.
            if *column > 0 && !source.starts_with('…') && *column as usize <= source.chars().count() + 1 {
                writeln!(f, "{margin} | {}^", " ".repeat(*column as usize - 1))?;
            }
        }
        help.iter().try_for_each(|help| writeln!(f, "  help: {help}"))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{}", fault.told_as(Severity::Error))?;
        }
        match self.0.len() {
            1 => f.write_str("1 error"),
            count => write!(f, "{count} errors"),
        }
    }
}

/// What was probably meant, among what exists: the nearest, if it is near.
pub(super) fn nearest<'n>(written: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    known
        .into_iter()
        .map(|known| (strsim::normalized_damerau_levenshtein(written, known), known))
        .filter(|(likeness, _)| *likeness >= 0.6)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, known)| known)
}

/// `` `a`, `b` or `c` ``.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>, last: &str) -> String {
    let mut words: Vec<_> = words.into_iter().map(|word| format!("`{word}`")).collect();
    match words.pop() {
        None => String::new(),
        Some(only) if words.is_empty() => only,
        Some(end) => format!("{} {last} {end}", words.join(", ")),
    }
}

/// A text as it may stand in a message: at most 60 characters, nothing that moves a cursor.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(60).map(printable).collect();
    if text.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
}

fn in_order(faults: &mut [Fault]) {
    // gateway.yaml first, then the policies by name.
    faults.sort_by(|one, other| {
        let key = |fault: &Fault| (fault.file != super::GATEWAY_FILE, fault.file.clone(), fault.line, fault.column);
        key(one).cmp(&key(other))
    });
}

/// The line at a spot, cut to what fits a terminal.
pub(super) fn source_line(text: &str, spot: Spot) -> String {
    let Some(line) = (spot.line as usize).checked_sub(1).and_then(|above| text.lines().nth(above)) else {
        return String::new();
    };
    let column = (spot.column as usize).max(1) - 1;
    let begin = if column < WIDTH - 20 { 0 } else { column - 40 };
    let mut shown: String = line.chars().skip(begin).take(WIDTH).map(printable).collect();
    if line.chars().nth(begin + WIDTH).is_some() {
        shown.push('…');
    }
    if begin > 0 {
        shown.insert(0, '…');
    }
    shown.truncate(shown.trim_end().len());
    shown
}

/// Terminals must not be steered by a file; a tab is shown as one.
fn printable(c: char) -> char {
    match c {
        '\t' => '→',
        c if c.is_control() => '\u{fffd}',
        // Line separators, and what turns the direction of text.
        '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    }
}

const SECRET: &str = "secret_in_yaml";
const MOST_FAULTS: usize = 200;
const WIDTH: usize = 120;
