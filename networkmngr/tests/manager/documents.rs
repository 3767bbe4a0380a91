//! The OpenAPI document and its pages, the figures for Prometheus, and that the document tells the truth.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::{
    runs::{over, until},
    support::{Manager, folder, text},
};

/// Set to write the golden file anew instead of comparing with it.
const UPDATE: &str = "UPDATE_GOLDEN";

#[test]
fn the_document_is_as_agreed_and_whole() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let document = manager.get("/openapi.json").unwrap();
    let written = serde_json::to_string_pretty(&document).unwrap() + "\n";
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/manager/openapi.json");
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&golden, &written).unwrap();
    }
    let agreed = std::fs::read_to_string(&golden).unwrap_or_default();
    assert!(written == agreed, "the document differs from {}: see with {UPDATE}=1 and git diff", golden.display());

    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operations.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with('2')), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
        }
    }
    assert!(operations.len() >= 40, "{operations:?}");
    for reference in written.split("\"$ref\": \"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
    manager.stop();
}

/// Whether a value is as a schema says: each of its fields is described, and no required one is missing.
fn fits(document: &Value, schema: &Value, value: &Value, place: &str) {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(document, document.pointer(&reference[1..]).unwrap(), value, place);
    }
    if let Some(any) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
        let null = |schema: &&Value| schema["type"] == "null";
        let only: Vec<_> = any.iter().filter(|schema| !null(schema)).collect();
        if let ([only], false) = (only.as_slice(), value.is_null()) {
            fits(document, only, value, place);
        }
        return;
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, value) in fields {
            let schema = properties.get(name).unwrap_or_else(|| panic!("{place}.{name} is not described"));
            fits(document, schema, value, &format!("{place}.{name}"));
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            assert!(fields.contains_key(name.as_str().unwrap()), "{place}.{name} is missing");
        }
    }
    if let (Some(list), items @ Value::Object(_)) = (value.as_array(), &schema["items"]) {
        list.iter().for_each(|value| fits(document, items, value, place));
    }
}

#[test]
fn the_described_shapes_are_the_real_ones() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "", &[]);
    manager.order("/runs", serde_json::json!({ "lesson": 4, "engine": "simulated", "answer": 1 })).unwrap();
    manager.post("/start/mining?times=1&min=0&max=0").unwrap();
    until(&manager, 1, over);
    let document = manager.get("/openapi.json").unwrap();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let schema = &item["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        if schema.is_null() || path.contains("/shutdown/") || path.starts_with("/start/") {
            continue;
        }
        let asked = path.replace("{id}", "1").replace("{number}", "4");
        fits(&document, schema, &manager.get(&asked).unwrap(), path);
        seen += 1;
    }
    assert!(seen >= 20, "{seen}");
    manager.stop();
}

#[test]
fn the_pages_need_nothing_from_elsewhere() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 1, "", &[]);
    let page = text(&manager, "/docs/");
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("src=\"//"), "{page}");
    for part in page.split(['"', '\'']).filter_map(|part| part.strip_prefix("./")) {
        assert!(!text(&manager, &format!("/docs/{part}")).is_empty(), "{part}");
    }
    assert!(text(&manager, "/docs/swagger-initializer.js").contains("/openapi.json"));
    manager.stop();
}

#[test]
fn figures_are_told_to_prometheus() {
    let dir = folder();
    let manager = Manager::start(dir.path(), 2, "", &[]);
    manager.post("/nodes/1/kill").unwrap();
    let figures = text(&manager, "/metrics");
    for line in [
        "network_nodes{state=\"running\"} 1",
        "network_nodes{state=\"ended\"} 1",
        "network_height{node=\"0\"} 0",
        "network_tips 1",
        "network_reorganisations_total 0",
        "network_stale_blocks 0",
        "network_followers 0",
        "network_mining_job 0",
        "# EOF",
    ] {
        assert!(figures.lines().any(|told| told == line), "{line} is not in:\n{figures}");
    }
    manager.stop();
}
