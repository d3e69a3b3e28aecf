//! Text that no spreadsheet takes for a formula.
//!
//! Quotes do not help: a spreadsheet reads what is inside them as though it had been typed. An apostrophe in front does.
//! Spreadsheets of half the world split at semicolons whatever the file's name promises, so what could begin a cell
//! there, or on a line of its own, is guarded as well.

use std::borrow::Cow;

/// The guard. Whoever reads the file by machine takes one away in front of what would be a formula.
const GUARD: char = '\'';

/// `text` with a guard wherever a formula could begin. Characters that no file of either kind may hold are replaced.
pub fn inert(text: &str) -> Cow<'_, str> {
    let text = printable(text);
    let guards: Vec<usize> = guards(&text).collect();
    if guards.is_empty() {
        return text;
    }
    let mut guarded = String::with_capacity(text.len() + guards.len());
    let mut from = 0;
    for at in guards {
        guarded.push_str(&text[from..at]);
        guarded.push(GUARD);
        from = at;
    }
    guarded.push_str(&text[from..]);
    Cow::Owned(guarded)
}

/// Without control characters, and without what XML has no place for.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unprintable) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(is_unprintable, "\u{fffd}"))
}

fn is_unprintable(sign: char) -> bool {
    (sign.is_control() && !matches!(sign, '\t' | '\n' | '\r')) || matches!(sign, '\u{fffe}' | '\u{ffff}')
}

/// Where guards are needed.
fn guards(text: &str) -> impl Iterator<Item = usize> + '_ {
    let first = std::iter::once((0, true));
    let inner =
        text.char_indices().filter(|(_, sign)| ends_a_cell(*sign)).map(|(at, sign)| (at + sign.len_utf8(), false));
    first.chain(inner).filter_map(|(at, is_first)| begins_a_formula(&text[at..], is_first).then_some(at))
}

/// Whether a cell that holds this from here on would be one. A leading tab or line break counts at the front of the
/// whole text, where spreadsheets drop it.
fn begins_a_formula(text: &str, is_first: bool) -> bool {
    let begun = text.chars().find(|sign| !is_passed_over(*sign));
    begun.is_some_and(|sign| starts_a_formula(sign) || (is_first && matches!(sign, '\t' | '\n' | '\r')))
}

const fn ends_a_cell(sign: char) -> bool {
    matches!(sign, ';' | '\t' | '\n' | '\r')
}

/// Not seen, or a guard already: one more then keeps the text readable back.
fn is_passed_over(sign: char) -> bool {
    sign == GUARD
        || (sign.is_whitespace() && !matches!(sign, '\t' | '\n' | '\r'))
        || matches!(sign, '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

const fn starts_a_formula(sign: char) -> bool {
    // As typed; then full-width, small, and the minus of mathematics, which some programs take for the same.
    matches!(sign, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹦' | '﹢' | '﹣' | '﹫' | '\u{2212}')
}
