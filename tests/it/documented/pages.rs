//! The pages, and the blocks of code in them.

/// Every page that people are shown, in the order in which its queries are listed.
pub const PAGES: [(&str, &str); 8] = [
    ("README.md", include_str!("../../../README.md")),
    ("docs/analysts.md", include_str!("../../../docs/analysts.md")),
    ("docs/reviewers.md", include_str!("../../../docs/reviewers.md")),
    ("docs/frontend.md", include_str!("../../../docs/frontend.md")),
    ("docs/identity-providers.md", include_str!("../../../docs/identity-providers.md")),
    ("docs/operators.md", include_str!("../../../docs/operators.md")),
    ("docs/backup.md", include_str!("../../../docs/backup.md")),
    ("docs/contributing.md", include_str!("../../../docs/contributing.md")),
];

/// A page's text between fences, without the indentation that it has in lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub language: String,
    pub text: String,
    /// The last line of prose before it.
    pub introduction: String,
    /// Nothing but blank lines stands between the block before and this one.
    pub follows: bool,
}

/// The blocks of a page, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let (mut blocks, mut introduction, mut follows) = (Vec::new(), String::new(), false);
    let mut open: Option<(Block, usize)> = None;
    for line in page.lines() {
        let trimmed = line.trim_start();
        match (&mut open, trimmed.strip_prefix("```")) {
            (Some((_, indent)), Some("")) if line.len() - trimmed.len() == *indent => {
                blocks.extend(open.take().map(|(block, _)| block));
                follows = true;
            }
            (Some((block, indent)), _) => {
                block.text.push_str(line.get(*indent..).unwrap_or_default());
                block.text.push('\n');
            }
            (None, Some(language)) => {
                let block = Block {
                    language: language.to_owned(),
                    text: String::new(),
                    introduction: introduction.clone(),
                    follows,
                };
                open = Some((block, line.len() - trimmed.len()));
            }
            (None, None) if trimmed.is_empty() => {}
            (None, None) => {
                line.clone_into(&mut introduction);
                follows = false;
            }
        }
    }
    assert!(open.is_none(), "a block is not closed: {open:?}");
    blocks
}

/// The lines of a page that are prose, with their numbers.
pub fn prose(page: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    page.lines().enumerate().filter_map(move |(number, line)| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        (!inside && !is_fence).then_some((number + 1, line))
    })
}

/// What stands between single backticks in a line of prose.
pub fn spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

#[test]
fn blocks_are_read_as_they_are_shown() {
    let page = "One:\n\n```sh\na\n  b\n```\n\n```json\n{}\n```\n1. Two\n\n   ```sh\n   c\n     d\n   ```\n";
    let block = |language: &str, text: &str, introduction: &str, follows| Block {
        language: language.to_owned(),
        text: text.to_owned(),
        introduction: introduction.to_owned(),
        follows,
    };
    let expected = [
        block("sh", "a\n  b\n", "One:", false),
        block("json", "{}\n", "One:", true),
        block("sh", "c\n  d\n", "1. Two", false),
    ];
    assert_eq!(blocks(page), expected);
    assert_eq!(prose(page).map(|(number, _)| number).collect::<Vec<_>>(), [1, 2, 7, 11, 12]);
    assert_eq!(spans("a `b` c `d e`.").collect::<Vec<_>>(), ["b", "d e"]);
}

#[test]
fn no_page_is_left_out() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs")).unwrap();
    for file in folder {
        let name = format!("docs/{}", file.unwrap().file_name().to_str().unwrap());
        assert!(PAGES.iter().any(|(page, _)| *page == name), "{name} is not in PAGES");
    }
}
