//! Where a person's values come from, imports of everybody, and whose an account may be.

use serde_json::{Value, json};
use slategate::demo::keys::{HARBOUR_READER, READER};
use slategate::store::views::Role;

use crate::on_both_databases;
use crate::support::World;

async fn import(world: &World, input: Value) -> Value {
    let query = "mutation($input: ImportPeopleInput!) { importPeople(input: $input) { created updated unchanged left kept \
                 leavers userErrors { code message remedy } } }";
    world.ask_with(query, json!({ "input": input })).await["importPeople"].take()
}

async fn upsert(world: &World, input: Value) {
    assert_eq!(world.upsert_person(input).await["userErrors"], json!([]));
    world.tick();
}

async fn person(world: &World, email: &str) -> Value {
    let query = "query($search: String) { people(filter: { search: $search }) { nodes { email fullName status startsOn endsOn \
                 aliases sources { field source kept } } } }";
    world.ask_with(query, json!({ "search": email })).await["people"]["nodes"][0].take()
}

fn source(person: &Value, field: &str) -> Value {
    let sources = person["sources"].as_array().unwrap();
    sources
        .iter()
        .find(|source| source["field"] == field)
        .map_or(Value::Null, |source| json!([source["source"], source["kept"]]))
}

fn done(counts: [i32; 5]) -> Value {
    let [created, updated, unchanged, left, kept] = counts;
    json!({ "created": created, "updated": updated, "unchanged": unchanged, "left": left, "kept": kept })
}

fn counts(answer: &Value) -> Value {
    assert_eq!(answer["userErrors"], json!([]));
    json!({ "created": answer["created"], "updated": answer["updated"], "unchanged": answer["unchanged"],
            "left": answer["left"], "kept": answer["kept"] })
}

async fn suggested(world: &World, login: &str) -> Value {
    let query = "query($search: String) { accounts(filter: { search: $search }) { nodes { login suggestedPeople { \
                 person { email } reasons } } } }";
    let mut answer = world.ask_with(query, json!({ "search": login })).await;
    let suggestions = answer["accounts"]["nodes"][0]["suggestedPeople"].take();
    let of = |suggestion: &Value| json!([suggestion["person"]["email"], suggestion["reasons"]]);
    suggestions.as_array().unwrap().iter().map(of).collect()
}

on_both_databases! {
    async fn each_value_says_who_gave_it_last(database) {
        let world = World::new(&database).await;
        upsert(&world, json!({ "email": "ada@x.org", "fullName": "Ada", "endsOn": "2027-01-01" })).await;
        let ada = person(&world, "ada@x.org").await;
        assert_eq!(source(&ada, "FULL_NAME"), json!(["MANUAL", false]));
        assert_eq!(source(&ada, "STATUS"), json!(["MANUAL", false]));
        assert_eq!(source(&ada, "STARTS_ON"), Value::Null);

        let csv = "email,fullName,startsOn,endsOn\nada@x.org,Ada,2020-01-01,2027-06-30\n";
        assert_eq!(counts(&import(&world, json!({ "csv": csv })).await), done([0, 1, 0, 0, 0]));
        world.tick();
        let ada = person(&world, "ada@x.org").await;
        assert_eq!(source(&ada, "FULL_NAME"), json!(["MANUAL", false]), "the import gave the same value");
        assert_eq!(source(&ada, "STARTS_ON"), json!(["IMPORT", false]));
        assert_eq!(source(&ada, "ENDS_ON"), json!(["IMPORT", false]));
        assert_eq!(ada["endsOn"], "2027-06-30", "nobody chose to keep the date");
    }

    async fn what_somebody_chose_to_keep_no_import_changes(database) {
        let world = World::new(&database).await;
        let kept = json!({ "email": "ada@x.org", "fullName": "Ada L.", "keep": ["FULL_NAME", "ENDS_ON"] });
        upsert(&world, kept).await;
        let csv = "email,fullName,aliases,endsOn\nada@x.org,Lovelace,l@x.org,2026-01-31\n";
        assert_eq!(counts(&import(&world, json!({ "csv": csv })).await), done([0, 1, 0, 0, 2]));
        world.tick();
        let ada = person(&world, "ada@x.org").await;
        assert_eq!((&ada["fullName"], &ada["aliases"], &ada["endsOn"]), (&json!("Ada L."), &json!(["l@x.org"]), &Value::Null));
        assert_eq!(source(&ada, "ENDS_ON"), json!(["MANUAL", true]), "that there is no last day is what was kept");

        let facts = world.fact_rows().await;
        assert_eq!(counts(&import(&world, json!({ "csv": csv })).await), done([0, 0, 1, 0, 2]));
        assert_eq!(world.fact_rows().await, facts);

        upsert(&world, json!({ "email": "ada@x.org", "fullName": "Ada K." })).await;
        let ada = person(&world, "ada@x.org").await;
        assert_eq!((&ada["fullName"], source(&ada, "FULL_NAME")), (&json!("Ada K."), json!(["MANUAL", true])));

        upsert(&world, json!({ "email": "ada@x.org", "fullName": "Ada K.", "keep": null })).await;
        assert_eq!(counts(&import(&world, json!({ "csv": csv })).await), done([0, 1, 0, 0, 0]));
        assert_eq!(person(&world, "ada@x.org").await["fullName"], "Lovelace");
    }

    async fn a_dry_run_says_what_would_be_and_does_nothing(database) {
        let world = World::new(&database).await;
        import(&world, json!({ "csv": "email,fullName\na@x.org,A\nb@x.org,B\n" })).await;
        world.tick();
        let (facts, events) = (world.fact_rows().await, world.count("audit_event").await);
        let input = json!({ "csv": "email,fullName\na@x.org,Anna\nc@x.org,C\n", "mode": "FULL", "dryRun": true });
        let answer = import(&world, input.clone()).await;
        assert_eq!(counts(&answer), done([1, 1, 0, 1, 0]));
        assert_eq!(answer["leavers"], json!(["b@x.org"]));
        assert_eq!((world.fact_rows().await, world.count("audit_event").await), (facts, events));

        let mut real = input;
        real["dryRun"] = json!(false);
        assert_eq!(import(&world, real).await, answer);
        let bad = json!({ "csv": "email,fullName\nnobody,A\n", "dryRun": true });
        assert!(import(&world, bad).await["userErrors"][0]["message"].as_str().unwrap().starts_with("Line 2: "));
    }

    async fn who_is_missing_from_everybody_has_left(database) {
        let world = World::synced(&database, HARBOUR_READER.public).await;
        let csv = "email,fullName,status\nharbourmaster@contoso-harbour.example,Olga,\nkept@x.org,Kept,\ngone@x.org,Gone,LEFT\n";
        import(&world, json!({ "csv": csv })).await;
        world.tick();
        upsert(&world, json!({ "email": "kept@x.org", "fullName": "Kept", "keep": ["STATUS"] })).await;
        let account = world.account("harbourmaster@contoso-harbour.example").await;
        let control = "accounts-deprovisioned-when-personnel-leave";
        assert_eq!(world.verdict(&account, control).await.0, "PASS PERSON_ACTIVE");

        let everybody = json!({ "csv": "email,fullName\nnew@x.org,New\n", "mode": "FULL" });
        let answer = import(&world, everybody).await;
        assert_eq!(counts(&answer), done([1, 0, 0, 1, 1]), "who left before is not marked again");
        assert_eq!(answer["leavers"], json!(["harbourmaster@contoso-harbour.example"]));
        assert_eq!(world.verdict(&account, control).await.0, "FAIL ACCOUNT_OF_LEAVER");
        assert_eq!(person(&world, "kept@x.org").await["status"], "ACTIVE");
        assert_eq!(source(&person(&world, "harbourmaster").await, "STATUS"), json!(["IMPORT", false]));

        let nobody = import(&world, json!({ "csv": "email,fullName\n", "mode": "FULL" })).await;
        assert_eq!(nobody["userErrors"][0]["message"], "A full import without rows would mark everybody as left.");
        assert!(nobody["userErrors"][0]["remedy"].is_string());
    }

    async fn an_account_of_nobody_is_told_whose_it_may_be(database) {
        let world = World::synced(&database, READER.public).await;
        let accounts = world.ask("{ accounts(filter: { kind: [USER] }, first: 1) { nodes { id login email displayName } } }").await;
        let account = &accounts["accounts"]["nodes"][0];
        let (login, email) = (account["login"].as_str().unwrap(), account["email"].as_str().unwrap());
        let (local, host) = email.split_once('@').unwrap();
        let name = account["displayName"].as_str().unwrap();
        assert_eq!(suggested(&world, login).await, json!([]));

        let people = [
            (format!("{local}+work@{host}"), "Somebody"),
            (format!("{local}@elsewhere.example"), "Else"),
            ("unrelated@x.org".to_owned(), name),
            (format!("x{local}@{host}"), "Stranger"),
        ];
        for (email, name) in &people {
            upsert(&world, json!({ "email": email, "fullName": name })).await;
        }
        let expected = json!([
            [people[0].0, ["PLUS_ADDRESS"]],
            [people[2].0, ["SAME_NAME"]],
            [people[1].0, ["SAME_LOCAL_PART"]],
        ]);
        assert_eq!(suggested(&world, login).await, expected);

        for owner in ["one@x.org", "two@x.org"] {
            upsert(&world, json!({ "email": owner, "fullName": owner, "aliases": [email] })).await;
        }
        let ambiguous = suggested(&world, login).await;
        assert_eq!((&ambiguous[0][1], &ambiguous[1][1]), (&json!(["SAME_ADDRESS"]), &json!(["SAME_ADDRESS"])));
        assert_eq!(ambiguous.as_array().unwrap().len(), 5);

        let person = world.ask("{ people(filter: { search: \"one@x.org\" }) { nodes { id } } }").await;
        let id = &person["people"]["nodes"][0]["id"];
        world.link_account(json!({ "accountId": account["id"], "personId": id })).await;
        assert_eq!(suggested(&world, login).await, json!([]), "it is linked now");
    }

    async fn suggestions_for_a_page_are_one_statement(database) {
        let world = World::synced(&database, READER.public).await;
        upsert(&world, json!({ "email": "a@x.org", "fullName": "A" })).await;
        let count = async |query: &str| {
            let before = world.statements.load(std::sync::atomic::Ordering::Relaxed);
            world.ask(query).await;
            world.statements.load(std::sync::atomic::Ordering::Relaxed) - before
        };
        let plain = count("{ accounts(first: 25) { nodes { login } } }").await;
        let suggesting = count("{ accounts(first: 25) { nodes { login suggestedPeople { reasons person { email } } } } }").await;
        assert_eq!(suggesting, plain + 1);
    }

    async fn flags_are_asked_for_together_too(database) {
        let world = World::demo(&database).await;
        let with = async |filter: &str| {
            let answer = world.ask(&format!("{{ accounts(filter: {filter}, first: 500) {{ nodes {{ login flags }} }} }}")).await;
            answer["accounts"]["nodes"].as_array().unwrap().clone()
        };
        let has = |node: &Value, flag: &str| node["flags"].as_array().unwrap().contains(&json!(flag));
        let all = with("{}").await;
        let expected: Vec<Value> =
            all.iter().filter(|node| has(node, "PRIVILEGED") && has(node, "UNASSIGNED")).cloned().collect();
        assert!(!expected.is_empty() && expected.len() < all.len());
        assert_eq!(with("{ allFlags: [PRIVILEGED, UNASSIGNED] }").await, expected);
        assert_eq!(with("{ allFlags: [] }").await, all);
    }

    async fn an_import_may_be_long_and_nothing_else_may(database) {
        let world = World::new(&database).await;
        let served = world.serve().await;
        let (analyst, viewer) =
            (world.token(world.workspace, Role::Analyst).await, world.token(world.workspace, Role::Viewer).await);
        let import = "mutation Import($csv: String!) { importPeople(input: { csv: $csv, dryRun: true }) { created } }";
        let rows: Vec<String> = (0..6_000).map(|number| format!("p{number}@people.example,A person of that number")).collect();
        let long = json!({ "csv": format!("email,fullName\n{}", rows.join("\n")) });
        let (status, answer) = served.post(Some(&analyst), import, long.clone()).await;
        assert_eq!((status, &answer["data"]["importPeople"]["created"]), (200, &json!(6_000)));

        assert_eq!(served.post(Some(&viewer), import, long.clone()).await.0, 413);
        let beside = format!("{import} query Q {{ viewer {{ name }} }}");
        for query in ["query($csv: String) { people(filter: { search: $csv }) { totalCount } }", beside.as_str(),
            "mutation($csv: String!) { ...f } fragment f on Mutation { importPeople(input: { csv: $csv }) { created } }",
            "mutation($csv: String!) { importPeople(input: { csv: $csv }) { created } \
             upsertPerson(input: { email: \"a@x.org\", fullName: $csv }) { person { id } } }"] {
            let (status, answer) = served.post(Some(&analyst), query, long.clone()).await;
            assert_eq!((status, &answer["errors"][0]["extensions"]["code"]), (413, &json!("BAD_INPUT")), "{query}");
        }
        let too_long = json!({ "csv": "x".repeat(16 * 1024 * 1024) });
        assert_eq!(served.post(Some(&analyst), import, too_long).await.0, 413);
    }
}
