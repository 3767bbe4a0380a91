//! Values that fit a schema: its example, or else the simplest.

use serde_json::{Map, Value, json};

/// Deeper than any schema of ours goes.
const DEEPEST: usize = 12;

/// A value for a parameter.
pub fn of_parameter(document: &Value, parameter: &Value) -> Value {
    match parameter.get("example") {
        Some(example) => example.clone(),
        None => of_schema(document, &parameter["schema"], 0),
    }
}

/// A body.
pub fn of_media(document: &Value, media: &Value) -> Value {
    match media.get("example") {
        Some(example) => example.clone(),
        None => of_schema(document, &media["schema"], 0),
    }
}

fn of_schema(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > DEEPEST {
        return Value::Null;
    }
    let resolved = schema.get("$ref").and_then(Value::as_str);
    if let Some(target) = resolved.and_then(|path| document.pointer(path.trim_start_matches('#'))) {
        return of_schema(document, target, depth + 1);
    }
    let listed = |name: &str| schema.get(name).and_then(Value::as_array).and_then(|all| all.first());
    if let Some(value) = schema.get("example").or(schema.get("default")).or(listed("examples")).or(listed("enum")) {
        return value.clone();
    }
    if let Some(part) = listed("oneOf").or(listed("anyOf")) {
        return of_schema(document, part, depth + 1);
    }
    if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
        let whole = parts.iter().filter_map(|part| of_schema(document, part, depth + 1).as_object().cloned());
        return Value::Object(whole.flatten().collect());
    }
    of_kind(document, schema, depth)
}

fn of_kind(document: &Value, schema: &Value, depth: usize) -> Value {
    let kind = &schema["type"];
    let kind = kind.as_array().and_then(|kinds| kinds.first()).unwrap_or(kind).as_str();
    match kind {
        Some("object") => {
            let fields = schema.get("properties").and_then(Value::as_object);
            let required = |name: &String| schema["required"].as_array().is_some_and(|all| all.contains(&json!(name)));
            let fields = fields.into_iter().flatten().filter(|(name, _)| required(name));
            let object: Map<String, Value> =
                fields.map(|(name, field)| (name.clone(), of_schema(document, field, depth + 1))).collect();
            Value::Object(object)
        }
        Some("array") => json!([of_schema(document, &schema["items"], depth + 1)]),
        Some("integer" | "number") => schema.get("minimum").filter(|least| **least != 0).cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(false),
        Some("string") => json!("text"),
        _ => Value::Null,
    }
}
