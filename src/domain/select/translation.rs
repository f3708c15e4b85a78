//! Texts told in another language than English, by their path: `locales/de.json`, `docs/pt-br/guide.md`, `README.zh-CN.md`.
//!
//! Knows one path at a time, not whether the original lies beside it, so a code such as `it` counts only where nothing but a language
//! fits. English counts nowhere: it is the original.

/// ISO 639 codes of the languages that programs are translated to, and what people write for them.
#[rustfmt::skip]
const LANGUAGES: &[&str] = &[
    "af", "am", "ar", "az", "be", "bg", "bn", "bs", "ca", "ckb", "cn", "cs", "cy", "da", "de", "el", "eo", "es", "et",
    "eu", "fa", "fi", "fil", "fr", "ga", "gl", "gu", "he", "hi", "hr", "hu", "hy", "id", "is", "it", "ja", "jp", "ka",
    "kk", "km", "kn", "ko", "kr", "ku", "ky", "lo", "lt", "lv", "mk", "ml", "mn", "mr", "ms", "my", "nb", "ne", "nl",
    "nn", "no", "pa", "pl", "pt", "ro", "ru", "si", "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "tg", "th", "tr",
    "tt", "tw", "ug", "uk", "ur", "uz", "vi", "zh",
];

/// Codes among them that are oftener words or other names: suffixes of code, editions, makers.
#[rustfmt::skip]
const AMBIGUOUS: &[&str] = &[
    "am", "be", "cs", "el", "ga", "he", "id", "is", "it", "mk", "ml", "ms", "my", "no", "pl", "si", "te",
];

/// Codes that are other names even as a folder of documentation: C#, machine learning, "generally available", Microsoft.
const AMBIGUOUS_IN_DOCS: &[&str] = &["cs", "ga", "ml", "ms"];

/// Scripts and countries that follow a language: `zh-Hant`, `pt_BR`.
#[rustfmt::skip]
const REGIONS: &[&str] = &[
    "hans", "hant", "latn", "cyrl", "419", "ae", "ar", "at", "ba", "bd", "be", "bg", "br", "by", "ca", "ch", "cl", "cn",
    "co", "cz", "de", "dk", "ee", "eg", "es", "fi", "fr", "ge", "gr", "hk", "hr", "hu", "id", "ie", "il", "in", "ir",
    "is", "it", "jp", "ke", "kh", "kr", "kz", "lk", "lt", "lu", "lv", "mk", "mm", "mn", "mo", "mx", "my", "nl", "no",
    "np", "ph", "pk", "pl", "pt", "ro", "rs", "ru", "sa", "se", "sg", "si", "sk", "th", "tr", "tw", "ua", "uz", "vn",
    "za",
];

/// Folders that hold translations and the code about them.
#[rustfmt::skip]
const LOCALE_FOLDERS: &[&str] = &[
    "locale", "locales", "_locales", "i18n", "l10n", "translation", "translations", "localization", "localizations",
];

/// Folders that hold translations, or else programming languages and what handles human ones.
const LANG_FOLDERS: &[&str] = &["lang", "langs", "language", "languages"];

/// Folders of documentation, which is translated a folder a language.
const DOC_FOLDERS: &[&str] = &["docs", "doc", "documentation", "content"];

/// Folders that may stand between one of translations and that of a language.
const BETWEEN_FOLDERS: &[&str] = &["messages", "resources", "strings"];

/// Suffixes of prose.
const PROSE_SUFFIXES: &[&str] = &[
    "md", "mdx", "markdown", "rst", "adoc", "asciidoc", "org", "txt", "html",
];

/// Suffixes of files of messages, besides prose.
const MESSAGE_SUFFIXES: &[&str] = &[
    "php",
    "json",
    "json5",
    "yml",
    "yaml",
    "po",
    "pot",
    "properties",
    "xml",
    "ftl",
    "arb",
    "resx",
    "ini",
    "toml",
    "strings",
    "js",
    "mjs",
    "ts",
];

/// Texts at the top of repositories that are translated one by one.
const TOP_TEXTS: &[&str] = &["readme", "contributing", "changelog", "install", "faq"];

/// Whether a file is a translation, by its path in lower case.
pub(super) fn is_translation(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (stem, suffixes) = name.split_once('.').unwrap_or((name, ""));
    let suffix = suffixes.rsplit('.').next().unwrap_or_default();
    let is_prose = PROSE_SUFFIXES.contains(&suffix);
    let is_message = is_prose || MESSAGE_SUFFIXES.contains(&suffix);
    if is_prose && is_named_for_language(name) {
        return true;
    }
    let (mut parent, mut before) = ("", "");
    for folder in folders.split('/') {
        let is_told = follows(LOCALE_FOLDERS, parent, before) && is_locale(folder)
            || LANG_FOLDERS.contains(&parent) && is_message && is_clear(folder, suffix)
            || is_prose && DOC_FOLDERS.contains(&parent) && is_locale_of_docs(folder)
            || is_prose && has_region(folder);
        if is_told {
            return true;
        }
        (before, parent) = (parent, folder);
    }
    follows(LOCALE_FOLDERS, parent, before) && (is_locale(stem) || ends_in_locale(name))
        || LANG_FOLDERS.contains(&parent) && is_message && is_clear(stem, suffix)
}

/// Whether the folder before is one of these, or the one before that with nothing of meaning in between.
fn follows(folders: &[&str], parent: &str, before: &str) -> bool {
    folders.contains(&parent) || BETWEEN_FOLDERS.contains(&parent) && folders.contains(&before)
}

/// `de`, `zh-hans`, `pt_br`.
fn is_locale(word: &str) -> bool {
    LANGUAGES.contains(&word) || has_region(word)
}

fn has_region(word: &str) -> bool {
    word.split_once(['-', '_'])
        .is_some_and(|(language, region)| {
            LANGUAGES.contains(&language) && REGIONS.contains(&region)
        })
}

/// A locale in a folder that may be about programming languages. What code is called is not taken for one.
fn is_clear(word: &str, suffix: &str) -> bool {
    let is_code = ["js", "mjs", "ts"].contains(&suffix);
    is_locale(word) && !(is_code && AMBIGUOUS.contains(&word))
}

fn is_locale_of_docs(folder: &str) -> bool {
    is_locale(folder) && !AMBIGUOUS_IN_DOCS.contains(&folder)
}

/// `README.zh-CN.md`, `readme_ja.md`, `guide.fr.md`; not `example.cs.md`.
fn is_named_for_language(name: &str) -> bool {
    let Some((stem, _)) = name.rsplit_once('.') else {
        return false;
    };
    let is_top_text = TOP_TEXTS
        .iter()
        .filter_map(|text| stem.strip_prefix(text)?.strip_prefix(['.', '_', '-']))
        .any(is_locale);
    is_top_text
        || stem
            .rsplit_once('.')
            .is_some_and(|(_, word)| is_locale(word) && !AMBIGUOUS.contains(&word))
}

/// `messages.de.ts`, `app_localizations_de.dart`, among translations.
fn ends_in_locale(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_word = |word: &str| is_locale(word) && !AMBIGUOUS.contains(&word);
    let ends = stem.match_indices(['.', '_', '-']);
    let mut words = ends.map(|(at, _)| &stem[at + 1..]);
    words.any(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translations_are_told_by_their_path() {
        let paths = [
            "docs/src/content/docs/uk/testing.mdx",
            "docs/src/content/docs/it/a/b.mdx",
            "docs/src/content/docs/pt-br/faqs.mdx",
            "docs/zh_cn/index.rst",
            "content/ja/_index.md",
            "website/zh-hans/a.md",
            "translations/readme.ar.md",
            "translations/contributing.pt_br.md",
            "adminer/lang/bg.inc.php",
            "adminer/lang/pl.inc.php",
            "resources/lang/de/auth.php",
            "lang/de.ts",
            "lang/zh-tw.js",
            "config/locales/de.yml",
            "src/locale/is.js",
            "src/i18n/locales/fr.ts",
            "src/i18n/messages/fr.ts",
            "i18n/zh-cn/docusaurus-plugin-content-docs/current/a.md",
            "locale/de/lc_messages/django.po",
            "lib/l10n/app_localizations_de.dart",
            "src/i18n/messages.pt-br.ts",
            "readme.zh-cn.md",
            "readme_cn.md",
            "readme-ja.md",
            "docs/guide.fr.md",
        ];
        for path in paths {
            assert!(is_translation(path), "{path}");
        }
    }

    #[test]
    fn originals_and_code_are_none() {
        let paths = [
            "readme.md",
            "docs/en/guide.md",
            "docs/en-us/guide.md",
            "locales/en.json",
            "lang/en.inc.php",
            "readme.en.md",
            "src/it/java/a.java",
            "i18n/src/it/java/a.java",
            "src/no/a.rs",
            "pt/a.py",
            "is/index.js",
            "lang/go/a.go",
            "lang/de/stop_words.py",
            "lang/is.ts",
            "lang/cs.ts",
            "lang/parser.py",
            "languages/c/scanner.c",
            "languages/cs/parser.cs",
            "docs/cs/example.md",
            "docs/ml/training.md",
            "docs/de/conf.py",
            "docs/source/languages/c.md",
            "docs/example.cs.md",
            "src/no-op/readme.md",
            "src/i18n/index.ts",
            "src/i18n/log_in.ts",
            "translations/merge.py",
            "src/locale.rs",
            "de.rs",
            "",
        ];
        for path in paths {
            assert!(!is_translation(path), "{path}");
        }
    }
}
