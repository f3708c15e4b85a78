//! The checks that need no more than a file's path: where it lies and what it is called.
//!
//! Starts from linguist's `vendor.yml` and `generated.rb` and corrects them, as those serve statistics: a folder called `cache`,
//! `env`, `dist` or `extern` below the sources is code (`src/cache/lru.rs`, rustup's `src/dist/`), a `Vagrantfile` and a `.d.ts` are worth reading.

use super::reason::SkipReason;
use super::{names, places, translation};
use aho_corasick::AhoCorasick;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A path in lower case, with what its folders' names and its suffix mean. Every name is looked up once.
pub(super) struct PathWords<'a> {
    lower: Cow<'a, str>,
    name_at: usize,
    /// What any of its folders is, or a part that is more than one word.
    marks: Marks,
    is_fixture: bool,
    suffix: Option<&'static Suffix>,
}

/// What a folder's name means: a set of the bits below.
type Marks = u16;
const VENDOR: Marks = 1;
const FIXTURE: Marks = 1 << 1;
const TESTS: Marks = 1 << 2;
const TEST_DATA: Marks = 1 << 3;
const TEST_DATA_TOP: Marks = 1 << 4;
const OUTPUT: Marks = 1 << 5;
const GENERATED: Marks = 1 << 6;
const KEYS: Marks = 1 << 7;
const SOURCES: Marks = 1 << 8;
const DIST: Marks = 1 << 9;
const TEMPLATES: Marks = 1 << 10;

static FOLDERS: LazyLock<HashMap<&str, Marks>> = LazyLock::new(|| {
    let tables: [(&[&str], Marks); 11] = [
        (places::VENDOR_FOLDERS, VENDOR),
        (places::FIXTURE_FOLDERS, FIXTURE),
        (places::TEST_FOLDERS, TESTS),
        (places::TEST_DATA_FOLDERS, TEST_DATA),
        (places::TEST_DATA_TOP_FOLDERS, TEST_DATA_TOP),
        (places::OUTPUT_FOLDERS, OUTPUT),
        (names::GENERATED_FOLDERS, GENERATED),
        (names::KEY_FOLDERS, KEYS),
        (&["src"], SOURCES),
        (&["dist"], DIST),
        (names::TEMPLATE_FOLDERS, TEMPLATES),
    ];
    let mut marks: HashMap<&str, Marks> = HashMap::new();
    for (table, mark) in tables {
        for folder in table {
            *marks.entry(folder).or_default() |= mark;
        }
    }
    marks
});

/// What the text after a name's last dot means.
#[derive(Default)]
struct Suffix {
    is_web: bool,
    is_key: bool,
    is_binary: bool,
    /// Ends of generated and of minified files' names that have this suffix.
    generated: Vec<&'static str>,
    minified: Vec<&'static str>,
}

static SUFFIXES: LazyLock<HashMap<&str, Suffix>> = LazyLock::new(|| {
    let mut suffixes: HashMap<&str, Suffix> = HashMap::new();
    for &suffix in places::WEB_SUFFIXES {
        suffixes.entry(suffix).or_default().is_web = true;
    }
    for &suffix in names::KEY_SUFFIXES {
        suffixes.entry(suffix).or_default().is_key = true;
    }
    for &suffix in names::BINARY_SUFFIXES {
        suffixes.entry(suffix).or_default().is_binary = true;
    }
    for &end in names::GENERATED_ENDS {
        suffixes
            .entry(suffix_of(end))
            .or_default()
            .generated
            .push(end);
    }
    for &end in names::MINIFIED_ENDS {
        suffixes
            .entry(suffix_of(end))
            .or_default()
            .minified
            .push(end);
    }
    suffixes
});

/// Every part of a path that says something, searched for in one go: those of other people's code first.
static PARTS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::new(places::VENDOR_PATHS.iter().chain(places::OUTPUT_PATHS)).ok()
});

/// Text after the last dot of a name; empty without one.
fn suffix_of(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, suffix)| suffix)
}

fn lower(path: &str) -> Cow<'_, str> {
    let stays = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    match path.bytes().all(stays) {
        true => Cow::Borrowed(path),
        false => Cow::Owned(path.to_lowercase()),
    }
}

impl<'a> PathWords<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let lower = lower(path);
        let name_at = lower.rfind('/').map_or(0, |at| at + 1);
        let (mut marks, mut is_fixture, mut parent) = (0, false, 0);
        for folder in words(&lower[..name_at]) {
            let own = FOLDERS.get(folder).copied().unwrap_or_default();
            is_fixture |= own & FIXTURE != 0
                || marks & TESTS != 0 && own & TEST_DATA != 0
                || parent & TESTS != 0 && own & TEST_DATA_TOP != 0;
            marks |= own;
            parent = own;
        }
        marks |= marks_of_parts(&lower);
        let suffix = SUFFIXES.get(suffix_of(&lower[name_at..]));
        PathWords {
            lower,
            name_at,
            marks,
            is_fixture,
            suffix,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.lower[self.name_at..]
    }

    fn folders(&self) -> impl Iterator<Item = &str> {
        words(&self.lower[..self.name_at])
    }

    fn top(&self) -> &str {
        self.folders().next().unwrap_or_default()
    }

    /// Whether a folder or part of it has one of these marks.
    fn is_below(&self, marks: Marks) -> bool {
        self.marks & marks != 0
    }

    fn has_web_suffix(&self) -> bool {
        self.suffix.is_some_and(|suffix| suffix.is_web)
    }
}

fn marks_of_parts(path: &str) -> Marks {
    let Some(parts) = PARTS.as_ref() else {
        return 0;
    };
    let mark = |part: usize| match part < places::VENDOR_PATHS.len() {
        true => VENDOR,
        false => OUTPUT,
    };
    parts
        .find_overlapping_iter(path)
        .fold(0, |marks, found| marks | mark(found.pattern().as_usize()))
}

fn words(folders: &str) -> impl Iterator<Item = &str> {
    folders.split('/').filter(|folder| !folder.is_empty())
}

/// A copy of someone else's code, by folder or by well-known name.
pub(super) fn is_vendored(path: &PathWords<'_>) -> bool {
    path.is_below(VENDOR)
        || places::VENDOR_TOP_FOLDERS.contains(&path.top())
        || places::VENDOR_NAMES.contains(&path.name())
        || is_known_library(path)
}

/// `jquery-3.6.0.js` is a copy anywhere; a plain `jquery.js` is one unless it lies among sources, as in jQuery's own repository.
fn is_known_library(path: &PathWords<'_>) -> bool {
    if !path.has_web_suffix() {
        return false;
    }
    let stem = path.name().rsplit_once('.').map_or("", |(stem, _)| stem);
    let is_plain = places::LIBRARY_PLAIN.contains(&stem)
        || places::LIBRARY_STARTS
            .iter()
            .any(|start| stem.starts_with(start));
    is_plain && !path.is_below(SOURCES)
        || is_versioned_library(path.name())
        || path.folders().any(is_versioned_library)
}

/// `jquery-3.6.0.js`, `bootstrap-5.1`: a library's name and a version.
fn is_versioned_library(name: &str) -> bool {
    places::LIBRARY_STEMS.iter().any(|library| {
        let mut rest = name.strip_prefix(library).unwrap_or_default().bytes();
        matches!(rest.next(), Some(b'-' | b'.'))
            && rest.next().is_some_and(|byte| byte.is_ascii_digit())
    })
}

/// Data that tests read: folders that only ever hold such, and, inside a folder of tests, those that mostly do.
pub(super) fn is_fixture(path: &PathWords<'_>) -> bool {
    path.is_fixture || path.name().ends_with(".snap")
}

/// What builds, package managers and editors write.
pub(super) fn is_build_output(path: &PathWords<'_>) -> bool {
    path.top() == "dist"
        || path.is_below(DIST) && path.has_web_suffix() && !path.is_below(SOURCES)
        || path.is_below(OUTPUT)
        || path.folders().any(is_output_folder)
}

/// Folders told by a part of their name.
fn is_output_folder(folder: &str) -> bool {
    folder.contains('.')
        && places::OUTPUT_FOLDER_ENDS
            .iter()
            .any(|end| folder.ends_with(end))
        || folder.starts_with("cmake-build-")
}

/// Any check on the name alone that the file fails.
pub(super) fn of_name(path: &PathWords<'_>, generated: Option<bool>) -> Option<SkipReason> {
    let name = path.name();
    if is_lock(name) {
        return Some(SkipReason::LockFile);
    }
    if generated != Some(false) {
        if is_generated(path) {
            return Some(SkipReason::GeneratedName);
        }
        if is_minified(path) {
            return Some(SkipReason::Minified);
        }
    }
    if is_key_file(path) {
        return Some(SkipReason::KeyFile);
    }
    if is_boilerplate(path) {
        return Some(SkipReason::Boilerplate);
    }
    if translation::is_translation(&path.lower) {
        return Some(SkipReason::Translation);
    }
    path.suffix
        .is_some_and(|suffix| suffix.is_binary)
        .then_some(SkipReason::Binary)
}

fn is_lock(name: &str) -> bool {
    name.ends_with(".lock") || names::LOCK_NAMES.contains(&name)
}

fn is_generated(path: &PathWords<'_>) -> bool {
    let name = path.name();
    path.is_below(GENERATED)
        || names::GENERATED_NAMES.contains(&name)
        || path
            .suffix
            .is_some_and(|suffix| suffix.generated.iter().any(|end| name.ends_with(end)))
        || names::GENERATED_STARTS
            .iter()
            .any(|start| name.starts_with(start))
}

fn is_minified(path: &PathWords<'_>) -> bool {
    let name = path.name();
    path.suffix
        .is_some_and(|suffix| suffix.minified.iter().any(|end| name.ends_with(end)))
}

/// Files whose whole point is a secret. They are never opened. Templates (`.env.example`) are no secrets.
fn is_key_file(path: &PathWords<'_>) -> bool {
    let name = path.name();
    let is_key = path.is_below(KEYS)
        || path.suffix.is_some_and(|suffix| suffix.is_key)
        || name.starts_with(".env.")
        || names::KEY_NAMES.contains(&name);
    is_key && !names::TEMPLATE_WORDS.iter().any(|word| name.contains(word))
}

/// `LICENSE`, `LICENSE-MIT`, `CHANGELOG.md`, the forms of issues; but `license.rs` is code, and `docs/security.md` may tell how the program is secured.
fn is_boilerplate(path: &PathWords<'_>) -> bool {
    let (stem, suffix) = path.name().split_once('.').unwrap_or((path.name(), ""));
    if path.is_below(TEMPLATES) {
        return true;
    }
    if !names::TEXT_SUFFIXES.contains(&suffix) {
        return false;
    }
    let stem = stem.replace('_', "-");
    let is_at_top = matches!(path.top(), "" | ".github");
    names::BOILERPLATE_STEMS.contains(&stem.as_str())
        || is_at_top && names::TOP_BOILERPLATE_STEMS.contains(&stem.as_str())
        || names::LICENCE_STARTS
            .iter()
            .any(|start| stem.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(path: &str) -> Option<SkipReason> {
        let words = PathWords::of(path);
        if is_vendored(&words) {
            return Some(SkipReason::Vendored);
        }
        if is_fixture(&words) {
            return Some(SkipReason::Fixture);
        }
        if is_build_output(&words) {
            return Some(SkipReason::BuildOutput);
        }
        of_name(&words, None)
    }

    #[test]
    fn ends_of_names_are_found_by_their_suffix() {
        let ends = names::GENERATED_ENDS.iter().chain(names::MINIFIED_ENDS);
        assert_eq!(ends.filter(|end| suffix_of(end).is_empty()).count(), 0);
        let parts = places::VENDOR_PATHS.iter().chain(places::OUTPUT_PATHS);
        assert_eq!(parts.filter(|part| marks_of_parts(part) == 0).count(), 0);
    }

    #[test]
    fn code_that_linguists_lists_would_drop_is_kept() {
        let kept = [
            "src/cache/lru.rs",
            "cache/lru.go",
            "src/dist/manifest.rs",
            "src/env/mod.rs",
            "lib/extern/abi.c",
            "src/vendoring.py",
            "build/webpack.config.js",
            "scripts/build/main.go",
            "src/jquery.js",
            "src/effects.js",
            "src/controls.js",
            "types/index.d.ts",
            "Vagrantfile",
            "Jenkinsfile",
            "fabfile.py",
            "configure",
            "src/license.rs",
            "src/lock.rs",
            "src/fixtures.py",
            "src/target/mod.rs",
            "lib/Target/X86.cpp",
            "src/environment.ts",
            ".github/scripts/release.py",
            "src/generated.rs",
            "bin/run.sh",
            "src/snapshots/mod.rs",
            "pkg/golden/golden.go",
            "README.md",
            "docs/security.md",
            "docs/_static/custom.css",
            "docs/guide.rst",
            "src/key.rs",
            "src/react.js",
            "src/test/java/org/a/data/Row.java",
            "lib/chart.js",
            "public/jquery.menu.js",
            "testing/run.py",
            "tests/test_data_frame.py",
            "src/secrets.rs",
            "src/credentials.py",
            "INSTALL.md",
            "src/min.js",
            "packages/core/a.ts",
        ];
        for path in kept {
            assert_eq!(judge(path), None, "{path}");
        }
    }

    #[test]
    fn each_rule_of_place_and_name_has_its_reason() {
        use SkipReason::*;
        let cases = [
            ("node_modules/x/index.js", Vendored),
            ("a/vendor/x/y.go", Vendored),
            ("third_party/zlib/inflate.c", Vendored),
            ("Pods/AFNetworking/a.m", Vendored),
            ("deps/lua/lapi.c", Vendored),
            ("docs/jquery-3.6.0.js", Vendored),
            ("static/js/bootstrap.js", Vendored),
            ("m4/libtool.m4", Vendored),
            ("config.guess", Vendored),
            (".yarn/releases/yarn.cjs", Vendored),
            ("venv/lib/python3/site-packages/x.py", Vendored),
            ("x/testdata/a.go", Fixture),
            ("tests/fixtures/a.py", Fixture),
            ("spec/data/x.rb", Fixture),
            ("src/__snapshots__/a.js.snap", Fixture),
            ("src/snapshots/a.snap", Fixture),
            ("test/golden/a.c", Fixture),
            ("dist/a.py", BuildOutput),
            ("packages/a/dist/index.js", BuildOutput),
            (".next/x.js", BuildOutput),
            ("x.egg-info/PKG-INFO", BuildOutput),
            ("htmlcov/index.html", BuildOutput),
            (".idea/workspace.xml", BuildOutput),
            ("target/debug/a.rs", BuildOutput),
            ("App.xcodeproj/project.pbxproj", BuildOutput),
            ("Cargo.lock", LockFile),
            ("go.sum", LockFile),
            ("package-lock.json", LockFile),
            ("a/yarn.lock", LockFile),
            ("pnpm-lock.yaml", LockFile),
            ("api/x.pb.go", GeneratedName),
            ("x_pb2.py", GeneratedName),
            ("Form.Designer.cs", GeneratedName),
            ("zz_generated.deepcopy.go", GeneratedName),
            ("lib/model.g.dart", GeneratedName),
            ("src/__generated__/q.ts", GeneratedName),
            ("gradlew", GeneratedName),
            ("x/.pnp.cjs", GeneratedName),
            ("a.min.js", Minified),
            ("js/app.bundle.js", Minified),
            ("a.js.map", Minified),
            ("x.min.css", Minified),
            (".env", KeyFile),
            (".env.production", KeyFile),
            ("certs/server.key", KeyFile),
            ("id_rsa", KeyFile),
            ("a.pem", KeyFile),
            (".npmrc", KeyFile),
            (".netrc", KeyFile),
            (".ssh/config", KeyFile),
            ("x.p12", KeyFile),
            ("LICENSE", Boilerplate),
            (".github/ISSUE_TEMPLATE/Bug_Report.md", Boilerplate),
            (".github/ISSUE_TEMPLATE/config.yml", Boilerplate),
            ("issue_template.md", Boilerplate),
            (".github/PULL_REQUEST_TEMPLATE.md", Boilerplate),
            ("docs/PULL_REQUEST_TEMPLATE/fix.md", Boilerplate),
            ("tests/testthat/_snaps/alerts.md", Fixture),
            ("README.zh-CN.md", Translation),
            ("App/Lang/de.inc.php", Translation),
            ("LICENSE-MIT", Boilerplate),
            ("CHANGELOG.md", Boilerplate),
            ("CODE_OF_CONDUCT.md", Boilerplate),
            ("logo.png", Binary),
            ("a.zip", Binary),
        ];
        for (path, reason) in cases {
            assert_eq!(judge(path), Some(reason), "{path}");
        }
        assert_eq!(judge(".env.example"), None);
    }
}
