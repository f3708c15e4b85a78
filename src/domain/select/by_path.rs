//! The checks that need no more than a file's path: where it lies and what it is called.
//!
//! Starts from linguist's `vendor.yml` and `generated.rb` and corrects them, as those serve statistics: a folder called `cache`,
//! `env`, `dist` or `extern` below the sources is code (`src/cache/lru.rs`, rustup's `src/dist/`), a `Vagrantfile` and a `.d.ts` are worth reading.

use super::reason::SkipReason;
use super::{names, places};

/// A path in lower case, cut into folders and a name.
pub(super) struct PathWords {
    lower: String,
    name_at: usize,
}

impl PathWords {
    pub(super) fn of(path: &str) -> Self {
        let lower = path.to_lowercase();
        let name_at = lower.rfind('/').map_or(0, |at| at + 1);
        PathWords { lower, name_at }
    }

    pub(super) fn name(&self) -> &str {
        &self.lower[self.name_at..]
    }

    fn folders(&self) -> impl Iterator<Item = &str> {
        self.lower[..self.name_at]
            .split('/')
            .filter(|folder| !folder.is_empty())
    }

    fn top(&self) -> &str {
        self.folders().next().unwrap_or_default()
    }

    fn is_below(&self, folder: &str) -> bool {
        self.folders().any(|one| one == folder)
    }

    /// Text after the last dot of the name; empty without one.
    fn suffix(&self) -> &str {
        self.name()
            .rsplit_once('.')
            .map_or("", |(_, suffix)| suffix)
    }

    fn has_web_suffix(&self) -> bool {
        places::WEB_SUFFIXES.contains(&self.suffix())
    }
}

/// A copy of someone else's code, by folder or by well-known name.
pub(super) fn is_vendored(path: &PathWords) -> bool {
    path.folders()
        .any(|folder| places::VENDOR_FOLDERS.contains(&folder))
        || places::VENDOR_TOP_FOLDERS.contains(&path.top())
        || places::VENDOR_PATHS
            .iter()
            .any(|part| path.lower.contains(part))
        || places::VENDOR_NAMES.contains(&path.name())
        || is_known_library(path)
}

/// `jquery-3.6.0.js` is a copy anywhere; a plain `jquery.js` is one unless it lies among sources, as in jQuery's own repository.
fn is_known_library(path: &PathWords) -> bool {
    if !path.has_web_suffix() {
        return false;
    }
    let stem = path.name().rsplit_once('.').map_or("", |(stem, _)| stem);
    let is_plain = places::LIBRARY_PLAIN.contains(&stem)
        || places::LIBRARY_STARTS
            .iter()
            .any(|start| stem.starts_with(start));
    is_plain && !path.is_below("src")
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
pub(super) fn is_fixture(path: &PathWords) -> bool {
    let (mut is_among_tests, mut is_right_below) = (false, false);
    for folder in path.folders() {
        if places::FIXTURE_FOLDERS.contains(&folder)
            || is_among_tests && places::TEST_DATA_FOLDERS.contains(&folder)
            || is_right_below && places::TEST_DATA_TOP_FOLDERS.contains(&folder)
        {
            return true;
        }
        is_right_below = places::TEST_FOLDERS.contains(&folder);
        is_among_tests |= is_right_below;
    }
    path.suffix() == "snap"
}

/// What builds, package managers and editors write.
pub(super) fn is_build_output(path: &PathWords) -> bool {
    path.top() == "dist"
        || path.is_below("dist") && path.has_web_suffix() && !path.is_below("src")
        || path.folders().any(is_output_folder)
        || places::OUTPUT_PATHS
            .iter()
            .any(|part| path.lower.contains(part))
}

fn is_output_folder(folder: &str) -> bool {
    places::OUTPUT_FOLDERS.contains(&folder)
        || places::OUTPUT_FOLDER_ENDS
            .iter()
            .any(|end| folder.ends_with(end))
        || folder.starts_with("cmake-build-")
}

/// Any check on the name alone that the file fails.
pub(super) fn of_name(path: &PathWords, generated: Option<bool>) -> Option<SkipReason> {
    let name = path.name();
    if is_lock(name) {
        return Some(SkipReason::LockFile);
    }
    if generated != Some(false) {
        if is_generated(path) {
            return Some(SkipReason::GeneratedName);
        }
        if is_minified(name) {
            return Some(SkipReason::Minified);
        }
    }
    if is_key_file(path) {
        return Some(SkipReason::KeyFile);
    }
    if is_boilerplate(path) {
        return Some(SkipReason::Boilerplate);
    }
    names::BINARY_SUFFIXES
        .contains(&path.suffix())
        .then_some(SkipReason::Binary)
}

fn is_lock(name: &str) -> bool {
    name.ends_with(".lock") || names::LOCK_NAMES.contains(&name)
}

fn is_generated(path: &PathWords) -> bool {
    path.folders()
        .any(|folder| names::GENERATED_FOLDERS.contains(&folder))
        || names::GENERATED_NAMES.contains(&path.name())
        || names::GENERATED_ENDS
            .iter()
            .any(|end| path.name().ends_with(end))
        || names::GENERATED_STARTS
            .iter()
            .any(|start| path.name().starts_with(start))
}

fn is_minified(name: &str) -> bool {
    names::MINIFIED_ENDS.iter().any(|end| name.ends_with(end))
}

/// Files whose whole point is a secret. They are never opened. Templates (`.env.example`) are no secrets.
fn is_key_file(path: &PathWords) -> bool {
    let name = path.name();
    if names::TEMPLATE_WORDS.iter().any(|word| name.contains(word)) {
        return false;
    }
    names::KEY_NAMES.contains(&name)
        || names::KEY_SUFFIXES.contains(&path.suffix())
        || name.starts_with(".env.")
        || path
            .folders()
            .any(|folder| names::KEY_FOLDERS.contains(&folder))
}

/// `LICENSE`, `LICENSE-MIT`, `CHANGELOG.md`; but `license.rs` is code, and `docs/security.md` may tell how the program is secured.
fn is_boilerplate(path: &PathWords) -> bool {
    let (stem, suffix) = path.name().split_once('.').unwrap_or((path.name(), ""));
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
