//! `policy-report`: where the configuration falls short of OWASP ASVS 5.0.

use std::path::Path;

use serde_json::json;

use super::{Style, misconfigured, print, trouble};
use crate::config::{self, Deviation};

/// Reads the files and tells each deviation.
pub(super) fn report(dir: &Path, style: Style) -> u8 {
    match (config::policy_report(dir), style) {
        (Ok(deviations), Style::Json) => {
            print::out(&format!("{:#}", json!({ "standard": "OWASP ASVS 5.0", "deviations": deviations })));
            0
        }
        (Ok(deviations), Style::Words) => {
            print::out(&told(&deviations));
            0
        }
        (Err(faults), _) => trouble(&misconfigured(dir, &faults), style),
    }
}

fn told(deviations: &[Deviation]) -> String {
    let each = deviations.iter().map(|deviation| {
        let Deviation { requirement, level, file, line, setting, why, advice } = deviation;
        let place = if *line > 0 { format!("{file}:{line}") } else { file.clone() };
        format!("{requirement}  level {level}  {place}  {setting}\n  {why}\n  {advice}\n")
    });
    let count = match deviations.len() {
        0 => "The configuration turns on nothing that OWASP ASVS 5.0 discourages.".to_owned(),
        1 => "1 deviation from OWASP ASVS 5.0.".to_owned(),
        count => format!("{count} deviations from OWASP ASVS 5.0."),
    };
    each.chain([count]).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_deviation_is_told_with_its_place_the_reason_and_the_way_out() {
        let deviation = |line| Deviation {
            requirement: "6.3.3",
            level: 2,
            file: "gateway.yaml".to_owned(),
            line,
            setting: "sign_in.two_step: optional".to_owned(),
            why: "Because.",
            advice: "Do this.",
        };
        assert_eq!(told(&[]), "The configuration turns on nothing that OWASP ASVS 5.0 discourages.");
        let expected = "\
6.3.3  level 2  gateway.yaml:9  sign_in.two_step: optional
  Because.
  Do this.

6.3.3  level 2  gateway.yaml  sign_in.two_step: optional
  Because.
  Do this.

2 deviations from OWASP ASVS 5.0.";
        assert_eq!(told(&[deviation(9), deviation(0)]), expected);
    }
}
