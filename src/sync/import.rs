//! Importing people from CSV text: all rows or none.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use csv::StringRecord;

use super::engine::{Edit, Engine, ImportOptions, Imported, Patch, PersonEdit};
use super::judge::{Subjects, rejudge};
use super::merge::{Merged, addresses, check, leave, merge, normal};
use super::refusal::{Refusal, RefusalCode};
use crate::domain::{EmploymentStatus, Person, PersonField, ValueSource};
use crate::store::audit::{Actor, AuditAction, AuditEntry};
use crate::store::write::{StoredPerson, Touched};
use crate::store::{StoreError, Writer};

const MOST_ROWS: usize = 50_000;
const COLUMNS: [&str; 6] = ["email", "fullName", "aliases", "status", "startsOn", "endsOn"];
/// Beyond so many changed people everybody is judged again at once.
const FEW: usize = 100;
/// Who is marked as left is named up to this many.
const MOST_LEAVERS: usize = 100;
/// Bad rows are named up to this many.
const MOST_REFUSALS: usize = 100;

/// What an import is to write.
#[derive(Default)]
struct Plan {
    imported: Imported,
    puts: Vec<(Option<i64>, Person)>,
    /// Every address that was or becomes one of a changed person.
    affected: Vec<String>,
}

impl Engine {
    /// Creates and changes people by e-mail address, as [`Engine::upsert_person`] would, all or none.
    pub async fn import_people(&self, by: &Actor, csv: &str, options: ImportOptions) -> Edit<Imported> {
        let edits = match parse(csv) {
            Ok(edits) if options.is_full && edits.is_empty() => {
                let message = "A full import without rows would mark everybody as left.";
                return Ok(Err(vec![refused(message).remedy("Send every person's row, or leave the mode out.")]));
            }
            Ok(edits) => edits,
            Err(refusals) => return Ok(Err(refusals)),
        };
        let writer = self.store.writer(by.workspace).await?;
        let stored = known(&writer, &edits, options.is_full).await?;
        let plan = match plan(stored, edits, options.is_full) {
            Ok(plan) => plan,
            Err(refusals) => return Ok(Err(refusals)),
        };
        if plan.puts.is_empty() || options.is_dry_run {
            writer.undo().await?;
            return Ok(Ok(plan.imported));
        }
        let is_first = writer.count_people().await? == 0;
        let many = plan.puts.len() > FEW || is_first;
        let ids = self.put_people(&writer, plan.puts).await?;
        let subjects = if many {
            Subjects::All
        } else {
            let (assets, accounts) = writer.subjects_of(&ids, &plan.affected).await?;
            Subjects::These(Touched { assets, accounts })
        };
        rejudge(&self.store, &writer, &self.policy, subjects).await?;
        let entry = AuditEntry::done(AuditAction::ImportPeople)
            .change("created", None, Some(plan.imported.created.to_string()))
            .change("updated", None, Some(plan.imported.updated.to_string()))
            .change("left", None, Some(plan.imported.left.to_string()));
        writer.audit(by, entry).await?;
        writer.commit().await?;
        Ok(Ok(plan.imported))
    }
}

/// Today's people by e-mail address: everybody, or those whom rows speak of.
async fn known(
    writer: &Writer,
    edits: &[(u64, PersonEdit)],
    everybody: bool,
) -> Result<HashMap<String, StoredPerson>, StoreError> {
    if everybody {
        let people = writer.people(None).await?;
        return Ok(people.into_iter().map(|stored| (stored.person.email.clone(), stored)).collect());
    }
    let emails: Vec<String> = edits.iter().map(|(_, edit)| normal(&edit.email)).collect();
    writer.people_by_email(&emails).await
}

fn plan(
    mut known: HashMap<String, StoredPerson>,
    edits: Vec<(u64, PersonEdit)>,
    is_full: bool,
) -> Result<Plan, Vec<Refusal>> {
    let (mut plan, mut refusals) = (Plan::default(), Vec::new());
    for (line, edit) in edits {
        let before = known.remove(&normal(&edit.email));
        match merge(before.as_ref().map(|stored| &stored.person), edit, ValueSource::Import) {
            Err(refusal) => refusals.push(at_line(line, refusal)),
            Ok(merged) => match before {
                None => {
                    plan.imported.created += 1;
                    plan.put(None, merged);
                }
                Some(stored) if stored.person == merged.person => {
                    plan.imported.unchanged += 1;
                    plan.imported.kept += merged.given_way;
                }
                Some(stored) => {
                    plan.imported.updated += 1;
                    plan.put(Some(stored), merged);
                }
            },
        }
    }
    if is_full {
        let mut missing: Vec<StoredPerson> = known.into_values().filter(|stored| may_leave(&stored.person)).collect();
        missing.sort_by(|one, other| one.person.email.cmp(&other.person.email));
        plan.leave(missing);
    }
    if refusals.is_empty() { Ok(plan) } else { Err(refusals) }
}

/// Whom SCIM speaks for, SCIM says of whether they work here.
fn may_leave(person: &Person) -> bool {
    let source = person.sources.get(&PersonField::Status).map(|provenance| provenance.source);
    person.status == EmploymentStatus::Active && source != Some(ValueSource::Scim)
}

impl Plan {
    fn put(&mut self, before: Option<StoredPerson>, merged: Merged) {
        self.imported.kept += merged.given_way;
        self.affected.extend(before.iter().flat_map(|stored| addresses(&stored.person)));
        self.affected.extend(addresses(&merged.person));
        self.puts.push((before.map(|stored| stored.id), merged.person));
    }

    fn leave(&mut self, missing: Vec<StoredPerson>) {
        for stored in missing {
            let merged = leave(&stored.person, ValueSource::Import);
            if merged.given_way > 0 {
                self.imported.kept += merged.given_way;
                continue;
            }
            self.imported.left += 1;
            if self.imported.leavers.len() < MOST_LEAVERS {
                self.imported.leavers.push(stored.person.email.clone());
            }
            self.put(Some(stored), merged);
        }
    }
}

/// Rows as edits with their line numbers, or every bad row.
fn parse(csv: &str) -> Result<Vec<(u64, PersonEdit)>, Vec<Refusal>> {
    // The reader begins a record before the line feed of a CR LF, and before blank lines.
    let text = csv.strip_prefix('\u{feff}').unwrap_or(csv).replace("\r\n", "\n");
    let mut reader = csv::ReaderBuilder::new().has_headers(true).flexible(true).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|_| vec![refused("The text is not CSV.")])?.clone();
    let columns = columns(&headers)?;
    let (mut edits, mut refusals) = (Vec::new(), Vec::new());
    let mut seen: HashSet<String> = HashSet::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(0, |position| line_of(&text, position));
                refusals.push(at_line(line, refused("The row is not CSV.")));
                break;
            }
        };
        let line = record.position().map_or(0, |position| line_of(&text, position));
        if edits.len() >= MOST_ROWS {
            refusals.push(refused(&format!("An import has at most {MOST_ROWS} rows.")));
            break;
        }
        match row(&record, headers.len(), &columns) {
            Ok(edit) if !seen.insert(normal(&edit.email)) => {
                refusals.push(at_line(line, refused("The e-mail address stands in an earlier row already.")));
            }
            Ok(edit) => {
                refusals.extend(check(&edit).into_iter().map(|refusal| at_line(line, refusal)));
                edits.push((line, edit));
            }
            Err(refusal) => refusals.push(at_line(line, refusal)),
        }
        if refusals.len() >= MOST_REFUSALS {
            break;
        }
    }
    if refusals.is_empty() { Ok(edits) } else { Err(refusals) }
}

/// The line, from 1, that the record after `position` begins on.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| **byte == b'\n').count();
    position.line() + u64::try_from(blank).unwrap_or(u64::MAX)
}

fn columns(headers: &StringRecord) -> Result<HashMap<&'static str, usize>, Vec<Refusal>> {
    let mut columns = HashMap::new();
    let mut refusals = Vec::new();
    for (index, header) in headers.iter().enumerate() {
        match COLUMNS.iter().find(|name| **name == header.trim()) {
            Some(name) if columns.insert(*name, index).is_some() => {
                refusals.push(refused(&format!("The column {name} stands twice in the header.")));
            }
            Some(_) => {}
            None => {
                let known = COLUMNS.join(", ");
                let shown: String = header.chars().take(50).collect();
                refusals.push(refused(&format!("{shown:?} is no column. Columns are {known}.")));
            }
        }
    }
    for name in ["email", "fullName"] {
        if !columns.contains_key(name) {
            refusals.push(refused(&format!("The column {name} is missing from the header.")));
        }
    }
    if refusals.is_empty() { Ok(columns) } else { Err(refusals) }
}

fn row(record: &StringRecord, width: usize, columns: &HashMap<&'static str, usize>) -> Result<PersonEdit, Refusal> {
    if record.len() != width {
        return Err(refused(&format!("The row has {} cells where the header has {width}.", record.len())));
    }
    let cell = |name: &str| {
        columns.get(name).and_then(|index| record.get(*index)).map(str::trim).filter(|text| !text.is_empty())
    };
    let aliases = cell("aliases")
        .map(|text| text.split(';').map(str::trim).filter(|alias| !alias.is_empty()).map(str::to_owned).collect());
    let status = cell("status")
        .map(|text| EmploymentStatus::from_word(text).ok_or_else(|| refused("status is ACTIVE or LEFT.")))
        .transpose()?;
    Ok(PersonEdit {
        email: cell("email").unwrap_or_default().to_owned(),
        full_name: cell("fullName").unwrap_or_default().to_owned(),
        aliases: patch(aliases),
        status: patch(status),
        starts_on: patch(date("startsOn", cell("startsOn"))?),
        ends_on: patch(date("endsOn", cell("endsOn"))?),
        kept: Patch::Keep,
    })
}

fn patch<T>(value: Option<T>) -> Patch<T> {
    value.map_or(Patch::Keep, Patch::Set)
}

fn date(name: &str, text: Option<&str>) -> Result<Option<NaiveDate>, Refusal> {
    text.map(|text| {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .map_err(|_| refused(&format!("{name} is a date such as 2026-03-31.")))
    })
    .transpose()
}

fn refused(message: &str) -> Refusal {
    Refusal::new(RefusalCode::Invalid, message).field("csv")
}

fn at_line(line: u64, refusal: Refusal) -> Refusal {
    Refusal { message: format!("Line {line}: {}", refusal.message), ..refusal }.field("csv")
}

/// What is read whole is good in every row; what is not says why.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn fuzz(text: &str) {
    match parse(text) {
        Ok(edits) => {
            let distinct: HashSet<String> = edits.iter().map(|(_, edit)| normal(&edit.email)).collect();
            assert_eq!(distinct.len(), edits.len(), "{text}");
            assert!(edits.len() <= MOST_ROWS && edits.iter().all(|(_, edit)| check(edit).is_empty()), "{text}");
            // Two dates of a row, or one of a row and one that is stored, may still not fit together.
            for person in edits.into_iter().filter_map(|(_, edit)| merge(None, edit, ValueSource::Import).ok()) {
                let name = person.person.full_name;
                assert!(!name.trim().is_empty() && !name.chars().any(char::is_control), "{text}");
            }
        }
        Err(refusals) => {
            assert!(!refusals.is_empty() && refusals.iter().all(|refusal| refusal.message.len() < 1_000), "{text}");
        }
    }
}
