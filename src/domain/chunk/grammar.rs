//! Which grammar reads which language, and parsing within bounds.

use std::ops::ControlFlow;
use std::sync::OnceLock;

use tree_sitter::{Language, ParseOptions, Parser, Tree};
use tree_sitter_language::LanguageFn;

use super::roles::{Role, role_of};

/// A grammar and the role of each of its node kinds.
pub(super) struct Grammar {
    language: Language,
    roles: Vec<Role>,
}

/// Texts above this many bytes are not parsed: syntax trees take some thirty times the text in memory.
const BYTES_MAX: usize = 4 << 20;
/// Parser steps allowed: this many reports of 100 steps each, plus one for every ten bytes. Ordinary code needs about one step for
/// every four bytes, so only inputs that make the parser explode reach it. Counting steps instead of time keeps results repeatable.
const STEP_REPORTS_MIN: usize = 2_000;

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

    /// The syntax tree of a text, unless it is too large, too hard, or hardly of this language.
    pub(super) fn parse(&self, text: &str) -> Option<Tree> {
        if text.len() > BYTES_MAX {
            return None;
        }
        let mut parser = Parser::new();
        parser.set_language(&self.language).ok()?;
        let bytes = text.as_bytes();
        let mut reports_left = STEP_REPORTS_MIN + bytes.len() / 10;
        let mut on_progress = |_: &_| {
            reports_left = reports_left.saturating_sub(1);
            if reports_left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let options = ParseOptions::new().progress_callback(&mut on_progress);
        let tree = parser.parse_with_options(
            &mut |at, _| bytes.get(at..).unwrap_or_default(),
            None,
            Some(options),
        )?;
        (!tree.root_node().is_error()).then_some(tree)
    }
}
