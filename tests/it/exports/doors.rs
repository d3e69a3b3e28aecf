//! Who may have a file, what may be asked of it, and what an answer says about itself.

use slategate::store::views::Role;

use super::{Answer, Desk};
use crate::on_both_databases;
use crate::support::World;

/// A name, its parameters, and what is said against them.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

const RECIPES: &str = include_str!("../../../docs/analysts.md");

on_both_databases! {
    async fn every_role_may_read_and_nobody_without_one(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        for role in [Role::Viewer, Role::Analyst, Role::Admin] {
            let own = Desk { token: world.token(world.workspace, role).await, served: world.serve().await };
            assert!(!own.csv("accounts", &[]).await.is_empty(), "{role:?}");
        }
        for name in ["accounts.csv", "assets.xlsx", "nothing.csv"] {
            let url = format!("http://{}/exports/{name}", desk.served.address);
            let answer = Answer::to(desk.served.client.get(url)).await;
            let expected = (401, "UNAUTHENTICATED".to_owned(), "a valid bearer token is required".to_owned());
            assert_eq!(answer.refusal(), expected, "{name}");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
    }

    async fn what_cannot_be_had_is_named(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        let no_such = "there is no such export; there are accounts.csv, assets.csv, control-results.csv, \
                       access-reviews/ID.csv, and the same as .xlsx";
        for name in ["nothing.csv", "accounts", "accounts.pdf", "accounts.CSV", "accounts.csv.xlsx", ".csv", "access-reviews.csv", "accounts/1.csv"] {
            let expected = (404, "NOT_FOUND".to_owned(), no_such.to_owned());
            assert_eq!(desk.ask(name, &[]).await.refusal(), expected, "{name}");
        }
        let cases: &[Case] = &[
            ("accounts.csv", &[("first", "5")], "`first` is no parameter of this export; there are filter, orderBy, asOf"),
            ("control-results.csv", &[("orderBy", "{}")], "`orderBy` is no parameter of this export; there are filter, asOf"),
            ("accounts.csv", &[("filter", "{}"), ("filter", "{}")], "the parameter `filter` is given twice"),
            ("accounts.csv", &[("filter", "{")], "the parameter `filter` is not valid JSON"),
            ("accounts.csv", &[("filter", "")], "the parameter `filter` is not valid JSON"),
            ("accounts.xlsx", &[("filter", r#"{"no":1}"#)],
                "Invalid value for argument \"filter\", unknown field \"no\" of type \"AccountFilter\""),
            ("accounts.csv", &[("filter", r#"{"kind":["ROBOT"]}"#)],
                "Invalid value for argument \"filter.kind.0\", enumeration type \"AccountKind\" does not contain the value \"ROBOT\""),
            ("assets.csv", &[("filter", r#"{"hasOwner":"yes"}"#)],
                "Invalid value for argument \"filter.hasOwner\", expected type \"Boolean\""),
            ("accounts.csv", &[("orderBy", r#"{"field":"LOGIN"}"#)],
                "Invalid value for argument \"orderBy\", field \"direction\" of type \"OrderDirection!\" is required but not provided"),
            ("accounts.csv", &[("asOf", "yesterday")], "Invalid value for argument \"asOf\", expected type \"DateTime\""),
            ("accounts.csv", &[("asOf", "")], "Invalid value for argument \"asOf\", expected type \"DateTime\""),
        ];
        for (name, parameters, message) in cases {
            let expected = (400, "BAD_INPUT".to_owned(), (*message).to_owned());
            assert_eq!(desk.ask(name, parameters).await.refusal(), expected, "{parameters:?}");
        }
        for (value, secret) in [("[\"hunter2\"]", "hunter2"), ("\"hunter2\"", "hunter2"), ("7654321", "7654321")] {
            let answer = desk.ask("accounts.csv", &[("filter", value)]).await;
            assert_eq!(answer.refusal().0, 400, "{value}");
            assert!(!answer.text().contains(secret), "{}", answer.text());
        }
        let nul = desk.ask("accounts.csv", &[("filter", "{\"search\":\"a\\u0000\"}")]).await;
        assert!(nul.status == 200 || nul.refusal().0 == 400);
    }

    async fn an_answer_is_a_file_that_nobody_keeps(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        let workbook = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        for (name, kind) in [("assets.csv", "text/csv; charset=utf-8; header=present"), ("assets.xlsx", workbook)] {
            let answer = desk.ask(name, &[]).await;
            assert_eq!((answer.status, answer.header("content-type")), (200, kind));
            assert_eq!(answer.header("content-length"), answer.bytes.len().to_string());
            let file = format!("slategate-assets-{}.{}", world.now().replace(':', "-"), name.rsplit_once('.').unwrap().1);
            assert_eq!(answer.header("content-disposition"), format!("attachment; filename=\"{file}\""));
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
        }
        let url = format!("http://{}/exports/assets.csv", desk.served.address);
        let posted = Answer::to(desk.served.client.post(url).bearer_auth(&desk.token)).await;
        assert_eq!((posted.refusal().0, posted.header("allow")), (405, "GET, HEAD"));
    }

    async fn the_documented_exports_work(database) {
        let world = World::demo(&database).await;
        let desk = Desk::of(&world).await;
        let commands: Vec<String> = RECIPES
            .split("```sh\n")
            .filter_map(|rest| rest.split_once("\n```"))
            .map(|(block, _)| block.replace("\\\n", " "))
            .filter(|block| block.contains("/exports/"))
            .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        assert!(commands.len() >= 3, "{commands:?}");
        for command in commands {
            let name = command.split("/exports/").nth(1).unwrap().split([' ', '\'']).next().unwrap();
            let parameters: Vec<(&str, &str)> = command
                .split("--data-urlencode '")
                .skip(1)
                .map(|rest| rest.split_once('\'').unwrap().0.split_once('=').unwrap())
                .collect();
            let answer = desk.ask(name, &parameters).await;
            assert_eq!(answer.status, 200, "{command}: {}", answer.text());
        }
    }
}
