//! How are lists laid out? Columns as wide as their widest cell, two spaces between them, nothing behind the last.

/// Rows under headings, in lines. No rows: the sentence instead.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]], nothing: &str) -> String {
    if rows.is_empty() {
        return nothing.to_owned();
    }
    let mut widths = headings.map(width);
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = width(cell).max(*widest);
        }
    }
    let headings = headings.map(str::to_uppercase);
    let lines = std::iter::once(&headings).chain(rows).map(|row| line(row, &widths));
    lines.collect::<Vec<_>>().join("\n")
}

/// Names and their values, the values below each other.
pub(super) fn facts(facts: &[(&str, String)]) -> String {
    let widest = facts.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let lines = facts.iter().map(|(name, value)| line(&[(*name).to_owned(), value.clone()], &[widest, 0]));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, widest) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(widest.saturating_sub(width(cell)) + 2));
    }
    line.truncate(line.trim_end().len());
    line
}

/// In terminal columns, as far as letters go: East Asian ones take two.
fn width(text: &str) -> usize {
    let wide = |c: &char| matches!(c, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}');
    text.chars().count() + text.chars().filter(wide).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [["ana", "admin, sales", ""], ["山田太郎", "", "x"]].map(|row| row.map(str::to_owned));
        let expected = "\
USER      ROLES         NOTE
ana       admin, sales
山田太郎                x";
        assert_eq!(table(["user", "roles", "note"], &rows, "nobody"), expected);
        assert_eq!(table(["user"], &[], "nobody"), "nobody");
    }

    #[test]
    fn values_stand_below_each_other() {
        assert_eq!(facts(&[("name", "Ana".to_owned()), ("e-mail", String::new())]), "name    Ana\ne-mail");
    }
}
