//! A file under way: rows come in from one side and are written on a thread of their own.
//!
//! Nobody is handed a file before it is whole. It has no name, so the system takes it back however the process ends.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::csv::CsvFile;
use super::table::{About, Column, Format, Row};
use super::xlsx::Book;
use super::{ExportError, MOST_BYTES};

/// Pages of rows that wait for the thread.
const WAITING: usize = 2;

/// A whole file, to be read from its beginning.
#[derive(Debug)]
pub struct Exported {
    pub file: File,
    pub bytes: u64,
    pub rows: u64,
    pub name: String,
    pub format: Format,
}

enum Word {
    Rows(Vec<Row>),
    End,
}

/// Takes rows in. Dropping it gives the file up.
pub struct Spool {
    words: Sender<Word>,
    written: JoinHandle<Result<Exported, ExportError>>,
    watch: GivesUp,
}

impl Spool {
    /// Begins a file on a thread that `tasks` knows of.
    pub fn begin(tasks: &TaskTracker, format: Format, columns: &'static [Column], about: About) -> Self {
        let (words, heard) = channel(WAITING);
        let watch = Arc::new(Watch::default());
        let watched = Arc::clone(&watch);
        let written = tasks.spawn_blocking(move || {
            let file = write(heard, &watched, format, columns, about);
            file.map_err(|error| if watched.is_full() { ExportError::TooLarge(MOST_BYTES) } else { error })
        });
        Self { words, written, watch: GivesUp(watch) }
    }

    /// Waits while the thread is behind. False: there will be no file, and [`Spool::finish`] says why.
    pub async fn put(&self, rows: Vec<Row>) -> bool {
        self.words.send(Word::Rows(rows)).await.is_ok()
    }

    /// The whole file.
    pub async fn finish(self) -> Result<Exported, ExportError> {
        let Self { words, written, watch } = self;
        // A thread that is gone has said why.
        let _gone = words.send(Word::End).await;
        let exported = written.await;
        drop(watch);
        exported.unwrap_or_else(|error| Err(ExportError::Workbook(error.to_string())))
    }
}

fn write(
    mut heard: Receiver<Word>,
    watch: &Arc<Watch>,
    format: Format,
    columns: &'static [Column],
    about: About,
) -> Result<Exported, ExportError> {
    let name = about.file_name(format);
    let file = tempfile::tempfile().map_err(ExportError::Storage)?;
    let sink = BufWriter::new(Watched { file, watch: Arc::clone(watch), bytes: 0, most: MOST_BYTES });
    let mut table = Table::begin(sink, format, columns, about)?;
    let mut count = 0;
    loop {
        match heard.blocking_recv() {
            Some(Word::Rows(rows)) => {
                for row in &rows {
                    table.write(row)?;
                    count += 1;
                }
            }
            Some(Word::End) => break,
            None => return Err(ExportError::GivenUp),
        }
    }
    let sink = table.finish()?.into_inner();
    let mut file = sink.map_err(|error| ExportError::Storage(error.into_error()))?.file;
    let bytes = file.seek(SeekFrom::End(0)).map_err(ExportError::Storage)?;
    file.rewind().map_err(ExportError::Storage)?;
    Ok(Exported { file, bytes, rows: count, name, format })
}

/// A table of either format, on its way into a sink.
enum Table<W: Write + Seek + Send> {
    Csv(Box<CsvFile<W>>),
    Xlsx(Box<Book>, W),
}

impl<W: Write + Seek + Send> Table<W> {
    fn begin(sink: W, format: Format, columns: &'static [Column], about: About) -> Result<Self, ExportError> {
        Ok(match format {
            Format::Csv => Self::Csv(Box::new(CsvFile::new(sink, columns, &about)?)),
            Format::Xlsx => Self::Xlsx(Box::new(Book::new(columns, about)?), sink),
        })
    }

    fn write(&mut self, row: &Row) -> Result<(), ExportError> {
        match self {
            Self::Csv(file) => file.write(row),
            Self::Xlsx(book, _) => book.write(row),
        }
    }

    fn finish(self) -> Result<W, ExportError> {
        match self {
            Self::Csv(file) => file.finish(),
            Self::Xlsx(book, mut sink) => book.finish(&mut sink).map(|()| sink),
        }
    }
}

/// What both sides know of each other.
#[derive(Default)]
pub(super) struct Watch {
    given_up: AtomicBool,
    full: AtomicBool,
}

impl Watch {
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

/// Gives the file up when it is dropped.
pub(super) struct GivesUp(pub(super) Arc<Watch>);

impl Drop for GivesUp {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

/// A file that has a largest size, and that nobody goes on writing once it was given up.
pub(super) struct Watched {
    pub(super) file: File,
    pub(super) watch: Arc<Watch>,
    pub(super) bytes: u64,
    pub(super) most: u64,
}

impl Write for Watched {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.watch.given_up.load(Ordering::Relaxed) {
            return Err(io::Error::other("nobody waits for the file"));
        }
        let taken = self.file.write(bytes)?;
        self.bytes += taken as u64;
        if self.bytes > self.most {
            self.watch.full.store(true, Ordering::Relaxed);
            return Err(io::Error::other("the file is too large"));
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
