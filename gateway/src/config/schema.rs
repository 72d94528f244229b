//! What may an editor offer? The JSON Schemas of both kinds of files, from the same types that read them.

use schemars::JsonSchema;
use serde_json::{Value, json};

use super::file::{Gateway, PolicyFile};

/// `{"gateway": …, "policy": …}`.
pub(super) fn both() -> Value {
    json!({ "gateway": of::<Gateway>(), "policy": of::<PolicyFile>() })
}

fn of<T: JsonSchema>() -> Value {
    let mut schema = schemars::schema_for!(T).to_value();
    forbid_null(&mut schema);
    schema
}

/// What may be absent may not be nothing: a key without a value is a fault, and the schema says so as well.
fn forbid_null(schema: &mut Value) {
    let is_null = |value: &Value| *value == json!({ "type": "null" }) || value.is_null() || *value == json!("null");
    if let Value::Object(entries) = schema {
        for key in ["type", "enum", "anyOf"] {
            if let Some(Value::Array(choices)) = entries.get_mut(key) {
                choices.retain(|choice| !is_null(choice));
            }
        }
        if let Some([one]) = entries.get("type").and_then(Value::as_array).map(Vec::as_slice) {
            let one = one.clone();
            entries.insert("type".into(), one);
        }
        // Only one left: it says itself what it is.
        if let Some(Value::Array(choices)) = entries.get_mut("anyOf")
            && choices.len() == 1
            && let Some(Value::Object(only)) = choices.pop()
        {
            entries.remove("anyOf");
            for (key, value) in only {
                entries.entry(key).or_insert(value);
            }
        }
    }
    match schema {
        Value::Object(entries) => entries.values_mut().for_each(forbid_null),
        Value::Array(items) => items.iter_mut().for_each(forbid_null),
        _ => (),
    }
}
