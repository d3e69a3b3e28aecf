//! The chaos itself.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::checker::{Record, all_away};
use super::clients::Clients;
use super::faults::{Limit, Tally, restart, torment};
use super::stage::{Away, Stage};
use super::{EVERY_TWO_SECONDS, LATEST, now};
use crate::support::{Chance, Database, OwnPostgres, is_long, text};

/// A killed server is there again, and one that was paused goes on, within so long of its start.
const GOES_ON: Duration = Duration::from_secs(1);

fn limit(seconds: u64) -> Limit {
    if is_long() { Limit::Kills(200) } else { Limit::Until(Instant::now() + Duration::from_secs(seconds)) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_servers_and_a_postgres_that_comes_and_goes() {
    if Database::postgres_is_left_out() {
        return;
    }
    let mut server = OwnPostgres::start().await;
    let database = Database::postgres_at(server.url()).await;
    let stage = Stage::set(database, 4, 3, EVERY_TWO_SECONDS).await;
    let mut chance = Chance::new();
    let clients = Clients::of(&stage);
    let (stop, tally) = (CancellationToken::new(), Mutex::new(Tally::default()));
    let limit = limit(50);
    let (here, there) = stage.servers.split_at(2);
    let dice: [Chance; 8] = std::array::from_fn(|_| chance.fork());
    let [first, second, third, one, two, three, four, five] = dice;
    // Each half has one server in trouble at most, so two live at any time.
    let faults = async {
        tokio::join!(
            torment(&stage, here, first, limit, &tally),
            torment(&stage, there, second, limit, &tally),
            restart(&mut server, third, limit, &tally),
        );
    };
    let ending = async {
        faults.await;
        stage.synced_since(now(), Duration::from_secs(40)).await;
        stop.cancel();
    };
    tokio::join!(
        ending,
        clients.read(one, &stop),
        clients.read(two, &stop),
        clients.read(three, &stop),
        clients.write(0, four, &stop),
        clients.write(1, five, &stop),
    );
    let tally = tally.into_inner().unwrap();
    let away = tally.away.clone();
    let path = url::Url::parse(&stage.database.url).unwrap().path().trim_start_matches('/').to_owned();
    judge(&stage, clients.notes.into_inner().unwrap(), tally, away).await;
    assert_eq!(server.damage(&path), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_on_sqlite() {
    let stage = Stage::set(Database::sqlite(), 1, 3, EVERY_TWO_SECONDS).await;
    let mut chance = Chance::new();
    let clients = Clients::of(&stage);
    let (stop, tally) = (CancellationToken::new(), Mutex::new(Tally::default()));
    let [one, two, three] = std::array::from_fn(|_| chance.fork());
    let ending = async {
        torment(&stage, &stage.servers, chance.fork(), limit(35), &tally).await;
        stage.synced_since(now(), Duration::from_secs(40)).await;
        stop.cancel();
    };
    tokio::join!(ending, clients.read(one, &stop), clients.read(two, &stop), clients.write(0, three, &stop));
    let servers: Vec<_> = stage.servers.iter().map(super::stage::Server::away).collect();
    let away = all_away(&servers, GOES_ON);
    let history = super::history::History::of(&stage.database).await;
    judge(&stage, clients.notes.into_inner().unwrap(), tally.into_inner().unwrap(), away).await;
    assert_eq!(history.damage().await, Vec::<String>::new());
}

/// Ends the servers, and finds nothing that may not be.
async fn judge(stage: &Stage, notes: super::clients::Notes, tally: Tally, away: Vec<Away>) {
    tell_stories(stage).await;
    for server in &stage.servers {
        server.end().await;
    }
    let record = Record {
        changes: stage.history.changes().await,
        runs: stage.history.runs().await,
        generations: stage.atlas.generations(),
        people: stage.history.people().await.into_iter().collect(),
        notes,
        away,
    };
    let verdict = record.check(LATEST);
    let turned_away: i32 = record.runs.iter().map(|run| run.turned_away).sum();
    println!(
        "{} kills, {} pauses, {} stops, {} restarts of the database; {} claims, {} of them taken over; {} commits, {turned_away} \
         turned away; {} answers read, {} edits and {} people confirmed, {} requests unanswered; late by {:?} at worst",
        tally.kills,
        tally.pauses,
        tally.stops,
        tally.restarts,
        verdict.claims,
        verdict.taken_over,
        verdict.commits,
        record.notes.answers.len(),
        record.notes.described.len(),
        record.notes.hired.len(),
        record.notes.unanswered,
        verdict.worst_lateness,
    );
    if !verdict.wrong.is_empty() {
        println!("the database was away {:?}", tally.away);
        for server in &stage.servers {
            println!("{}", server.troubles().await);
        }
    }
    assert!(verdict.wrong.is_empty(), "{:#?}", verdict.wrong);
    assert!(tally.kills > 3 && tally.pauses > 1 && tally.stops > 0 && verdict.taken_over > 2, "too little happened");
    assert!(record.notes.answers.len() > 50 && record.notes.described.len() > 5 && record.notes.hired.len() > 5);
}

/// Prints what the runs tell a person, with `#` for each number.
async fn tell_stories(stage: &Stage) {
    let answer = stage.servers[0].ask(&stage.admin, "{ syncRuns(first: 500) { nodes { summary } } }", json!({})).await;
    let mut stories: BTreeMap<String, u32> = BTreeMap::new();
    for run in answer["syncRuns"]["nodes"].as_array().unwrap() {
        *stories.entry(text(&run["summary"]).replace(|sign: char| sign.is_ascii_digit(), "#")).or_default() += 1;
    }
    for (story, count) in stories {
        println!("{count:4} x {story}");
    }
}
