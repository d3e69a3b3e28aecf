use super::*;
use crate::store::StoreOptions;

const DAY: TimeDelta = TimeDelta::days(1);

fn actor(workspace: i64) -> Actor {
    Actor { workspace, key: "cli".to_owned(), name: "cli".to_owned(), request_id: None }
}

fn new(role: Role, ttl_days: u16) -> NewToken<'static> {
    NewToken { name: "ci", role, person: None, ttl_days }
}

struct Door {
    folder: tempfile::TempDir,
    store: Store,
    clock: Clock,
    tasks: TaskTracker,
    guard: Authenticator,
    workspace: i64,
}

impl Door {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::manual(Instant::UNIX_EPOCH + DAY);
        let store = Store::connect(StoreOptions {
            url: format!("sqlite://{}", folder.path().join("test.db").display()),
            freshness: DAY,
            dormant_after: DAY,
            clock: clock.clone(),
            connections: 2,
            lease: std::time::Duration::from_secs(30),
        })
        .await
        .unwrap();
        store.migrate().await.unwrap();
        let workspace = store.ensure_default_workspace().await.unwrap();
        let tasks = TaskTracker::new();
        let guard = Authenticator::new(store.clone(), clock.clone(), tasks.clone(), None);
        Self { folder, store, clock, tasks, guard, workspace }
    }

    async fn issue(&self, ttl_days: u16) -> Token {
        issue(&self.store, &actor(self.workspace), new(Role::Analyst, ttl_days), self.clock.now()).await.unwrap().1
    }

    async fn lets_in(&self, token: &Token) -> bool {
        self.guard.authenticate(token.expose()).await.unwrap().is_some()
    }

    /// Waits for the notes of last use, then reads the first token's.
    async fn last_use(&self) -> Option<Instant> {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
        self.store.tokens(self.workspace).await.unwrap()[0].last_used_at
    }
}

#[tokio::test]
async fn a_token_names_its_caller() {
    let door = Door::open().await;
    let token = door.issue(90).await;
    let caller = door.guard.authenticate(token.expose()).await.unwrap().unwrap();
    assert_eq!(
        (caller.workspace, caller.workspace_name.as_str(), caller.name.as_str(), caller.role),
        (door.workspace, "default", "ci", Role::Analyst)
    );
}

#[tokio::test]
async fn unknown_expired_and_malformed_tokens_answer_alike() {
    let door = Door::open().await;
    let expired = door.issue(1).await;
    door.clock.advance(DAY);
    assert!(!door.lets_in(&expired).await);
    assert!(!door.lets_in(&Token::generate().unwrap()).await);
    assert!(door.guard.authenticate("Bearer nonsense").await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_opens_until_the_instant_it_expires() {
    let door = Door::open().await;
    let token = door.issue(1).await;
    door.clock.advance(DAY - TimeDelta::microseconds(1));
    assert!(door.lets_in(&token).await);
    door.clock.advance(TimeDelta::microseconds(1));
    assert!(!door.lets_in(&token).await);
}

#[tokio::test]
async fn a_revoked_token_is_refused_after_five_seconds_at_most() {
    let door = Door::open().await;
    let token = door.issue(90).await;
    assert!(door.lets_in(&token).await);
    let id = door.store.tokens(door.workspace).await.unwrap()[0].id;
    assert!(!revoke(&door.store, &actor(door.workspace + 1), id, door.clock.now()).await.unwrap());
    assert!(revoke(&door.store, &actor(door.workspace), id, door.clock.now()).await.unwrap());
    assert!(!revoke(&door.store, &actor(door.workspace), id, door.clock.now()).await.unwrap());
    door.clock.advance(cache::REMEMBERED_FOR);
    assert!(!door.lets_in(&token).await);
}

#[tokio::test]
async fn last_use_is_noted_at_most_once_a_minute() {
    let door = Door::open().await;
    let token = door.issue(90).await;
    assert_eq!(door.last_use().await, None);

    let first = door.clock.now();
    assert!(door.lets_in(&token).await);
    assert_eq!(door.last_use().await, Some(first));

    door.clock.advance(TimeDelta::seconds(59));
    assert!(door.lets_in(&token).await);
    assert_eq!(door.last_use().await, Some(first));

    door.clock.advance(TimeDelta::seconds(6));
    assert!(door.lets_in(&token).await);
    assert_eq!(door.last_use().await, Some(first + TimeDelta::seconds(65)));
}

#[tokio::test]
async fn the_database_never_sees_the_token() {
    let door = Door::open().await;
    let token = door.issue(90).await;
    door.store.close().await.unwrap();
    let files = std::fs::read_dir(door.folder.path()).unwrap();
    for file in files.map(|entry| std::fs::read(entry.unwrap().path()).unwrap()) {
        assert!(!file.windows(token.expose().len()).any(|window| window == token.expose().as_bytes()));
    }
}

#[tokio::test]
async fn a_token_lives_a_year_at_most() {
    let door = Door::open().await;
    for days in [0, 366] {
        let refused = issue(&door.store, &actor(door.workspace), new(Role::Viewer, days), door.clock.now()).await;
        assert!(matches!(refused, Err(IssueError::Lifetime(told)) if told == days));
    }
    assert!(door.store.tokens(door.workspace).await.unwrap().is_empty());
}
