//! Whether a question can be understood without the file it was written from.
//!
//! Two things go wrong: questions that point at something the reader cannot see ("this code", "the function above"), and questions that
//! name nothing to look for. Both are told by words alone, on the strict side: what fails is asked again once.

mod leaning;
mod names;

pub use names::Names;

use crate::domain::failure::FailureCode;
use leaning::leaning_phrase;

/// What is wrong with a question. The text form completes "the question …" and is told to the model that repairs it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Fewer than 4 words.
    #[error("is too short")]
    TooShort,
    /// More than 600 characters.
    #[error("is too long")]
    TooLong,
    /// It does not end in a question mark.
    #[error("does not end with a question mark")]
    NotAQuestion,
    /// More than two questions, or a list.
    #[error("asks several things at once")]
    Several,
    /// It points at what the reader cannot see.
    #[error("says \"{0}\", which the reader cannot see")]
    LeansOn(String),
    /// It names neither the project nor the file nor a symbol.
    #[error("names neither the project nor the file nor a symbol of it")]
    NamesNothing,
}

impl Flaw {
    /// The stored reason.
    pub fn code(&self) -> FailureCode {
        match self {
            Flaw::LeansOn(_) | Flaw::NamesNothing => FailureCode::QuestionNotStandalone,
            Flaw::TooShort | Flaw::TooLong | Flaw::NotAQuestion | Flaw::Several => {
                FailureCode::QuestionMalformed
            }
        }
    }
}

const WORDS_MIN: usize = 4;
const CHARS_MAX: usize = 600;

/// Whether a question is one question that makes sense to a reader who has never seen the file.
pub fn question_stands_alone(question: &str, names: &Names) -> Result<(), Flaw> {
    follow_up_is_clear(question)?;
    if names.repository_in(question) || names.file_in(question) || names.symbol_in(question) {
        return Ok(());
    }
    Err(Flaw::NamesNothing)
}

/// Whether a later question of a conversation is one question that leans on nothing unseen. What was said before may stand for names.
pub fn follow_up_is_clear(question: &str) -> Result<(), Flaw> {
    let question = question.trim();
    check_form(question)?;
    leaning_phrase(&without_code(question)).map_or(Ok(()), |phrase| Err(Flaw::LeansOn(phrase)))
}

fn check_form(question: &str) -> Result<(), Flaw> {
    if question.split_whitespace().count() < WORDS_MIN {
        return Err(Flaw::TooShort);
    }
    if question.chars().count() > CHARS_MAX {
        return Err(Flaw::TooLong);
    }
    if !question
        .trim_end_matches(['"', ')', '*', '”', ' '])
        .ends_with('?')
    {
        return Err(Flaw::NotAQuestion);
    }
    let asked = without_code(question).matches('?').count();
    let items = question.lines().filter(|line| is_list_item(line)).count();
    let lettered = question.contains("(a)") && question.contains("(b)")
        || question.contains(" 1) ") && question.contains(" 2) ");
    if asked > 2 || items > 1 || lettered {
        Err(Flaw::Several)
    } else {
        Ok(())
    }
}

fn is_list_item(line: &str) -> bool {
    let line = line.trim_start();
    let after_number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with(['-', '*', '•'])
        || after_number.len() < line.len() && after_number.starts_with(['.', ')'])
}

/// The question with quoted code and strings blanked, so that they are not read as its words.
fn without_code(question: &str) -> String {
    let mut kept = String::with_capacity(question.len());
    let mut quote: Option<char> = None;
    for character in question.chars() {
        match quote {
            Some(open) if open == character => quote = None,
            Some(_) => {}
            None if matches!(character, '`' | '"') => {
                quote = Some(character);
                kept.push('_');
            }
            None => kept.push(character),
        }
    }
    kept
}

#[cfg(test)]
mod tests;
