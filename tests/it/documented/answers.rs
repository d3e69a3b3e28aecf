//! Answers that the pages show are what the demo answers.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;

use super::pages::{PAGES, blocks};
use crate::support::process::{client, slategate};

/// In a shown answer it stands for anything, in a query for the last such id, at the end of a line for the rest of it.
const ANYTHING: &str = "...";

/// A demo that has said everything. Killed when dropped.
struct Demo {
    _child: Child,
    said: Vec<String>,
}

impl Demo {
    async fn start() -> Self {
        let mut command = slategate(&["demo", "--port", "0"], &[]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = lines(child.stderr.as_mut().unwrap(), "First sync: done").await;
        said.extend(lines(child.stdout.as_mut().unwrap(), "Ctrl-C ends it.").await);
        Self { _child: child, said }
    }

    /// The word after this one at the beginning of a line.
    fn word(&self, after: &str) -> &str {
        self.said.iter().find_map(|line| line.strip_prefix(after)).unwrap().trim()
    }

    async fn ask(&self, query: &str) -> Value {
        let url = self.word("GraphiQL ").replace("/graphiql", "/graphql");
        let request = client().post(url).bearer_auth(self.word("Token ")).json(&json!({ "query": query }));
        request.send().await.unwrap().json().await.unwrap()
    }
}

/// What is said up to the line that ends so.
async fn lines(pipe: impl AsyncRead + Unpin, last: &str) -> Vec<String> {
    let mut lines = BufReader::new(pipe).lines();
    let mut said: Vec<String> = Vec::new();
    while !said.last().is_some_and(|line| line.ends_with(last)) {
        let line = tokio::time::timeout(Duration::from_mins(1), lines.next_line()).await;
        said.push(line.expect("the demo is ready in time").unwrap().expect("the demo goes on"));
    }
    said
}

/// Whether what is shown is what was found; ids that are not written out are noted.
fn fits(shown: &Value, found: &Value, ids: &mut Vec<String>) -> bool {
    match (shown, found) {
        (Value::String(shown), _) if shown == ANYTHING => true,
        (Value::Object(shown), Value::Object(found)) => {
            if let (Some(ANYTHING), Some(id)) = (shown.get("id").and_then(Value::as_str), found.get("id")) {
                ids.extend(id.as_str().map(str::to_owned));
            }
            shown.len() == found.len()
                && shown.iter().all(|(name, shown)| found.get(name).is_some_and(|found| fits(shown, found, ids)))
        }
        (Value::Array(shown), Value::Array(found)) => {
            shown.len() == found.len() && shown.iter().zip(found).all(|(shown, found)| fits(shown, found, ids))
        }
        _ => shown == found,
    }
}

#[tokio::test]
async fn what_the_pages_show_is_what_the_demo_answers() {
    let demo = Demo::start().await;
    let mut compared = 0;
    for (page, text) in PAGES {
        let blocks = blocks(text);
        let mut ids = Vec::new();
        for pair in blocks.windows(2).filter(|pair| pair[1].follows && pair[1].language == "json") {
            // What curl is answered is compared where there is curl.
            if pair[0].language != "graphql" {
                continue;
            }
            let id = ids.last().cloned().unwrap_or_else(|| ANYTHING.to_owned());
            let answer = demo.ask(&pair[0].text.replace(&format!("\"{ANYTHING}\""), &format!("\"{id}\""))).await;
            let shown: Value = serde_json::from_str(&pair[1].text).unwrap();
            assert!(fits(&shown, &answer, &mut ids), "{page} shows {}and the answer is\n{answer:#}", pair[1].text);
            compared += 1;
        }
    }
    assert!(compared >= 7, "{compared} answers");
}

#[tokio::test]
async fn the_demo_prints_what_the_readme_shows() {
    let demo = Demo::start().await;
    let address = demo.word("GraphiQL ").trim_start_matches("http://").trim_end_matches("/graphiql").to_owned();
    let (_, readme) = PAGES[0];
    let shown = blocks(readme).into_iter().find(|block| block.language == "text").unwrap();
    let shown = shown.text.replace("127.0.0.1:8080", &address);
    // In this order, though lines are left out.
    let mut said = demo.said.iter();
    for line in shown.lines().filter(|line| !line.is_empty()) {
        let (begin, _) = line.split_once(ANYTHING).unwrap_or((line, ""));
        let is_it = |said: &String| if begin == line { said == line } else { said.starts_with(begin) };
        assert!(said.any(is_it), "the demo does not say {line:?}, or not there; it said\n{}", demo.said.join("\n"));
    }
}

#[test]
fn what_is_shown_is_taken_at_its_word() {
    let found = json!({ "a": [{ "id": "x", "n": 1 }] });
    let mut ids = Vec::new();
    assert!(fits(&json!({ "a": [{ "id": "...", "n": 1 }] }), &found, &mut ids));
    assert_eq!(ids, ["x"]);
    for wrong in [json!({ "a": [] }), json!({ "a": [{ "id": "x" }] }), json!({ "a": [{ "id": "y", "n": 1 }] })] {
        assert!(!fits(&wrong, &found, &mut ids), "{wrong}");
    }
}
