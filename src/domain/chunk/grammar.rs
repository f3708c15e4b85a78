//! Which grammar reads which language, and parsing within bounds.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tree_sitter::{Language, ParseOptions, Parser, Tree};
use tree_sitter_language::LanguageFn;

use super::roles::{Role, role_of};

/// A grammar and the role of each of its node kinds.
pub(super) struct Grammar {
    language: Language,
    roles: Vec<Role>,
}

/// Texts above this many bytes are not parsed. Trees took 16 to 42 times the text in memory on real files but up to 350 times on
/// hostile ones, which this keeps near 90 MB. Of 14,480 real source files 74 were larger.
const BYTES_MAX: usize = 256 << 10;
/// Texts with brackets nested deeper than this are not parsed: the deepest of 3,908 real files reached 83.
const NESTING_MAX: usize = 500;
/// Parser steps allowed: this many reports of 100 steps each, plus one for every twenty bytes. Over 53 MB of real code, mostly C,
/// JavaScript, Python and Rust, no file of more than 2,000 steps took over 2.7 a byte; this allows 5. Counting steps instead of time
/// keeps results repeatable.
const STEP_REPORTS_MIN: usize = 200;
const BYTES_PER_STEP_REPORT: usize = 20;
/// Text is handed to the parser in pieces of this size, and only so many times: while it recovers from errors, a scanner may look for
/// the end of a string or block through the whole rest of the text, again and again. Real files took at most 800 reads.
const READ_BYTES: usize = 2048;
const READS_MIN: usize = 1000;
const BYTES_PER_READ: usize = 200;
/// The parser frees its stack by recursion wherever two readings of a text had merged: 60,000 open brackets in Java overflowed 2 MiB
/// (128 bytes a call, unoptimised) and would have ended the process. `NESTING_MAX` stops that text; this much stack is for
/// those not yet known: 160 bytes for each byte of the largest text. It is reserved, not used.
pub const STACK_BYTES: usize = (1 << 20) + 160 * BYTES_MAX;

macro_rules! grammars {
    ($($(#[$feature:meta])? $($name:literal)|+ => $function:expr;)+) => {
        /// The grammar for linguist's name of a language.
        pub(super) fn grammar(language: &str) -> Option<&'static Grammar> {
            $($(#[$feature])? {
                if [$($name),+].contains(&language) {
                    static GRAMMAR: OnceLock<Grammar> = OnceLock::new();
                    return Some(GRAMMAR.get_or_init(|| Grammar::new($function)));
                }
            })+
            None
        }

        /// Every language that has a grammar in this build, by linguist's name.
        #[cfg(test)]
        pub(super) const LANGUAGES: &[&str] = &[$($(#[$feature])? $($name),+),+];
    };
}

grammars! {
    "Rust" => tree_sitter_rust::LANGUAGE;
    "Python" | "Starlark" => tree_sitter_python::LANGUAGE;
    "JavaScript" | "JSX" => tree_sitter_javascript::LANGUAGE;
    "TypeScript" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT;
    "TSX" => tree_sitter_typescript::LANGUAGE_TSX;
    "Go" => tree_sitter_go::LANGUAGE;
    "Java" => tree_sitter_java::LANGUAGE;
    "C" => tree_sitter_c::LANGUAGE;
    "C++" | "Cuda" => tree_sitter_cpp::LANGUAGE;
    "Ruby" => tree_sitter_ruby::LANGUAGE;
    "PHP" | "Hack" => tree_sitter_php::LANGUAGE_PHP;
    "Shell" => tree_sitter_bash::LANGUAGE;
    "Lua" => tree_sitter_lua::LANGUAGE;
    #[cfg(feature = "more-languages")] "C#" => tree_sitter_c_sharp::LANGUAGE;
    #[cfg(feature = "more-languages")] "Kotlin" => tree_sitter_kotlin_ng::LANGUAGE;
    #[cfg(feature = "more-languages")] "Swift" => tree_sitter_swift::LANGUAGE;
    #[cfg(feature = "more-languages")] "Scala" => tree_sitter_scala::LANGUAGE;
}

impl Grammar {
    fn new(function: LanguageFn) -> Self {
        let language = Language::new(function);
        let kinds = 0..language.node_kind_count();
        let role = |id: usize| {
            let id = u16::try_from(id).unwrap_or(u16::MAX);
            let named = language.node_kind_is_named(id);
            let kind = language.node_kind_for_id(id).filter(|_| named);
            kind.map_or(Role::Plain, role_of)
        };
        Grammar {
            roles: kinds.map(role).collect(),
            language,
        }
    }

    /// The role of a node kind.
    pub(super) fn role(&self, kind_id: u16) -> Role {
        self.roles
            .get(usize::from(kind_id))
            .copied()
            .unwrap_or(Role::Plain)
    }

    /// The syntax tree of a text, unless it is too large or too hard.
    pub(super) fn parse(&'static self, text: &str) -> Option<Tree> {
        if text.len() > BYTES_MAX || nesting(text) > NESTING_MAX {
            return None;
        }
        HELPER.with_borrow_mut(|helper| {
            let tree = helper.get_or_insert_with(Helper::start).parse(self, text);
            if tree.is_err() {
                *helper = None;
            }
            tree.ok().flatten()
        })
    }

    fn parse_with(&self, parser: &mut Parser, text: &str) -> Option<Tree> {
        parser.set_language(&self.language).ok()?;
        parser.reset();
        let bytes = text.as_bytes();
        let reads_left = Cell::new(READS_MIN + bytes.len() / BYTES_PER_READ);
        let mut reports_left = STEP_REPORTS_MIN + bytes.len() / BYTES_PER_STEP_REPORT;
        let mut on_progress = |_: &_| {
            reports_left = reports_left.saturating_sub(1);
            if reports_left == 0 || reads_left.get() == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let mut read = |at: usize, _| {
            reads_left.set(reads_left.get().saturating_sub(1));
            let end = if reads_left.get() == 0 {
                at
            } else {
                bytes.len().min(at + READ_BYTES)
            };
            bytes.get(at..end).unwrap_or_default()
        };
        let options = ParseOptions::new().progress_callback(&mut on_progress);
        let tree = parser.parse_with_options(&mut read, None, Some(options))?;
        (reads_left.get() > 0 && !tree.root_node().is_error()).then_some(tree)
    }
}

thread_local! {
    /// The helper of this thread, from its first text to its end.
    static HELPER: RefCell<Option<Helper>> = const { RefCell::new(None) };
}

/// Has this thread parse its texts itself: it was started with a stack of [`STACK_BYTES`]. Others have a helper do it, which costs a
/// thread more, and the memory that the allocator keeps for one.
pub fn parse_here() {
    HELPER.set(Some(Helper::Here(Box::new(Parser::new()))));
}

/// What parses for a thread.
enum Helper {
    /// The thread itself.
    Here(Box<Parser>),
    /// One with a large stack. Starting it for each text took longer than parsing a small text does.
    Beside {
        texts: SyncSender<(&'static Grammar, String)>,
        trees: Receiver<Option<Tree>>,
    },
}

/// The helper is not there: it could not be started, or it panicked.
struct Gone;

impl Helper {
    fn start() -> Self {
        let (texts, inbox) = sync_channel::<(&Grammar, String)>(1);
        let (outbox, trees) = sync_channel(1);
        // If there is no thread, both channels are closed, which is how the caller learns of it.
        let _ = std::thread::Builder::new()
            .name("parser".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                let mut parser = Parser::new();
                for (grammar, text) in inbox {
                    if outbox.send(grammar.parse_with(&mut parser, &text)).is_err() {
                        break;
                    }
                }
            });
        Helper::Beside { texts, trees }
    }

    fn parse(&mut self, grammar: &'static Grammar, text: &str) -> Result<Option<Tree>, Gone> {
        match self {
            Helper::Here(parser) => Ok(grammar.parse_with(parser, text)),
            Helper::Beside { texts, trees } => {
                texts.send((grammar, text.to_owned())).map_err(|_| Gone)?;
                trees.recv().map_err(|_| Gone)
            }
        }
    }
}

/// How deep brackets nest, strings and comments included.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
