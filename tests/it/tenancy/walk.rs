//! Thousands of questions made at random from the schema, with ids, cursors and words of both workspaces: no answer holds
//! a byte of the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::json;

use super::{Known, Two, ghost_of, two};
use crate::on_both_databases;
use crate::support::Sdl;
use crate::support::sdl::{Argument, Field};

const QUESTIONS: usize = 2_000;
const DEEPEST: usize = 6;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    fn falls(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// What a walker puts into arguments.
struct Pool {
    ids: Vec<String>,
    cursors: BTreeMap<String, Vec<String>>,
    words: Vec<String>,
    instants: Vec<String>,
}

impl Pool {
    fn of(two: &Two) -> Self {
        let all = |known: &Known| known.ids.values().flatten().cloned().collect::<Vec<_>>();
        let (own, foreign) = (all(&two.own), all(&two.foreign));
        let ghosts = foreign.iter().map(|id| ghost_of(id));
        let ids = own.iter().chain(&foreign).chain(&foreign).cloned().chain(ghosts).collect();
        let mut cursors: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for known in [&two.own, &two.foreign] {
            for (list, some) in &known.cursors {
                cursors.entry(list.clone()).or_default().extend(some.iter().cloned());
            }
        }
        let words = ["zqx", "z", "e", "fleet", "northwind", "ORG_OWNER", "M30", "AWS", "EU_WEST_1", "SOC 2"];
        let keys = slategate::controls::ALL.iter().map(|control| control.key);
        let actors = (1..6).map(|number| format!("token:{number}")).chain(["zqx7-actor".to_owned(), "test".to_owned()]);
        let words = words.into_iter().chain(keys).map(str::to_owned).chain(actors).collect();
        let instants = ["2026-11-02T09:00:03Z", "2026-11-02T09:30:00Z", "2026-11-02T10:30:00Z", "2020-01-01T00:00:00Z"];
        Self { ids, cursors, words, instants: instants.map(str::to_owned).to_vec() }
    }
}

struct Walker<'a> {
    sdl: &'a Sdl,
    pool: &'a Pool,
    dice: Dice,
    /// Names of the answer that were given in this question.
    aliases: usize,
    seen: BTreeSet<String>,
}

impl Walker<'_> {
    fn question(&mut self) -> String {
        self.aliases = 0;
        let roots = 1 + self.dice.below(3);
        let fields: Vec<&Field> = self.sdl.fields("Query").iter().collect();
        let mut parts = Vec::new();
        for _ in 0..roots {
            let field = *self.dice.pick(&fields);
            parts.push(self.field("Query", field, DEEPEST, true));
        }
        format!("{{ {} }}", parts.join(" "))
    }

    fn field(&mut self, of: &str, field: &Field, depth: usize, named: bool) -> String {
        self.seen.insert(format!("{of}.{}", field.name));
        let arguments = self.arguments(field);
        let mut text = String::new();
        if named || !arguments.is_empty() {
            self.aliases += 1;
            write!(text, "a{}: ", self.aliases).unwrap();
        }
        text.push_str(&field.name);
        if !arguments.is_empty() {
            write!(text, "({})", arguments.join(", ")).unwrap();
        }
        if !self.sdl.is_leaf(&field.shape.name) {
            write!(text, " {}", self.selection(&field.shape.name, depth - 1)).unwrap();
        }
        text
    }

    fn selection(&mut self, name: &str, depth: usize) -> String {
        let members = self.sdl.members(name).to_vec();
        let mut parts = vec!["__typename".to_owned()];
        if members.is_empty() {
            let of_leaves = |field: &&Field| depth > 0 || self.sdl.is_leaf(&field.shape.name);
            let fields: Vec<&Field> = self.sdl.fields(name).iter().filter(of_leaves).collect();
            let mut taken = BTreeSet::new();
            for _ in 0..if fields.is_empty() { 0 } else { 1 + self.dice.below(5) } {
                let field = self.pick_field(name, &fields);
                if self.aliases < 40 && taken.insert(field.name.clone()) {
                    parts.push(self.field(name, field, depth, false));
                }
            }
        } else {
            for member in members {
                if depth > 0 && self.dice.falls(60) && self.aliases < 30 {
                    let fields: Vec<&Field> = self.sdl.fields(&member).iter().collect();
                    let field = self.pick_field(&member, &fields);
                    // Types of one interface spell fields alike that are not.
                    let field = self.field(&member, field, depth, true);
                    parts.push(format!("... on {member} {{ {field} }}"));
                }
            }
        }
        format!("{{ {} }}", parts.join(" "))
    }

    /// Half of the time one that was never asked, if there is one.
    fn pick_field<'f>(&mut self, of: &str, fields: &[&'f Field]) -> &'f Field {
        let is_new = |field: &&Field| !self.seen.contains(&format!("{of}.{}", field.name));
        let new: Vec<&Field> = fields.iter().copied().filter(is_new).collect();
        let from: &[&Field] = if new.is_empty() || self.dice.falls(50) { fields } else { &new };
        from[self.dice.below(from.len())]
    }

    fn arguments(&mut self, field: &Field) -> Vec<String> {
        let is_page = field.arguments.iter().any(|argument| argument.name == "first");
        let backward = is_page && self.dice.falls(25);
        let mut given = Vec::new();
        for argument in &field.arguments {
            let value = match argument.name.as_str() {
                "first" if is_page => (!backward).then(|| (1 + self.dice.below(3)).to_string()),
                "last" if is_page => backward.then(|| (1 + self.dice.below(3)).to_string()),
                "after" | "before" if is_page => self.dice.falls(20).then(|| self.cursor(&field.name)),
                "filter" if is_page => self.dice.falls(60).then(|| self.value(argument, 2)),
                _ => (argument.shape.is_required || self.dice.falls(30)).then(|| self.value(argument, 2)),
            };
            given.extend(value.map(|value| format!("{}: {value}", argument.name)));
        }
        given
    }

    fn cursor(&mut self, list: &str) -> String {
        let lists: Vec<&Vec<String>> = self.pool.cursors.values().collect();
        let of = self.pool.cursors.get(list).filter(|_| self.dice.falls(90));
        let of = of.unwrap_or_else(|| *self.dice.pick(&lists));
        json!(self.dice.pick(of.as_slice())).to_string()
    }

    fn value(&mut self, argument: &Argument, depth: usize) -> String {
        if argument.shape.is_list {
            let items: Vec<String> = (0..=self.dice.below(2)).map(|_| self.one(argument, depth)).collect();
            return format!("[{}]", items.join(", "));
        }
        self.one(argument, depth)
    }

    fn one(&mut self, argument: &Argument, depth: usize) -> String {
        let name = argument.shape.name.as_str();
        if let Some(words) = self.sdl.words(name) {
            return self.dice.pick(words).clone();
        }
        if let Some(inputs) = self.sdl.inputs(name) {
            let mut fields = Vec::new();
            for input in inputs {
                if input.shape.is_required || (depth > 0 && self.dice.falls(20)) {
                    fields.push(format!("{}: {}", input.name, self.value(input, depth - 1)));
                }
            }
            return format!("{{ {} }}", fields.join(", "));
        }
        match name {
            "ID" => json!(self.dice.pick(&self.pool.ids)).to_string(),
            "String" => json!(self.dice.pick(&self.pool.words)).to_string(),
            "Int" => self.dice.below(4).to_string(),
            "Boolean" => self.dice.falls(50).to_string(),
            "DateTime" => json!(self.dice.pick(&self.pool.instants)).to_string(),
            other => panic!("no value of {other} is known"),
        }
    }
}

on_both_databases! {
    async fn no_question_gets_a_byte_of_another_workspace(database) {
        let two = two(&database).await;
        let (sdl, pool) = (Sdl::served(), Pool::of(&two));
        let mut walker =
            Walker { sdl: &sdl, pool: &pool, dice: Dice(0x5EED_0F51_A7E6), aliases: 0, seen: BTreeSet::new() };
        let before = two.world.fact_rows_of(two.other_id).await;
        let (mut answered, mut told_the_other) = (0, 0);
        let mut refusals: BTreeMap<String, usize> = BTreeMap::new();
        for number in 0..QUESTIONS {
            let question = walker.question();
            let (_, answer) = two.ask(&two.caller, &question, json!({})).await;
            assert_eq!(two.leaks(&answer), None, "{number}: {question}\n{answer}");
            if answer.contains("\"errors\"") {
                let code = answer.split("\"code\":\"").nth(1).and_then(|rest| rest.split('"').next());
                *refusals.entry(code.unwrap_or_default().to_owned()).or_default() += 1;
            } else {
                answered += 1;
            }
            // The same questions by the other's own administrator show that they would find something.
            if number % 20 == 0 {
                let (_, answer) = two.ask(&two.other, &question, json!({})).await;
                told_the_other += usize::from(two.leaks(&answer).is_some());
            }
        }
        println!("{answered} of {QUESTIONS} answered, {} fields; refused: {refusals:?}", walker.seen.len());
        println!("{told_the_other} of {} told the other workspace's own administrator something", QUESTIONS / 20);
        assert!(answered > QUESTIONS / 2, "{refusals:?}");
        assert!(told_the_other > QUESTIONS / 20 / 4, "{told_the_other}");
        let only_refused: Vec<_> = refusals.keys().filter(|code| *code != "BAD_INPUT").collect();
        assert!(only_refused.is_empty(), "{refusals:?}");
        for (name, fields) in sdl.objects() {
            let by_others = name.ends_with("Payload") || ["Mutation", "Subscription", "ControlChange", "UserError"].contains(&name);
            for field in fields.iter().filter(|_| !by_others) {
                assert!(walker.seen.contains(&format!("{name}.{}", field.name)), "{name}.{} was never asked", field.name);
            }
        }
        assert_eq!(two.world.fact_rows_of(two.other_id).await, before);
    }
}
