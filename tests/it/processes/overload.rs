//! Ten times as many requests as can be answered: what is beyond is turned away, and nothing else suffers.
//!
//! `SLATEGATE_TEST_LONG=1` holds the load for a minute instead of some seconds, and demands four fifths of the usual
//! throughput. A short run, beside other tests, cannot tell slow from busy and demands a tenth.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::JoinSet;

use super::{atlas, connect, is_long, settings};
use crate::on_both_databases;
use crate::support::Process;
use crate::support::process::{client, eventually};

/// As many as run at a time with the usual settings.
const CAPACITY: u32 = 8;
/// More than run and wait.
const CROWD: u32 = 800;
const QUERY: &str = "{ assets(first: 50) { totalCount nodes { name project { name } } } }";
/// What the process may take in memory.
const MOST_MEMORY: u64 = 512 * 1024 * 1024;

#[derive(Default)]
struct Answers {
    good: AtomicU64,
    shed: AtomicU64,
    odd: AtomicU64,
    /// The slowest good one, in milliseconds.
    slowest: AtomicU64,
}

/// Asks from so many clients, each token by turns. Whoever is turned away rests and comes again, whatever it is told.
async fn load(server: &Process, tokens: &[String], clients: u32, rest: Duration, lasting: Duration) -> Answers {
    let (answers, http) = (Arc::new(Answers::default()), client());
    let mut asking = JoinSet::new();
    for number in 0..clients {
        let (answers, http, url) = (Arc::clone(&answers), http.clone(), server.url("/graphql"));
        let (token, end) = (tokens[number as usize % tokens.len()].clone(), Instant::now() + lasting);
        asking.spawn(async move {
            while Instant::now() < end {
                let begun = Instant::now();
                let Ok(answer) = http.post(&url).bearer_auth(&token).json(&json!({ "query": QUERY })).send().await
                else {
                    answers.odd.fetch_add(1, Ordering::Relaxed);
                    continue;
                };
                let (status, says_when) = (answer.status().as_u16(), answer.headers().contains_key("retry-after"));
                let body = answer.bytes().await.unwrap_or_default();
                match status {
                    200 if body.starts_with(b"{\"data\":{\"assets\"") => {
                        answers.good.fetch_add(1, Ordering::Relaxed);
                        let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
                        answers.slowest.fetch_max(took, Ordering::Relaxed);
                    }
                    429 | 503 if says_when => {
                        answers.shed.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(rest).await;
                    }
                    _ => {
                        answers.odd.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
    }
    asking.join_all().await;
    Arc::into_inner(answers).unwrap()
}

fn per_second(count: &AtomicU64, lasting: Duration) -> u64 {
    count.load(Ordering::Relaxed) * 1_000 / u64::try_from(lasting.as_millis()).unwrap()
}

on_both_databases! {
    async fn a_crowd_is_turned_away_and_the_rest_goes_on(database) {
        let (_simulator, _proxy, base_url) = atlas().await;
        let mut settings = settings(&database);
        settings.push(base_url);
        // Everybody asks the same: from memory an answer would cost less than turning somebody away.
        settings.push(("SLATEGATE_READ_MODEL_MIB", "0".to_owned()));
        let server = Process::serve(&settings).await;
        let admin = Process::token(&settings, "admin").await;
        let mut tokens = Vec::new();
        for _ in 0..4 {
            tokens.push(Process::token(&settings, "viewer").await);
        }
        connect(&server, &admin).await;
        let synced = || async {
            let (_, answer) = server.post(&client(), &admin, "{ syncRuns { nodes { status } } }", json!({})).await.unwrap();
            answer["data"]["syncRuns"]["nodes"][0]["status"] == "SUCCEEDED"
        };
        assert!(eventually(Duration::from_mins(1), synced).await.is_ok(), "{}", server.log());

        let lasting = Duration::from_secs(if is_long() { 60 } else { 4 });
        let calm = load(&server, &tokens, CAPACITY, Duration::ZERO, lasting / 2).await;
        let usual = per_second(&calm.good, lasting / 2);

        // A sync is asked for while everybody wants something.
        let sync = async {
            tokio::time::sleep(lasting / 8).await;
            let http = client();
            let (_, answer) = server.post(&http, &admin, "{ integrations { nodes { id } } }", json!({})).await.unwrap();
            let id = &answer["data"]["integrations"]["nodes"][0]["id"];
            let ask = "mutation($id: ID!) { syncIntegration(input: { integrationId: $id }) { userErrors { code } } }";
            let (_, answer) = server.post(&http, &admin, ask, json!({ "id": id })).await.unwrap();
            assert_eq!(answer["data"]["syncIntegration"]["userErrors"], json!([]), "{answer}");
            let asked = Instant::now();
            let twice = || async {
                let query = "{ syncRuns(filter: { status: [SUCCEEDED] }) { totalCount } }";
                let (_, answer) = server.post(&client(), &admin, query, json!({})).await.unwrap();
                answer["data"]["syncRuns"]["totalCount"] == 2
            };
            assert!(eventually(lasting + Duration::from_secs(10), twice).await.is_ok(), "the sync got no slot");
            asked.elapsed()
        };
        // So that ten times as many requests come as were answered.
        let rest = Duration::from_secs_f64(f64::from(CROWD) / (10.0 * f64::from(u32::try_from(usual.max(1)).unwrap())));
        let (crowd, sync_took) = tokio::join!(load(&server, &tokens, CROWD, rest, lasting), sync);
        let kept = per_second(&crowd.good, lasting);
        let memory = server.memory();
        let recovering = Instant::now();
        let answers = || async { server.post(&client(), &admin, QUERY, json!({})).await.is_ok_and(|(status, _)| status == 200) };
        assert!(eventually(Duration::from_secs(5), answers).await.is_ok(), "it does not recover");
        let recovered = recovering.elapsed();
        println!(
            "{usual} answers a second in calm, {kept} under load ({} turned away, slowest good one {} ms); sync {sync_took:?}; \
             memory at most {} MiB; recovered after {recovered:?}",
            crowd.shed.load(Ordering::Relaxed),
            crowd.slowest.load(Ordering::Relaxed),
            memory >> 20,
        );
        assert_eq!(crowd.odd.load(Ordering::Relaxed), 0, "{}", server.log());
        assert!(crowd.shed.load(Ordering::Relaxed) > 0, "nothing was turned away");
        let demanded = if is_long() { usual * 4 / 5 } else { usual / 10 };
        assert!(kept >= demanded, "{kept} answers a second instead of {usual}");
        assert!(memory <= MOST_MEMORY, "{memory} bytes of memory");
    }
}
