//! Labelled pairs and the files that they are about.

use pipeline::domain::chunk::Outline;
use pipeline::domain::quality::Elsewhere;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

/// One labelled pair.
#[derive(Deserialize)]
pub struct Pair {
    pub id: String,
    pub package: String,
    pub version: String,
    pub path: String,
    /// Of the file; where it is not told, any file will do.
    pub sha256: Option<String>,
    pub language: String,
    pub question: String,
    pub answer: String,
    pub wrong_answer: Option<String>,
    pub wrong_kind: Option<String>,
    /// The file that the pair is about.
    #[serde(skip)]
    pub source: String,
    /// What its package defines.
    #[serde(skip)]
    pub package_has: Rc<Package>,
}

/// A package, standing for the repository of a pair.
#[derive(Default)]
pub struct Package {
    /// Names that its files define, in order.
    pub names: Vec<String>,
    pub elsewhere: Elsewhere,
}

/// The pairs that come with the benchmark; cargo tells where their packages are.
pub fn own() -> Vec<Pair> {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .output()
        .unwrap();
    assert!(
        metadata.status.success(),
        "{}",
        String::from_utf8_lossy(&metadata.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let text = |package: &serde_json::Value, key: &str| package[key].as_str().unwrap().to_owned();
    let roots: BTreeMap<String, PathBuf> = packages
        .map(|package| {
            let name = format!("{}-{}", text(package, "name"), text(package, "version"));
            let root = Path::new(&text(package, "manifest_path"))
                .parent()
                .unwrap()
                .to_owned();
            (name, root)
        })
        .collect();
    let pairs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/pairs/pairs.jsonl");
    load(Path::new(pairs), |package| roots.get(package).cloned())
}

/// Reads the pairs of which the file is the one they were written about, and says how many are not. `root_of` finds a `<package>-<version>`.
pub fn load(pairs: &Path, root_of: impl Fn(&str) -> Option<PathBuf>) -> Vec<Pair> {
    let lines = std::fs::read_to_string(pairs).unwrap();
    let mut pairs: Vec<Pair> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let all = pairs.len();
    let mut packages: BTreeMap<PathBuf, Rc<Package>> = BTreeMap::new();
    pairs.retain_mut(|pair| {
        let root = root_of(&format!("{}-{}", pair.package, pair.version));
        let source = root.and_then(|root| Some((pair.read(&root)?, root)));
        source.is_some_and(|(source, root)| {
            pair.source = source;
            let package = packages.entry(root.clone());
            pair.package_has = Rc::clone(package.or_insert_with(|| Rc::new(Package::of(&root))));
            true
        })
    });
    if pairs.len() < all {
        println!(
            "{} of {all} pairs left out: their file is not there, or another one by now",
            all - pairs.len()
        );
    }
    pairs
}

impl Pair {
    /// Its file, if that is the one it was written about.
    fn read(&self, root: &Path) -> Option<String> {
        let places = [root.join(&self.path), root.join("package").join(&self.path)];
        let place = places.iter().find(|place| place.is_file())?;
        let bytes = std::fs::read(place).unwrap();
        let sum: String = Sha256::digest(&bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let is_same = self.sha256.as_ref().is_none_or(|told| *told == sum);
        is_same.then(|| String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Package {
    fn of(root: &Path) -> Self {
        let mut package = Package::default();
        // A package may be a link into the registry's folder.
        let files = walkdir::WalkDir::new(root).follow_root_links(true);
        for file in files.sort_by_file_name().into_iter().flatten() {
            let path = file.path().strip_prefix(root).unwrap().to_str().unwrap();
            let Ok(bytes) = std::fs::read(file.path()) else {
                continue;
            };
            package.elsewhere.add_path(path);
            let text = String::from_utf8_lossy(&bytes);
            let outline = Outline::of(&text, language_of(path));
            package.elsewhere.add_definitions(&outline, &text);
            let symbols = outline.symbols.iter();
            package
                .names
                .extend(symbols.map(|symbol| symbol.short_name().to_owned()));
        }
        package
    }
}

/// The language that the outline knows a file's suffix by.
pub fn language_of(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "rs" => "Rust",
        "py" => "Python",
        "js" | "cjs" | "mjs" => "JavaScript",
        "ts" | "mts" | "cts" => "TypeScript",
        "c" | "h" => "C",
        "cc" | "cpp" | "hpp" => "C++",
        "cs" => "C#",
        "go" => "Go",
        "java" => "Java",
        "kt" => "Kotlin",
        "lua" => "Lua",
        "php" => "PHP",
        "rb" => "Ruby",
        "sh" => "Shell",
        "swift" => "Swift",
        _ => "Text",
    }
}
