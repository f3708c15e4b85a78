//! Speed of what is done to a new file before anything is asked about it, on one core.
//!
//! ```text
//! cargo bench --bench intake -- DIR           every file below DIR, not following links
//! cargo bench --bench intake -- --hostile     texts of 64 KiB to 1 MiB that are made to be slow: time must grow as size does
//! ```
//!
//! Prints MB/s of processor time for each stage, against the bytes that came to it; then, for each language with a grammar, a bare
//! tree-sitter parse (one parser, no limits, nothing made of the tree) beside the whole layout (lines, prices, outline). The best of
//! five rounds counts. `selected` is the sum of the stages a new file goes through after it is read: hash, select, redact,
//! licence, chunk. `first scan` is the time to find, read and hash every file, in turn with `find | xargs sha256sum` over the same folder.
#![allow(missing_docs, clippy::unwrap_used)]

use pipeline::domain::chunk::Layout;
use pipeline::domain::licence;
use pipeline::domain::redact;
use pipeline::domain::select::{
    self, Attributes, FileKind, PathFacts, SelectOptions, SourceText, Tracked,
};
use pipeline::walk;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 5;
/// Files of a megabyte and more are not selected.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// What a run cuts at for a window of 8192 tokens.
const CHUNK_BYTES: usize = 15_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .find(|one| *one != "--bench")
        .map(String::as_str)
    {
        Some("--hostile") => hostile(),
        Some(folder) => measure(Path::new(folder)),
        None => println!("say which folder: cargo bench --bench intake -- DIR"),
    }
}

/// Processor seconds of the fastest round.
fn cpu_secs(mut work: impl FnMut()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
    };
    let round = |_| {
        let start = now();
        work();
        now() - start
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// Processor seconds of doing something to every item.
fn cpu_secs_of<T, R>(items: &[T], work: impl Fn(&T) -> R) -> f64 {
    cpu_secs(|| {
        for item in items {
            black_box(work(item));
        }
    })
}

fn mb_per_sec(bytes: usize, secs: f64) -> f64 {
    bytes as f64 / 1e6 / secs
}

fn print_stage(name: &str, bytes: usize, secs: f64) {
    println!(
        "{name:<24} {:>8.1} MB {:>9.1} MB/s",
        bytes as f64 / 1e6,
        mb_per_sec(bytes, secs)
    );
}

/// A file with its path below the folder measured.
struct File {
    path: Vec<u8>,
    bytes: Vec<u8>,
}

fn measure(folder: &Path) {
    let paths: Vec<_> = walk::candidates(folder, |_| Tracked::Yes)
        .flatten()
        .filter(|one| one.kind == FileKind::Regular)
        .map(|one| one.path)
        .collect();
    let place = |path: &[u8]| -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        folder.join(std::ffi::OsStr::from_bytes(path))
    };
    let read = |path: &Vec<u8>| std::fs::read(place(path)).unwrap_or_default();
    let files: Vec<File> = paths
        .iter()
        .map(|path| File {
            path: path.clone(),
            bytes: read(path),
        })
        .collect();
    let all_bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    println!("{} files", files.len());
    print_first_scan(folder);
    let secs = cpu_secs_of(&paths, read);
    print_stage("read", all_bytes, secs);
    let options = SelectOptions::new(&[], &[], &[], FILE_BYTES_MAX).unwrap();
    let is_opened = |file: &&File| select::by_path(&facts(file), &options).is_ok();
    let secs = cpu_secs_of(&files, |file| is_opened(&file));
    print_stage("select by path", all_bytes, secs);
    let opened: Vec<&File> = files.iter().filter(is_opened).collect();
    measure_stages(&opened, &options);
}

fn print_first_scan(folder: &Path) {
    let scan = || {
        let found = walk::candidates(folder, |_| Tracked::Yes).flatten();
        for one in found.filter(|one| one.kind == FileKind::Regular) {
            drop(black_box(walk::read(folder, &one.path, u64::MAX)));
        }
    };
    let plain = || {
        let script =
            "find \"$0\" -name .git -prune -o -type f -print0 | xargs -0 sha256sum > /dev/null";
        let mut shell = Command::new("sh");
        let ended = shell.args(["-c", script]).arg(folder).status();
        assert!(ended.unwrap().success());
    };
    let wall_secs = |work: &dyn Fn()| {
        let start = Instant::now();
        work();
        start.elapsed().as_secs_f64()
    };
    let rounds = (0..ROUNDS).map(|_| (wall_secs(&scan), wall_secs(&plain)));
    let (ours, theirs) = rounds.fold((f64::INFINITY, f64::INFINITY), |best, round| {
        (best.0.min(round.0), best.1.min(round.1))
    });
    println!(
        "first scan {ours:.2} s, find | xargs sha256sum {theirs:.2} s: {:.2} x",
        ours / theirs
    );
}

fn facts(file: &File) -> PathFacts<'_> {
    static NONE: Attributes = Attributes {
        generated: None,
        vendored: None,
        language: None,
    };
    PathFacts {
        path: &file.path,
        kind: FileKind::Regular,
        tracked: Tracked::Yes,
        file_bytes: file.bytes.len() as u64,
        attributes: &NONE,
    }
}

fn measure_stages(opened: &[&File], options: &SelectOptions) {
    let bytes = opened.iter().map(|file| file.bytes.len()).sum();
    let mut sum = 0.0;
    let mut stage = |name: &str, bytes: usize, secs: f64| {
        sum += secs;
        print_stage(name, bytes, secs);
    };
    let hash = |file: &&File| Sha256::digest(&file.bytes);
    stage("hash", bytes, cpu_secs_of(opened, hash));
    let take = |file: &&File| select::by_content(&file.bytes, &facts(file), options).ok();
    stage("select by content", bytes, cpu_secs_of(opened, take));
    let texts: Vec<SourceText> = opened.iter().filter_map(take).collect();
    let text_bytes = texts.iter().map(|one| one.text.len()).sum();
    let mut each =
        |name, work: &dyn Fn(&SourceText)| stage(name, text_bytes, cpu_secs_of(&texts, work));
    each("redact", &|one| drop(black_box(redact::redact(&one.text))));
    each("licence", &|one| {
        drop(black_box(licence::of_file(&one.text)))
    });
    each("chunk", &|one| cut(&one.text, one.language.name()));
    print_stage("selected", text_bytes, sum);
    print_languages(&texts);
}

fn cut(text: &str, language: &str) {
    let layout = Layout::of(text, language);
    black_box(layout.split(text, CHUNK_BYTES));
}

fn print_languages(texts: &[SourceText]) {
    let mut by_language: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in texts {
        by_language
            .entry(one.language.name())
            .or_default()
            .push(&one.text);
    }
    println!(
        "\n{:<16} {:>6} {:>8} {:>14} {:>14}",
        "language", "files", "MB", "parse MB/s", "layout MB/s"
    );
    for (language, texts) in by_language {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        if bytes < 20_000 {
            continue;
        }
        let parse = parser(language).map(|parser| {
            let parser = RefCell::new(parser);
            let secs = cpu_secs_of(&texts, |text| parser.borrow_mut().parse(text, None));
            format!("{:.1}", mb_per_sec(bytes, secs))
        });
        let secs = cpu_secs(|| texts.iter().for_each(|text| cut(text, language)));
        println!(
            "{language:<16} {:>6} {:>8.2} {:>14} {:>14.1}",
            texts.len(),
            bytes as f64 / 1e6,
            parse.unwrap_or_default(),
            mb_per_sec(bytes, secs)
        );
    }
}

fn parser(language: &str) -> Option<tree_sitter::Parser> {
    let function = match language {
        "Rust" => tree_sitter_rust::LANGUAGE,
        "Python" => tree_sitter_python::LANGUAGE,
        "JavaScript" => tree_sitter_javascript::LANGUAGE,
        "TypeScript" => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        "TSX" => tree_sitter_typescript::LANGUAGE_TSX,
        "Go" => tree_sitter_go::LANGUAGE,
        "Java" => tree_sitter_java::LANGUAGE,
        "C" => tree_sitter_c::LANGUAGE,
        "C++" => tree_sitter_cpp::LANGUAGE,
        "Ruby" => tree_sitter_ruby::LANGUAGE,
        "PHP" => tree_sitter_php::LANGUAGE_PHP,
        "Shell" => tree_sitter_bash::LANGUAGE,
        "Lua" => tree_sitter_lua::LANGUAGE,
        _ => return None,
    };
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&function.into()).ok()?;
    Some(parser)
}

/// Texts made to be slow, at four sizes: for each language the worst of them, as MB/s at the smallest and at the largest size.
fn hostile() {
    const SIZES: [usize; 3] = [64 << 10, 256 << 10, 1 << 20];
    let makers: &[(&str, &str)] = &[
        ("brackets", "("),
        ("braces", "{\n"),
        (
            "minified",
            "function a(b,c){return b?c[0]:{d:1}};var e=a(1,2);",
        ),
        ("one string", "\""),
        ("here documents", "<<A\n"),
        ("comments", "/*"),
        ("tags", "<div>"),
        ("calls", "a(b,"),
        ("lines", "x = y\n"),
        ("blank lines", "\n"),
        ("fences", "```\n"),
        ("headings", "# a\n"),
    ];
    println!(
        "{:<16} {:<12} {:>12} {:>12} {:>12}",
        "text", "language", "64 KiB", "256 KiB", "1 MiB"
    );
    for &(name, piece) in makers {
        for language in [
            "Rust",
            "Python",
            "JavaScript",
            "TSX",
            "C++",
            "Ruby",
            "PHP",
            "Shell",
            "Java",
            "Markdown",
            "YAML",
        ] {
            let speed = |bytes: usize| {
                let text = piece.repeat(bytes / piece.len());
                let secs = cpu_secs(|| cut(&text, language));
                format!("{:>7.1} MB/s", mb_per_sec(text.len(), secs))
            };
            let [small, middle, large] = SIZES.map(speed);
            println!("{name:<16} {language:<12} {small} {middle} {large}");
        }
    }
}
