//! The personnel: one by one, and from CSV.

use serde_json::{Value, json};

use crate::on_both_databases;
use crate::support::World;

async fn import(world: &World, csv: &str) -> Value {
    let query = "mutation($csv: String!) { importPeople(input: { csv: $csv }) { created updated unchanged userErrors { code message field } } }";
    world.ask_with(query, json!({ "csv": csv })).await["importPeople"].take()
}

fn done(created: i32, updated: i32, unchanged: i32) -> Value {
    json!({ "created": created, "updated": updated, "unchanged": unchanged, "userErrors": [] })
}

/// The messages of a refused import, which changed nothing.
async fn refused(world: &World, csv: &str) -> Vec<String> {
    let before = everybody(world).await;
    let answer = import(world, csv).await;
    assert_eq!(everybody(world).await, before);
    assert_eq!((&answer["created"], &answer["updated"], &answer["unchanged"]), (&json!(0), &json!(0), &json!(0)));
    let errors = answer["userErrors"].as_array().unwrap();
    assert!(!errors.is_empty(), "{csv:?} was not refused");
    errors
        .iter()
        .map(|error| {
            assert_eq!((&error["code"], &error["field"]), (&json!("INVALID"), &json!(["input", "csv"])));
            error["message"].as_str().unwrap().to_owned()
        })
        .collect()
}

async fn everybody(world: &World) -> Value {
    let query = "{ people(first: 500) { nodes { email fullName aliases status startsOn endsOn } } }";
    world.ask(query).await["people"]["nodes"].take()
}

on_both_databases! {
    async fn columns_stand_in_any_order_and_rows_may_be_quoted(database) {
        let world = World::new(&database).await;
        let csv = "\u{feff}endsOn,aliases,fullName,status,email,startsOn\r\n\
                   2027-01-31,A@one.example; b@two.example ;,\"Ada \"\"The First\"\" Lovelace\",ACTIVE,ADA@one.org,2020-02-29\r\n\
                   ,,\"Hopper, Grace\",LEFT,grace@one.org,\r\n";
        assert_eq!(import(&world, csv).await, done(2, 0, 0));
        let expected = json!([
            { "email": "ada@one.org", "fullName": "Ada \"The First\" Lovelace", "aliases": ["a@one.example", "b@two.example"],
              "status": "ACTIVE", "startsOn": "2020-02-29", "endsOn": "2027-01-31" },
            { "email": "grace@one.org", "fullName": "Hopper, Grace", "aliases": [], "status": "LEFT", "startsOn": null,
              "endsOn": null },
        ]);
        assert_eq!(everybody(&world).await, expected);
    }

    async fn an_empty_cell_keeps_what_is_there(database) {
        let world = World::new(&database).await;
        import(&world, "email,fullName,status,aliases,startsOn,endsOn\na@x.org,A,LEFT,b@x.org,2020-01-01,2021-01-01\n").await;
        world.tick();
        assert_eq!(import(&world, "email,fullName,status,endsOn\na@x.org,A,,\nc@x.org,C,,\n").await, done(1, 0, 1));
        assert_eq!(import(&world, "email,fullName\nA@X.ORG,Anna\nc@x.org,C").await, done(0, 1, 1));
        let expected = json!([
            { "email": "a@x.org", "fullName": "Anna", "aliases": ["b@x.org"], "status": "LEFT", "startsOn": "2020-01-01",
              "endsOn": "2021-01-01" },
            { "email": "c@x.org", "fullName": "C", "aliases": [], "status": "ACTIVE", "startsOn": null, "endsOn": null },
        ]);
        assert_eq!(everybody(&world).await, expected);
    }

    async fn every_bad_row_is_named_by_its_line(database) {
        let world = World::new(&database).await;
        let csv = "\n\nemail,fullName,status,startsOn,endsOn\n\na@x.org,A,bad,,\n\"b@x.org\",\"B\",,2026-05-05,2026-01-01\n";
        let expected = ["Line 5: status is ACTIVE or LEFT.", "Line 6: The last day lies before the first."];
        assert_eq!(refused(&world, csv).await, expected);
        assert_eq!(refused(&world, &csv.replace('\n', "\r\n")).await, expected);
    }

    async fn the_same_import_again_writes_nothing(database) {
        let world = World::new(&database).await;
        let csv = "email,fullName,aliases\na@x.org,A,z@x.org;y@x.org\nb@x.org,B,\n";
        assert_eq!(import(&world, csv).await, done(2, 0, 0));
        let facts = world.fact_rows().await;
        world.tick();
        assert_eq!(import(&world, csv).await, done(0, 0, 2));
        assert_eq!(world.fact_rows().await, facts);
    }

    async fn all_rows_are_taken_or_none_and_each_bad_one_is_named(database) {
        let world = World::new(&database).await;
        import(&world, "email,fullName,startsOn\nold@x.org,Old,2024-05-01\n").await;
        let csv = "email,fullName,status,startsOn,endsOn,aliases\n\
                   good@x.org,Good,,,,\n\
                   nobody,Bad,,,,\n\
                   blank@x.org, ,,,,\n\
                   gone@x.org,Gone,RETIRED,,,\n\
                   day@x.org,Day,,31.01.2026,,\n\
                   good@X.org,Again,,,,\n\
                   short@x.org,Short\n\
                   \"two\nlines@x.org\",Lines,,,,\n\
                   alias@x.org,Alias,,,,not an address\n";
        let messages = refused(&world, csv).await;
        let lines: Vec<&str> = messages.iter().map(|message| message.split_once(':').unwrap().0).collect();
        let expected = ["Line 3", "Line 4", "Line 5", "Line 6", "Line 7", "Line 8", "Line 9", "Line 11"];
        assert_eq!(lines, expected, "{messages:?}");

        let backwards = "email,fullName,endsOn\nnew@x.org,New,2020-01-01\nold@x.org,Old,2024-04-30\n";
        assert_eq!(refused(&world, backwards).await, ["Line 3: The last day lies before the first."]);
    }

    async fn a_header_must_name_known_columns_once(database) {
        let world = World::new(&database).await;
        assert_eq!(refused(&world, "").await, [
            "The column email is missing from the header.",
            "The column fullName is missing from the header.",
        ]);
        assert_eq!(refused(&world, "email\na@x.org\n").await, ["The column fullName is missing from the header."]);
        let unknown = "\"Email\" is no column. Columns are email, fullName, aliases, status, startsOn, endsOn.";
        assert_eq!(refused(&world, "Email,fullName,email\n").await, [unknown]);
        assert_eq!(refused(&world, "email,fullName,email\n").await, ["The column email stands twice in the header."]);
        assert_eq!(import(&world, "fullName,email\n").await, done(0, 0, 0));
    }

    async fn an_import_judges_accounts_and_assets(database) {
        let world = World::synced(&database, slategate::demo::keys::HARBOUR_READER.public).await;
        let account = world.account("harbourmaster@contoso-harbour.example").await;
        let deprovisioned = "accounts-deprovisioned-when-personnel-leave";
        assert_eq!(world.verdict(&account, deprovisioned).await.0, "UNKNOWN NO_PERSONNEL");
        world.tick();
        import(&world, "email,fullName\nHarbourmaster@contoso-harbour.example,Olga\n").await;
        assert_eq!(world.verdict(&account, deprovisioned).await.0, "PASS PERSON_ACTIVE");
        let pilot = world.account("pilot.one@contoso-harbour.example").await;
        assert_eq!(world.verdict(&pilot, deprovisioned).await.0, "UNKNOWN ACCOUNT_NOT_LINKED");
        let asset = world.asset("berth-plan").await;
        assert_eq!(world.verdict(&asset, "inventory-items-have-owners").await.0, "PASS OWNED");
        world.tick();
        import(&world, "email,fullName,status\nharbourmaster@contoso-harbour.example,Olga,LEFT\n").await;
        assert_eq!(world.verdict(&account, deprovisioned).await.0, "FAIL ACCOUNT_OF_LEAVER");
        assert_eq!(world.verdict(&asset, "inventory-items-have-owners").await.0, "FAIL OWNER_LEFT");
        world.tick();
        import(&world, "email,fullName,aliases\nother@x.org,Other,pilot.one@contoso-harbour.example\n").await;
        assert_eq!(world.verdict(&pilot, deprovisioned).await.0, "PASS PERSON_ACTIVE");
    }

    async fn an_upsert_tells_null_from_absent(database) {
        let world = World::new(&database).await;
        let full = json!({
            "email": " Ada@X.org ", "fullName": " Ada ", "aliases": ["L@x.org", "ada@x.org", "l@x.org"], "status": "LEFT",
            "startsOn": "2020-01-01", "endsOn": "2021-01-01",
        });
        let created = world.upsert_person(full).await["person"].take();
        let id = created["id"].clone();
        let expected = json!({
            "id": id, "email": "ada@x.org", "fullName": "Ada", "aliases": ["l@x.org"], "status": "LEFT",
            "startsOn": "2020-01-01", "endsOn": "2021-01-01",
        });
        assert_eq!(created, expected);
        world.tick();
        let kept = world.upsert_person(json!({ "email": "ada@x.org", "fullName": "Ada" })).await["person"].take();
        assert_eq!(kept, expected);
        assert_eq!(world.count("person_fact").await, 1);
        let nulls = json!({
            "email": "ada@x.org", "fullName": "Ada", "aliases": null, "status": null, "startsOn": null, "endsOn": null,
        });
        let cleared = world.upsert_person(nulls).await["person"].take();
        let expected = json!({
            "id": id, "email": "ada@x.org", "fullName": "Ada", "aliases": [], "status": "ACTIVE", "startsOn": null,
            "endsOn": null,
        });
        assert_eq!(cleared, expected);
    }

    async fn an_upsert_names_the_field_at_fault(database) {
        let world = World::new(&database).await;
        let cases = [
            (json!({ "email": "nobody", "fullName": "A" }), "email"),
            (json!({ "email": "a@x.org", "fullName": " " }), "fullName"),
            (json!({ "email": "a@x.org", "fullName": "A", "aliases": ["x"] }), "aliases"),
            (json!({ "email": "a@x.org", "fullName": "A", "startsOn": "2026-02-01", "endsOn": "2026-01-31" }), "endsOn"),
        ];
        for (input, field) in cases {
            let answer = world.upsert_person(input).await;
            assert_eq!(answer["person"], json!(null));
            assert_eq!(answer["userErrors"][0]["code"], "INVALID");
            assert_eq!(answer["userErrors"][0]["field"], json!(["input", field]));
        }
        assert_eq!(world.count("person").await, 0);
        let day = json!({ "input": { "email": "a@x.org", "fullName": "A", "endsOn": "2026-02-30" } });
        let query = "mutation($input: UpsertPersonInput!) { upsertPerson(input: $input) { person { id } } }";
        let answer = world.query(slategate::store::views::Role::Admin, query, day).await;
        let message = "Invalid value for argument \"input.endsOn\", expected type \"Date\"";
        assert_eq!(answer["errors"][0]["message"], message);
    }
}
