//! Mending questions without the model: names in place of what leans on something unseen, and plain questions where none was written.
//!
//! Costs no token. What comes out is checked like every other question.

use std::sync::LazyLock;

use regex::Regex;

use super::fill;
use super::kind::QuestionKind;
use super::plan::Slot;
use super::prefix::field;
use super::standalone::Flaw;
use super::texts::PLAIN_QUESTIONS;

/// What a question may be given as a name.
#[derive(Debug, Clone, Copy)]
pub struct Anchors<'a> {
    /// Name of the repository.
    pub repository: &'a str,
    /// Path of the file inside the repository.
    pub path: &'a str,
}

impl Anchors<'_> {
    /// The question with names put in, so that a reader knows what it is about; `None` where that cannot mend it. `focus` is the symbol
    /// that the question was planned about.
    pub fn mend(&self, question: &str, flaw: &Flaw, focus: Option<&str>) -> Option<String> {
        match flaw {
            Flaw::LeansOn(phrase) => {
                let name = self.stands_for(phrase, focus)?;
                let at = question.find(phrase.as_str())?;
                let end = at + phrase.len();
                Some(format!("{}{name}{}", &question[..at], &question[end..]))
            }
            Flaw::NamesNothing => {
                Some(format!("In {}, {}", self.place(), uncapitalised(question)?))
            }
            Flaw::TooShort | Flaw::TooLong | Flaw::NotAQuestion | Flaw::Several => None,
        }
    }

    /// A question of the planned kind about the planned symbol, in plain words.
    pub fn plain_question(&self, slot: &Slot) -> Option<String> {
        let template = PLAIN_QUESTIONS[slot.kind as usize];
        let symbol = slot.focus.as_deref()?;
        let values = [
            ("symbol", format!("`{}`", field(symbol))),
            ("path", format!("`{}`", field(self.path))),
            ("repository", field(self.repository)),
        ];
        let values = values
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        (!template.is_empty()).then(|| fill(template, &values))
    }

    fn place(&self) -> String {
        format!("`{}` of {}", field(self.path), field(self.repository))
    }

    /// What "this function" or "the code" means: the symbol asked about, the file, or the project. Where the words point at a line or at
    /// something shown above, nothing can be put in their place.
    fn stands_for(&self, phrase: &str, focus: Option<&str>) -> Option<String> {
        static SYMBOL: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r"(?i)^(?:this|the(?: given| provided| above| following| shown)?) (?:function|method|class|struct|enum|trait|interface|macro|type|test)(?: above| below| here)?$").ok()
        });
        static FILE: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r"(?i)^(?:this|the(?: given| provided| above| following| shown)?) (?:code|source|source code|snippet|code snippet|excerpt|listing|script|program|implementation|module|file|document|documentation|text)(?: above| below| here)?$").ok()
        });
        static PROJECT: LazyLock<Option<Regex>> = LazyLock::new(|| {
            Regex::new(r"(?i)^this (?:repository|repo|project|codebase|package|library)$").ok()
        });
        let is = |form: &Option<Regex>| form.as_ref().is_some_and(|form| form.is_match(phrase));
        if is(&SYMBOL) {
            focus.map(|focus| format!("`{}`", field(focus)))
        } else if is(&FILE) {
            Some(self.place())
        } else if is(&PROJECT) {
            Some(field(self.repository))
        } else {
            None
        }
    }
}

/// The question with a small first letter, when it begins with a word that may have one.
fn uncapitalised(question: &str) -> Option<String> {
    const FIRST_WORDS: [&str; 22] = [
        "what", "how", "why", "where", "when", "which", "who", "does", "do", "is", "are", "can",
        "could", "should", "would", "if", "will", "under", "at", "after", "given", "suppose",
    ];
    let word = question.split_whitespace().next()?.to_lowercase();
    let first = question.trim_start();
    FIRST_WORDS
        .contains(&word.trim_end_matches([',', '\'']))
        .then(|| format!("{}{}", first[..1].to_lowercase(), &first[1..]))
}

/// The slot that a question of that kind was written for: the one at its place in the reply, else the first of its kind.
pub fn slot_of(slots: &[Slot], index: usize, kind: QuestionKind) -> Option<&Slot> {
    let at_place = slots.get(index).filter(|slot| slot.kind == kind);
    at_place.or_else(|| slots.iter().find(|slot| slot.kind == kind))
}

#[cfg(test)]
mod tests {
    use super::super::standalone::{Names, question_stands_alone};
    use super::*;
    use crate::domain::chunk::Outline;

    const ANCHORS: Anchors = Anchors {
        repository: "vercel/ms",
        path: "src/index.ts",
    };

    fn slot(kind: QuestionKind, focus: Option<&str>) -> Slot {
        Slot {
            kind,
            focus: focus.map(str::to_owned),
            difficulty: "easy",
            voice: "user",
            hint: "",
        }
    }

    #[test]
    fn names_take_the_place_of_what_leans() {
        let outline = Outline::default();
        let names = Names {
            repository: ANCHORS.repository,
            path: ANCHORS.path,
            outline: &outline,
            text: "export function parse() {}",
        };
        for (question, focus, want) in [
            (
                "What is the purpose of this function?",
                Some("parse"),
                Some("What is the purpose of `parse`?"),
            ),
            ("What is the purpose of this function?", None, None),
            (
                "How does this code treat an empty string?",
                None,
                Some("How does `src/index.ts` of vercel/ms treat an empty string?"),
            ),
            (
                "What happens when the input is empty?",
                None,
                Some("In `src/index.ts` of vercel/ms, what happens when the input is empty?"),
            ),
            ("What does line 12 guard against?", Some("parse"), None),
            ("Tell me about its purpose, please?", None, None),
        ] {
            let flaw = question_stands_alone(question, &names).unwrap_err();
            let mended = ANCHORS.mend(question, &flaw, focus);
            assert_eq!(mended.as_deref(), want, "{question}");
            if let Some(mended) = mended {
                question_stands_alone(&mended, &names).unwrap();
            }
        }
    }

    #[test]
    fn plain_questions_stand_alone_and_need_a_symbol() {
        let outline = Outline::default();
        let names = Names {
            repository: ANCHORS.repository,
            path: ANCHORS.path,
            outline: &outline,
            text: "",
        };
        for kind in QuestionKind::ALL {
            assert_eq!(ANCHORS.plain_question(&slot(kind, None)), None);
            let question = ANCHORS.plain_question(&slot(kind, Some("parse")));
            assert_eq!(question.is_none(), kind == QuestionKind::FalsePremise);
            if let Some(question) = question {
                question_stands_alone(&question, &names).unwrap();
            }
        }
    }

    #[test]
    fn a_question_finds_its_slot_by_place_then_by_kind() {
        use QuestionKind::*;
        let slots = [
            slot(How, Some("a")),
            slot(Why, Some("b")),
            slot(How, Some("c")),
        ];
        for (index, kind, want) in [(2, How, Some("c")), (1, How, Some("a")), (0, What, None)] {
            let found = slot_of(&slots, index, kind).and_then(|slot| slot.focus.as_deref());
            assert_eq!(found, want);
        }
    }
}
