//! Which questions to ask about a chunk: how many, of which kinds, about which symbols.
//!
//! Everything is drawn from the chunk's own hash, so that the same chunk always gets the same plan, and with it the same request
//! and the same cached response.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::dice::Dice;
use super::kind::QuestionKind::{self, *};
use super::texts::{DIFFICULTIES, VOICES};
use crate::domain::chunk::{Chunk, Outline, Symbol, SymbolKind};

/// What sort of text a chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// Code with functions, or code whose outline is not known.
    Code,
    /// Code that only declares: types, constants, prototypes.
    Declarations,
    /// Text for people.
    Prose,
    /// Settings, build files, data.
    Settings,
}

/// Kinds and their weights. How, Where, Why and What keep the shares in which people ask them about repositories (35, 28, 23 and
/// 13 %, SWE-QA, arXiv 2509.14635); the other kinds together make a quarter on top.
const CODE: &[(QuestionKind, u32)] = &[
    (How, 35),
    (Where, 28),
    (Why, 23),
    (What, 13),
    (ApiUse, 9),
    (CallTrace, 8),
    (EdgeCase, 7),
    (Debugging, 6),
    (FalsePremise, 3),
];
/// Without bodies there is little to trace or to debug.
const DECLARATIONS: &[(QuestionKind, u32)] = &[
    (What, 35),
    (Where, 28),
    (Why, 23),
    (How, 13),
    (ApiUse, 15),
    (FalsePremise, 3),
];
const PROSE: &[(QuestionKind, u32)] = &[
    (How, 35),
    (Where, 13),
    (Why, 23),
    (What, 28),
    (ApiUse, 12),
    (Debugging, 4),
    (FalsePremise, 3),
];
const SETTINGS: &[(QuestionKind, u32)] = &[(What, 35), (Where, 28), (Why, 23), (How, 13)];

/// Languages, by linguist's names, that are text for people.
const PROSE_LANGUAGES: &[&str] = &[
    "Markdown",
    "RMarkdown",
    "MDX",
    "reStructuredText",
    "AsciiDoc",
    "Org",
    "Text",
    "TeX",
    "Textile",
    "RDoc",
    "Pod",
];
/// Languages that are settings or data.
const SETTINGS_LANGUAGES: &[&str] = &[
    "YAML",
    "TOML",
    "JSON",
    "JSON with Comments",
    "JSON5",
    "INI",
    "XML",
    "Dockerfile",
    "Makefile",
    "CMake",
    "Nix",
    "HCL",
    "Gradle",
    "Java Properties",
    "Git Config",
    "EditorConfig",
    "Maven POM",
    "Meson",
    "Ninja",
    "Ignore List",
    "Git Attributes",
];

impl Matter {
    fn of(language: &str, outline: &Outline, chunk: &Chunk) -> Self {
        if PROSE_LANGUAGES.contains(&language) {
            Matter::Prose
        } else if SETTINGS_LANGUAGES.contains(&language) {
            Matter::Settings
        } else if !outline.symbols.is_empty() && !has_function(outline, chunk) {
            Matter::Declarations
        } else {
            Matter::Code
        }
    }

    fn weights(self) -> &'static [(QuestionKind, u32)] {
        match self {
            Matter::Code => CODE,
            Matter::Declarations => DECLARATIONS,
            Matter::Prose => PROSE,
            Matter::Settings => SETTINGS,
        }
    }

    /// Bytes of text for one question: prose says less in as many bytes.
    fn bytes_per_question(self) -> usize {
        match self {
            Matter::Code | Matter::Declarations => 700,
            Matter::Prose | Matter::Settings => 1200,
        }
    }
}

fn has_function(outline: &Outline, chunk: &Chunk) -> bool {
    let is_function = |symbol: &Symbol| symbol.kind == SymbolKind::Function;
    outline.within(&chunk.range).any(is_function)
        || outline.around(&chunk.range).into_iter().any(is_function)
}

/// What planning needs to know about a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ground {
    /// What sort of text it is.
    pub matter: Matter,
    /// Symbols worth asking about, the most telling first.
    pub symbols: Vec<String>,
    bytes: usize,
    seed: u64,
}

const SYMBOLS_MAX: usize = 24;

impl Ground {
    /// Surveys a chunk of `text`; `language` is linguist's name.
    pub fn of(text: &str, language: &str, outline: &Outline, chunk: &Chunk) -> Self {
        let part = text.get(chunk.range.clone()).unwrap_or_default();
        let digest = Sha256::digest(part.as_bytes());
        let seed = digest
            .iter()
            .take(8)
            .fold(0, |seed, &byte| seed << 8 | u64::from(byte));
        Ground {
            matter: Matter::of(language, outline, chunk),
            symbols: telling_symbols(outline, chunk),
            bytes: part.len(),
            seed,
        }
    }

    /// How many questions the chunk bears: one when tiny, at most eight.
    pub fn question_count(&self) -> usize {
        (1 + self.bytes / self.matter.bytes_per_question()).min(8)
    }
}

/// Functions and types that begin in the chunk, then its constants, then what the chunk is inside of. What a function
/// defines for itself alone is left out.
fn telling_symbols(outline: &Outline, chunk: &Chunk) -> Vec<String> {
    let is_telling = |symbol: &&Symbol| {
        let holder = symbol.parent.and_then(|at| outline.symbols.get(at));
        let is_local = holder.is_some_and(|holder| !holder.kind.holds_members());
        !is_local && !matches!(symbol.kind, SymbolKind::Impl | SymbolKind::Module)
    };
    let mut symbols: Vec<&Symbol> = outline.within(&chunk.range).filter(is_telling).collect();
    symbols.sort_by_key(|symbol| symbol.kind == SymbolKind::Constant);
    symbols.extend(outline.around(&chunk.range).into_iter().rfind(is_telling));
    let mut seen = HashSet::new();
    let names = symbols.into_iter().map(|symbol| outline.full_name(symbol));
    names
        .filter(|name| seen.insert(name.clone()))
        .take(SYMBOLS_MAX)
        .collect()
}

/// One question to be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its kind.
    pub kind: QuestionKind,
    /// The symbol it is about, where there is one left to ask about.
    pub focus: Option<String>,
    /// How hard it should be.
    pub difficulty: &'static str,
    /// Who asks.
    pub voice: &'static str,
    /// What to ask for.
    pub(super) hint: &'static str,
}

/// The questions to be asked about one chunk, in one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// One entry a question.
    pub slots: Vec<Slot>,
}

/// What has been planned for a file so far; keeps its chunks from asking the same thing about the same symbol.
#[derive(Debug, Clone, Default)]
pub struct Asked(HashSet<(QuestionKind, String)>);

impl Plan {
    /// Plans `count` questions, or as many as the chunk bears. Plan the chunks of a file in order, with one `asked`.
    pub fn of(ground: &Ground, count: Option<usize>, asked: &mut Asked) -> Self {
        let count = count
            .unwrap_or_else(|| ground.question_count())
            .clamp(1, 64);
        let mut dice = Dice::new(ground.seed);
        let kinds = draw_kinds(ground.matter.weights(), count, &mut dice);
        let mut symbols: Vec<&String> = ground.symbols.iter().collect();
        dice.shuffle(&mut symbols);
        let turn = dice.below(VOICES.len());
        let slot = |(index, kind): (usize, QuestionKind)| Slot {
            kind,
            focus: next_focus(kind, &mut symbols, asked),
            difficulty: DIFFICULTIES[dice.below(DIFFICULTIES.len())],
            voice: VOICES[(turn + index) % VOICES.len()],
            hint: kind.hint(dice.below(3)),
        };
        Plan {
            slots: kinds.into_iter().enumerate().map(slot).collect(),
        }
    }
}

/// Systematic sampling: one random start, then equal steps along the summed weights. Over many chunks every kind gets exactly its
/// share, and within a chunk kinds repeat as little as the weights allow.
fn draw_kinds(weights: &[(QuestionKind, u32)], count: usize, dice: &mut Dice) -> Vec<QuestionKind> {
    let total: usize = weights.iter().map(|&(_, weight)| weight as usize).sum();
    let start = dice.below(total * 64);
    let at = |index: usize| (start + index * total * 64) / (count * 64);
    let mut kinds: Vec<QuestionKind> = (0..count)
        .map(|index| kind_at(weights, at(index)))
        .collect();
    dice.shuffle(&mut kinds);
    kinds
}

fn kind_at(weights: &[(QuestionKind, u32)], place: usize) -> QuestionKind {
    let mut passed = 0;
    let found = weights.iter().find(|&&(_, weight)| {
        passed += weight as usize;
        place < passed
    });
    found.map_or(How, |&(kind, _)| kind)
}

/// The first symbol that has not been asked about in this way; it goes to the end of the queue.
fn next_focus(kind: QuestionKind, symbols: &mut Vec<&String>, asked: &mut Asked) -> Option<String> {
    let free = symbols
        .iter()
        .position(|&symbol| !asked.0.contains(&(kind, symbol.clone())))?;
    let focus = symbols.remove(free);
    symbols.push(focus);
    asked.0.insert((kind, focus.clone()));
    Some(focus.clone())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn ground(seed: u64, bytes: usize, matter: Matter) -> Ground {
        let symbols = ["parse", "Config.load", "LIMIT"].map(String::from).to_vec();
        Ground {
            matter,
            symbols,
            bytes,
            seed,
        }
    }

    #[test]
    fn shares_over_many_chunks_are_those_that_people_ask() {
        let mut counts: HashMap<QuestionKind, f64> = HashMap::new();
        for seed in 0..4000 {
            let plan = Plan::of(
                &ground(seed, 1500, Matter::Code),
                None,
                &mut Asked::default(),
            );
            assert_eq!(plan.slots.len(), 3);
            plan.slots
                .iter()
                .for_each(|slot| *counts.entry(slot.kind).or_default() += 1.0);
        }
        let main: f64 = [How, Where, Why, What]
            .iter()
            .map(|kind| counts[kind])
            .sum();
        for (kind, share) in [(How, 0.35), (Where, 0.28), (Why, 0.23), (What, 0.13)] {
            assert!(
                (counts[&kind] / main - share).abs() < 0.02,
                "{kind}: {}",
                counts[&kind] / main
            );
        }
        assert_eq!(counts.len(), 9);
    }

    #[test]
    fn plans_are_repeatable_and_bounded() {
        for (bytes, count, want) in [
            (10, None, 1),
            (3000, None, 5),
            (1 << 20, None, 8),
            (10, Some(5), 5),
            (10, Some(0), 1),
        ] {
            let ground = ground(7, bytes, Matter::Code);
            let plan = Plan::of(&ground, count, &mut Asked::default());
            assert_eq!(plan.slots.len(), want, "{bytes} {count:?}");
            assert_eq!(plan, Plan::of(&ground, count, &mut Asked::default()));
        }
    }

    #[test]
    fn no_kind_meets_the_same_symbol_twice_in_a_file() {
        let mut asked = Asked::default();
        let mut seen = HashSet::new();
        for seed in 0..20 {
            for slot in Plan::of(&ground(seed, 4000, Matter::Code), None, &mut asked).slots {
                if let Some(focus) = slot.focus {
                    assert!(seen.insert((slot.kind, focus)));
                }
            }
        }
        assert_eq!(seen.len(), 27);
    }

    #[test]
    fn matter_decides_which_kinds_make_sense() {
        for (language, text, matter) in [
            ("Rust", "fn main() {}\n", Matter::Code),
            (
                "Rust",
                "struct A;\nconst B: u8 = 1;\n",
                Matter::Declarations,
            ),
            ("COBOL", "DISPLAY 'HI'.\n", Matter::Code),
            ("Markdown", "# Hi\n", Matter::Prose),
            ("YAML", "a: 1\n", Matter::Settings),
        ] {
            let chunk = Chunk {
                range: 0..text.len(),
                lines: 1..=1,
            };
            let ground = Ground::of(text, language, &Outline::of(text, language), &chunk);
            assert_eq!(ground.matter, matter, "{language}: {text}");
            let plan = Plan::of(&ground, Some(40), &mut Asked::default());
            let traced = plan.slots.iter().any(|slot| slot.kind == CallTrace);
            assert_eq!(traced, matter == Matter::Code);
        }
    }
}
