//! Evidence that is indexed when the first answer needs it.
//!
//! An index takes many times the room of its chunk. Made with the prompt, it would be held for every file that waits for a completion.

use crate::domain::chunk::Chunk;
use crate::domain::quality::{Evidence, EvidenceIndex, Symbols};
use crate::domain::source::SourceFile;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

/// The evidence of one chunk as it was shown.
pub(super) struct LateEvidence<'a> {
    file: &'a SourceFile,
    chunk: &'a Chunk,
    context: String,
    symbols: Arc<OnceLock<Arc<Symbols>>>,
    index: OnceLock<EvidenceIndex>,
}

impl<'a> LateEvidence<'a> {
    /// `context` was shown before the chunk; `symbols` are shared by all chunks of the file, and made by the first of them.
    pub fn new(
        file: &'a SourceFile,
        chunk: &'a Chunk,
        context: String,
        symbols: Arc<OnceLock<Arc<Symbols>>>,
    ) -> Self {
        LateEvidence {
            file,
            chunk,
            context,
            symbols,
            index: OnceLock::new(),
        }
    }

    fn make(&self) -> EvidenceIndex {
        let file = self.file;
        let evidence = Evidence {
            chunk: &file.text[self.chunk.range.clone()],
            first_line: usize::try_from(*self.chunk.lines.start()).unwrap_or(1),
            context: &self.context,
            repository: file.repository.name(),
            path: &file.name,
        };
        // An answer about a chunk may name what stands elsewhere in the file.
        let symbols = self
            .symbols
            .get_or_init(|| Arc::new(Symbols::new([file.text.as_str()])));
        EvidenceIndex::new(&evidence, Arc::clone(symbols))
    }
}

impl Deref for LateEvidence<'_> {
    type Target = EvidenceIndex;

    fn deref(&self) -> &EvidenceIndex {
        self.index.get_or_init(|| self.make())
    }
}
