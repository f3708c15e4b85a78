//! Which files go to the model: ordered checks, cheap to dear, the first that fails is the one reason.
//!
//! Owns the table of reasons, the checks on a path ([`by_path()`]) and on content ([`by_content()`]), and the text form of a file.
//! Opens nothing and remembers nothing: duplicates are told by a [`fingerprint()`] whose index lives in the store.

mod by_content;
mod by_path;
mod data;
mod density;
mod facts;
mod fingerprint;
mod generated;
mod names;
mod notebook;
mod places;
mod reason;
mod substance;
mod syntax;
mod text;
mod translation;

pub use by_content::{SourceText, by_content};
pub use facts::{
    Attributes, FileKind, LicencePolicy, OptionError, PathFacts, SelectOptions, Tracked, globs,
};
pub use fingerprint::{FINGERPRINT_VERSION, fingerprint};
pub use reason::{Skip, SkipReason};
pub use substance::lines_of_substance;

use crate::domain::language::{self, Kind, Language};
use by_path::PathWords;

/// Every check that needs no content, in the order of [`SkipReason`].
pub fn by_path(facts: &PathFacts<'_>, options: &SelectOptions) -> Result<(), Skip> {
    check_kind(facts)?;
    let text = String::from_utf8_lossy(facts.path);
    let path = PathWords::of(&text);
    options.check_globs(&text)?;
    check_attributes(facts.attributes)?;
    check_place(&path, facts.attributes)?;
    if let Some(reason) = by_path::of_name(&path, facts.attributes.generated) {
        return Err(Skip::new(reason));
    }
    check_languages_of_name(facts, options)?;
    options.check_size(facts.file_bytes)
}

fn check_kind(facts: &PathFacts<'_>) -> Result<(), Skip> {
    let reason = match (facts.kind, facts.tracked) {
        (FileKind::Link, _) | (_, Tracked::Link) => SkipReason::Link,
        (_, Tracked::Submodule) => SkipReason::Submodule,
        (_, Tracked::No) => SkipReason::Untracked,
        (FileKind::Folder | FileKind::Other, Tracked::Yes) => SkipReason::NotRegular,
        (FileKind::Regular, Tracked::Yes) => return Ok(()),
    };
    Err(Skip::new(reason))
}

fn check_attributes(attributes: &Attributes) -> Result<(), Skip> {
    if attributes.generated == Some(true) {
        return Err(Skip::new(SkipReason::AttributeGenerated));
    }
    if attributes.vendored == Some(true) {
        return Err(Skip::new(SkipReason::AttributeVendored));
    }
    Ok(())
}

fn check_place(path: &PathWords<'_>, attributes: &Attributes) -> Result<(), Skip> {
    if attributes.vendored != Some(false) {
        if by_path::is_vendored(path) {
            return Err(Skip::new(SkipReason::Vendored));
        }
        if by_path::is_fixture(path) {
            return Err(Skip::new(SkipReason::Fixture));
        }
    }
    if attributes.generated != Some(false) && by_path::is_build_output(path) {
        return Err(Skip::new(SkipReason::BuildOutput));
    }
    Ok(())
}

/// Leaves out, unopened, files whose name allows only languages that are not selected. An attribute that names the language wins.
fn check_languages_of_name(facts: &PathFacts<'_>, options: &SelectOptions) -> Result<(), Skip> {
    let languages = match &facts.attributes.language {
        Some(name) => Language::named(name).into_iter().collect(),
        None => language::candidates(facts.path),
    };
    if languages.is_empty() || languages.iter().any(|&one| options.wants(one)) {
        return Ok(());
    }
    Err(Skip::new(unwanted(&languages)))
}

fn unwanted(languages: &[Language]) -> SkipReason {
    let all_data = languages.iter().all(|one| one.kind() == Kind::Data);
    if all_data {
        SkipReason::DataFile
    } else {
        SkipReason::LanguageNotSelected
    }
}
