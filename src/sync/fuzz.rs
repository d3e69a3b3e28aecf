//! Door for the fuzz target: people as CSV text.

use super::import::fuzz;

/// The first byte chooses whether the text stands below a good header.
pub fn import(input: &[u8]) {
    let Some((choice, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    if choice % 2 == 0 {
        fuzz(&text);
    } else {
        fuzz(&format!("email,fullName,aliases,status,startsOn,endsOn\n{text}"));
    }
}
