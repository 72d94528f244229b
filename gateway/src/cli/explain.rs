//! How is a decision told? The answer, then each rule with its mark and its place.

use serde_json::Value;

use super::show::{array, text, time};

/// The walk behind an answer of `explain`.
pub(super) fn walk(answer: &Value) -> String {
    let decision = match text(&answer["decision"]).as_str() {
        "allow" => "ALLOWED",
        "sign_in" => "SIGN IN",
        _ => "REFUSED",
    };
    let mut lines = vec![format!("{decision}  {}", reason(answer))];
    let steps = array(&answer["steps"]);
    let widest = |part: &dyn Fn(&Value) -> usize, most: usize| steps.iter().map(part).max().unwrap_or(0).min(most);
    let names = widest(&|step| text(&step["name"]).chars().count(), NAME_COLUMN);
    let texts = widest(&|step| text(&step["text"]).chars().count(), TEXT_COLUMN);
    for step in steps {
        let mark = match text(&step["mark"]).as_str() {
            "pass" => '✓',
            "fail" => '✗',
            _ => '–',
        };
        let (name, told, place) = (text(&step["name"]), text(&step["text"]), place(&step["place"]));
        let line = format!("  {mark} {name:names$}  {told}");
        if place.is_empty() {
            lines.push(line);
        } else if told.chars().count() <= texts {
            lines.push(format!("  {mark} {name:names$}  {told:texts$}  {place}"));
        } else {
            lines.extend([line, format!("    {:names$}  {:texts$}  {place}", "", "")]);
        }
    }
    for note in array(&answer["notes"]) {
        lines.push(format!("note: {}", text(note)));
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// The story of a refusal, as `why` answers it.
pub(super) fn denial(answer: &Value) -> String {
    let who = match &answer["user"] {
        Value::Null => "somebody who had not signed in".to_owned(),
        user => text(user),
    };
    let what = match &answer["app"] {
        Value::Null => "the portal".to_owned(),
        app => format!("{} {} of {}", text(&answer["method"]), text(&answer["path"]), text(app)),
    };
    let at = match answer["at"].as_i64().and_then(|at| jiff::Timestamp::from_millisecond(at).ok()) {
        Some(at) => time(&Value::String(at.to_string())),
        None => time(&answer["at"]),
    };
    format!(
        "{}: on {at}, {who} at {} asked for {what} and was refused ({}).\nBy the rules as they are now:\n\n{}",
        text(&answer["reference"]),
        text(&answer["address"]),
        text(&answer["code"]),
        walk(&answer["walk"])
    )
}

fn reason(answer: &Value) -> String {
    match (text(&answer["reason"]).as_str(), &answer["methods"]) {
        ("allowed", _) => place(&answer["rule"]),
        (reason, Value::Null) => reason.replace('_', " "),
        (reason, methods) => format!("{} ({})", reason.replace('_', " "), text(methods)),
    }
}

fn place(place: &Value) -> String {
    match (&place["file"], &place["line"]) {
        (Value::String(file), Value::Number(line)) if line.as_u64() != Some(0) => format!("{file}:{line}"),
        (Value::String(file), _) => file.clone(),
        _ => String::new(),
    }
}

/// Longer names push the rest aside.
const NAME_COLUMN: usize = 24;
/// Longer sentences have their place on the next line.
const TEXT_COLUMN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_walk_is_told_rule_by_rule() {
        let answer = json!({
            "decision": "refuse",
            "reason": "address_not_allowed",
            "methods": null,
            "rule": { "file": "policies/organization.yaml", "line": 12 },
            "steps": [
                { "name": "app", "mark": "pass", "text": "10.8.3.4 is in vpn", "place": { "file": "gateway.yaml", "line": 16 } },
                { "name": "address", "mark": "fail", "text": "10.8.3.4 is not in office", "place": { "file": "policies/organization.yaml", "line": 12 } },
                { "name": "path rule", "mark": "not_reached", "text": "not reached", "place": null },
            ],
            "notes": ["ana has no second step yet"],
        });
        let expected = "\
REFUSED  address not allowed
  ✓ app        10.8.3.4 is in vpn         gateway.yaml:16
  ✗ address    10.8.3.4 is not in office  policies/organization.yaml:12
  – path rule  not reached
note: ana has no second step yet";
        assert_eq!(walk(&answer), expected);
    }

    #[test]
    fn a_yes_names_its_rule_and_a_demand_its_methods() {
        let allowed =
            json!({ "decision": "allow", "reason": "allowed", "rule": { "file": "gateway.yaml", "line": 3 } });
        assert_eq!(walk(&allowed), "ALLOWED  gateway.yaml:3");
        let asked = json!({ "decision": "sign_in", "reason": "second_step_required", "methods": "totp" });
        assert_eq!(walk(&asked), "SIGN IN  second step required (totp)");
    }
}
