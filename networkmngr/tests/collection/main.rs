//! The Postman collection of the whole API, made from the OpenAPI documents of manager and node and kept in
//! `docs/api.postman_collection.json`. Each request of it tests that the answer is one that its document names.
//! `UPDATE_GOLDEN=1` writes it anew.

mod example;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

const COLLECTION: &str = "docs/api.postman_collection.json";
/// Who answers, where its document lies, and what it is in the collection.
const SERVERS: [(&str, &str); 2] =
    [("node", "node/src/drivers/http/tests/openapi.json"), ("manager", "networkmngr/tests/manager/openapi.json")];
/// Paths that end something for good come last.
const LAST: [&str; 3] = ["remove", "/shutdown", "/shutdown/all"];

#[test]
fn the_collection_is_made_from_the_documents() {
    let collection = format!("{:#}\n", collection());
    let path = root().join(COLLECTION);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &collection).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == collection, "{COLLECTION} is out of date; UPDATE_GOLDEN=1 cargo test --test collection writes it");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn collection() -> Value {
    let documents = SERVERS.map(|(server, path)| {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        (server, serde_json::from_str::<Value>(&text).unwrap())
    });
    let operations: Vec<Operation> =
        documents.iter().flat_map(|(server, document)| operations(server, document)).collect();
    let mut folders = vec![folder("first", vec![a_block()])];
    for (server, _) in &documents {
        let of_server = || operations.iter().filter(|operation| operation.server == *server);
        let (streams, answers): (Vec<_>, Vec<_>) = of_server().partition(|operation| operation.is_stream());
        folders.push(folder(server, answers.into_iter().map(Operation::request).collect()));
        folders.push(folder(
            &format!("{server}: streams without end"),
            streams.into_iter().map(Operation::request).collect(),
        ));
    }
    let mut variables = vec![
        json!({ "key": "manager", "value": "http://localhost:4999" }),
        json!({ "key": "node", "value": "http://localhost:5000" }),
    ];
    let mut named: Vec<(String, String)> = operations.iter().flat_map(Operation::variables).collect();
    named.sort();
    named.dedup_by(|(a, _), (b, _)| a == b);
    variables.extend(named.into_iter().map(|(key, value)| json!({ "key": key, "value": value })));
    json!({
        "info": {
            "name": "networkmngr",
            "description": "Every path of a manager and of a node, made from their OpenAPI documents (GET /openapi.json). \
                            Each request tests that the answer is a documented one. Needs a practice network of three \
                            nodes or more: networkmngr -p 4999 -a 6. Run in order it ends with the network's end.",
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "variable": variables,
        "item": folders,
    })
}

fn folder(name: &str, items: Vec<Value>) -> Value {
    json!({ "name": name, "item": items })
}

/// So that there is something to be found.
fn a_block() -> Value {
    let script = [
        "pm.test('a block was mined', () => pm.response.to.have.status(201));",
        "pm.collectionVariables.set('blocks_id', pm.response.json().hash);",
        "pm.collectionVariables.set('accounts_address', pm.response.json().coinbase.miner);",
    ];
    json!({
        "name": "a block to look at",
        "request": { "method": "POST", "url": "{{node}}/mine" },
        "event": [{ "listen": "test", "script": { "type": "text/javascript", "exec": script } }],
    })
}

/// One operation of a document.
struct Operation<'a> {
    server: &'a str,
    document: &'a Value,
    method: String,
    path: &'a str,
    says: &'a Map<String, Value>,
}

fn operations<'a>(server: &'a str, document: &'a Value) -> Vec<Operation<'a>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        // A verb answers GET as it does POST.
        let is_verb = item["get"]["operationId"].as_str().is_some_and(|id| id.starts_with("get_"));
        for (method, says) in item.as_object().unwrap() {
            let Some(says) = says.as_object().filter(|says| says.contains_key("responses")) else { continue };
            if is_verb && method == "get" {
                continue;
            }
            all.push(Operation { server, document, method: method.to_uppercase(), path, says });
        }
    }
    all.sort_by_key(|operation| {
        let last = LAST.iter().position(|end| operation.path.ends_with(end)).map_or(0, |place| place + 1);
        (last, operation.method != "GET", operation.path, operation.method.clone())
    });
    all
}

impl Operation<'_> {
    fn responses(&self) -> &Map<String, Value> {
        self.says["responses"].as_object().unwrap()
    }

    fn is_stream(&self) -> bool {
        self.responses().values().any(|answer| answer["content"].get("text/event-stream").is_some())
    }

    fn parameters(&self, place: &str) -> Vec<&Value> {
        let all = self.says.get("parameters").and_then(Value::as_array);
        all.into_iter().flatten().filter(|parameter| parameter["in"] == place).collect()
    }

    /// A parameter in the path stands for another thing on each path, as `id` does.
    fn variable(&self, name: &str) -> String {
        let first = self.path.split('/').nth(1).unwrap_or_default();
        format!("{first}_{name}").replace('-', "_")
    }

    fn variables(&self) -> Vec<(String, String)> {
        let named = |parameter: &&Value| {
            let value = example::of_parameter(self.document, parameter);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            Some((self.variable(parameter["name"].as_str()?), value))
        };
        self.parameters("path").iter().filter_map(named).collect()
    }

    fn url(&self) -> String {
        let mut path = self.path.to_owned();
        for parameter in self.parameters("path") {
            let name = parameter["name"].as_str().unwrap();
            path = path.replace(&format!("{{{name}}}"), &format!("{{{{{}}}}}", self.variable(name)));
        }
        format!("{{{{{}}}}}{path}", self.server)
    }

    fn request(&self) -> Value {
        let query: Vec<Value> = self.parameters("query").iter().map(|parameter| self.query(parameter)).collect();
        let path: Vec<String> = self.url().split('/').skip(1).map(str::to_owned).collect();
        let given: Vec<String> = query
            .iter()
            .filter(|query| query["disabled"] == false)
            .map(|query| format!("{}={}", query["key"].as_str().unwrap(), query["value"].as_str().unwrap()))
            .collect();
        let raw = if given.is_empty() { self.url() } else { format!("{}?{}", self.url(), given.join("&")) };
        let mut request = json!({
            "method": self.method,
            "description": self.says.get("description").or(self.says.get("summary")).cloned().unwrap_or_default(),
            "url": { "raw": raw, "host": [format!("{{{{{}}}}}", self.server)], "path": path, "query": query },
        });
        let body = self.says.get("requestBody").and_then(|body| body["content"].get("application/json"));
        if let Some(body) = body {
            let sample = example::of_media(self.document, body);
            request["header"] = json!([{ "key": "content-type", "value": "application/json" }]);
            request["body"] = json!({ "mode": "raw", "raw": format!("{sample:#}") });
        }
        json!({
            "name": format!("{} {}", self.method, self.path),
            "request": request,
            "event": [{ "listen": "test", "script": { "type": "text/javascript", "exec": self.tests() } }],
        })
    }

    fn query(&self, parameter: &Value) -> Value {
        let value = example::of_parameter(self.document, parameter);
        json!({
            "key": parameter["name"],
            "value": value.as_str().map_or_else(|| value.to_string(), str::to_owned),
            "description": parameter.get("description").cloned().unwrap_or_default(),
            "disabled": parameter["required"] != true,
        })
    }

    fn tests(&self) -> Vec<String> {
        let mut kinds = Map::new();
        for (status, answer) in self.responses() {
            let content = answer.get("content").and_then(Value::as_object);
            let kind: Vec<&String> = content.into_iter().flat_map(Map::keys).collect();
            kinds.insert(status.clone(), json!(kind));
        }
        vec![
            format!("const documented = {};", Value::Object(kinds)),
            "pm.test('the answer is a documented one', () => pm.expect(documented).to.have.property(pm.response.code));".into(),
            "pm.test('it is what it is said to be', () => {".into(),
            "  const kinds = documented[pm.response.code] ?? [];".into(),
            "  const kind = (pm.response.headers.get('content-type') ?? '').split(';')[0];".into(),
            "  if (kinds.length > 0) pm.expect(kinds).to.include(kind);".into(),
            "});".into(),
        ]
    }
}
