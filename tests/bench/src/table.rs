//! Figures for people: medians, ratios, and how far the rounds lay apart.

use std::fmt::Write as _;

use crate::contest::Row;

/// A section of the report, in Markdown.
pub(crate) struct Section {
    /// Its key on the command line, which also marks it in the file.
    pub(crate) key: &'static str,
    /// Markdown below the heading.
    pub(crate) text: String,
}

/// A table of rows compared with the first, and what it says below.
pub(crate) fn contest(title: &str, rows: &[Row]) -> String {
    let mut text = format!("### {title}\n\n");
    let base = &rows[0];
    text.push_str("| | CPU µs a request | × bare | quartiles | least–most | requests/s | failed |\n|---|---:|---:|---:|---:|---:|---:|\n");
    for row in rows {
        let ratios = ratios(row, base);
        let (low, high) = (quantile(&ratios, 0.25), quantile(&ratios, 0.75));
        let (least, most) = (quantile(&ratios, 0.0), quantile(&ratios, 1.0));
        let _ = writeln!(
            text,
            "| {} | {:.1} | **{:.3}** | {low:.3}–{high:.3} | {least:.2}–{most:.2} | {:.0} | {} |",
            row.name,
            median(&row.cpu) / 1000.0,
            median(&ratios),
            median(&row.rate),
            row.failed,
        );
    }
    text.push_str(&beside_others(rows));
    for row in rows {
        if let Some(why) = &row.first_failure {
            let _ = writeln!(text, "\n{}: the first failure was: {why}", row.name);
        }
    }
    text
}

/// How the row by cookie stands to everybody else, in a line.
fn beside_others(rows: &[Row]) -> String {
    let Some(ours) = rows.iter().find(|row| row.name == OURS) else { return String::new() };
    let others = rows.iter().skip(1).filter(|row| !row.name.starts_with("ours"));
    let said: Vec<String> =
        others.map(|other| format!("{:.2} × {}", median(&ratios(ours, other)), other.name)).collect();
    if said.is_empty() { String::new() } else { format!("\n{OURS}: {}.\n", said.join(", ")) }
}

/// The row's cost in each round, divided by that of the base in the same round.
pub(crate) fn ratios(row: &Row, base: &Row) -> Vec<f64> {
    row.cpu.iter().zip(&base.cpu).map(|(cpu, base)| cpu / base).collect()
}

/// The row that others are judged by.
const OURS: &str = "ours, cookie";

pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Between neighbours in proportion.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    let (low, high) = (at.floor(), at.ceil());
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "indices between 0 and the last")]
    let (below, above) = (sorted[low as usize], sorted[high as usize]);
    below + (above - below) * (at - low)
}
