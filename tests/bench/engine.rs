//! Benchmark of the model engine: the real program against a bare tokio + reqwest + SQLite loop, both against one scripted server.
//!
//! ```text
//! cargo bench --bench engine                     everything, about a quarter of an hour
//! cargo bench --bench engine -- speed gate       only these sections
//! cargo bench --bench engine -- quick speed      one pair of each, 2,000 files wherever it says 20,000
//! ```
//!
//! The server is a thread of this process, so that its time is not counted. It gives each body the answer that the tests' honest model gives,
//! found out in a first run, which also records every body; the yardstick then sends these bodies again. Each pair is the program, then the
//! yardstick; what is printed is the median over the pairs. Linux only: costs are read from `/proc`.
//!
//! | section | shows |
//! |---|---|
//! | `speed` | *wall*: from the first request to the last answer, by the server's clock. *cpu*: user and system time of the whole process over its requests; the program's includes finding, parsing and checking. *peak*: largest resident set. *open*, *in flight*: connections and requests by the server's count |
//! | `memory` | peak on 20,000 files beside 2,000, at concurrency 256 |
//! | `start` | a whole `prepare` that finds nothing to do: in a small repository, and in one of 2,000 and of 20,000 unchanged files; and when the first request left after the start of the process |
//! | `storage` | the same run on disk and in `/dev/shm`, where `synchronous=FULL` costs what NORMAL does: what all waiting for the disk costs |
//! | `gate` | servers that allow so many requests a second or in flight, at `--concurrency 64`: share of the allowed rate used from the first request to the last answer, share of requests refused |
//! | `ramp` | a server that knows neither `json_schema` nor `max_tokens`: how many requests find that out |
//!
//! The targets beside the figures are those of the project; `ok` or `MISS` says whether they were met.
#![allow(missing_docs, clippy::unwrap_used)]

#[path = "engine/child.rs"]
mod child;
#[path = "../it/model_server.rs"]
mod model_server;
#[path = "engine/server.rs"]
mod server;
#[path = "engine/tree.rs"]
mod tree;
#[path = "engine/yardstick.rs"]
mod yardstick;

use child::Cost;
use server::{Figures, Manner, Rule, Server};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LATENCY: Duration = Duration::from_millis(200);
const SMALL: usize = 2_000;
const LARGE: usize = 20_000;

type Section = fn(&Bench);

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [role, bodies, url, concurrency, database, synchronous] = &arguments[..]
        && role == "yardstick"
    {
        yardstick::run(
            Path::new(bodies),
            url,
            concurrency.parse().unwrap(),
            Path::new(database),
            synchronous,
        );
        return;
    }
    let sections: [(&str, Section); 6] = [
        ("start", start),
        ("speed", speed),
        ("memory", memory),
        ("storage", storage),
        ("ramp", ramp),
        ("gate", gate),
    ];
    let is_named = |name: &str| arguments.iter().any(|argument| argument == name);
    let bench = Bench {
        server: Server::start(),
        is_quick: is_named("quick"),
        small: OnceCell::new(),
        large: OnceCell::new(),
    };
    let is_whole = !sections.iter().any(|(name, _)| is_named(name));
    for (name, section) in sections {
        if is_whole || is_named(name) {
            section(&bench);
        }
    }
}

/// Prints one figure with its target.
fn told(what: &str, figure: String, target: &str, is_met: bool) {
    println!(
        "{what:<58} {figure:>12}   {target:<12} {}",
        if is_met { "ok" } else { "MISS" }
    );
}

fn title(text: &str) {
    println!("\n{text:<58} {:>12}   {:<12}", "", "target");
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

struct Bench {
    server: Server,
    is_quick: bool,
    small: OnceCell<Tree>,
    large: OnceCell<Tree>,
}

/// A workspace with one repository.
struct Tree {
    home: TempDir,
}

/// One measured run.
struct Run {
    cost: Cost,
    seen: Figures,
}

impl Run {
    fn cpu_us(&self) -> f64 {
        self.cost.cpu.as_secs_f64() * 1e6 / self.seen.served as f64
    }

    fn wall(&self) -> f64 {
        self.seen.wall().as_secs_f64()
    }
}

impl Tree {
    /// A workspace below `place` whose repository has so many files, cloned.
    fn of(files: usize, place: &Path) -> Self {
        let home = tempfile::tempdir_in(place).unwrap();
        tree::grow(&home.path().join("harbour"), files);
        let tree = Tree { home };
        std::fs::create_dir(tree.work()).unwrap();
        std::fs::write(
            tree.work().join("repos.txt"),
            format!("file://{}\n", tree.home.path().join("harbour").display()),
        )
        .unwrap();
        child::wall(&mut tree.program(&["scrape", "-q"]));
        tree
    }

    fn work(&self) -> PathBuf {
        self.home.path().join("work")
    }

    fn bodies(&self) -> PathBuf {
        self.home.path().join("bodies")
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pipeline"));
        command.args(arguments).current_dir(self.work()).env_clear();
        command
            .env("HOME", self.home.path())
            .env("GIT_CONFIG_NOSYSTEM", "1");
        command
    }

    /// Forgets every sample and every answer.
    fn forget(&self) {
        for folder in ["data", "logs"] {
            let _ = std::fs::remove_dir_all(self.work().join(folder));
        }
    }
}

impl Bench {
    /// The tree of 2,000 or of 20,000 files, every answer known and every body recorded; the small one for both in a quick run.
    fn tree(&self, files: usize) -> &Tree {
        let place = if files == SMALL || self.is_quick {
            &self.small
        } else {
            &self.large
        };
        place.get_or_init(|| {
            let tree = Tree::of(if self.is_quick { SMALL } else { files }, &disk());
            self.record(&tree, &[]);
            tree
        })
    }

    fn repeats(&self, times: usize) -> usize {
        if self.is_quick { 1 } else { times }
    }

    /// One whole `prepare` from nothing.
    fn prepare(&self, tree: &Tree, concurrency: usize, manner: Manner, more: &[&str]) -> Run {
        tree.forget();
        self.server.reset(manner);
        self.go_on(tree, concurrency, more)
    }

    fn command(&self, tree: &Tree, concurrency: usize) -> Command {
        let url = format!("http://{}/v1", self.server.address);
        let mut command = tree.program(&["prepare", "-q", "--base-url", &url]);
        command.args(["--concurrency", &concurrency.to_string()]);
        command
    }

    fn go_on(&self, tree: &Tree, concurrency: usize, more: &[&str]) -> Run {
        let cost = child::run(self.command(tree, concurrency).args(more));
        Run {
            cost,
            seen: self.server.figures(),
        }
    }

    /// The run that finds out every answer and records every body.
    fn record(&self, tree: &Tree, more: &[&str]) -> Run {
        tree.forget();
        self.server.reset(Manner::default());
        self.server.record(&tree.bodies());
        self.go_on(tree, 64, more)
    }

    fn yardstick(&self, tree: &Tree, concurrency: usize, manner: Manner, synchronous: &str) -> Run {
        self.server.reset(manner);
        let database = tempfile::tempdir_in(tree.home.path()).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("yardstick").arg(tree.bodies()).arg(format!(
            "http://{}/v1/chat/completions",
            self.server.address
        ));
        command
            .arg(concurrency.to_string())
            .arg(database.path().join("answers.db"))
            .arg(synchronous);
        let cost = child::run(&mut command);
        Run {
            cost,
            seen: self.server.figures(),
        }
    }
}

fn disk() -> PathBuf {
    std::env::temp_dir()
}

/// One comparison with the yardstick.
struct Case {
    files: usize,
    concurrency: usize,
    latency: Duration,
    pairs: usize,
    /// Most CPU, in times of the yardstick's.
    cpu_times: f64,
}

fn speed(bench: &Bench) {
    let case = |files, concurrency, latency, pairs, cpu_times| Case {
        files,
        concurrency,
        latency,
        pairs,
        cpu_times,
    };
    for case in [
        case(SMALL, 64, LATENCY, 3, 2.0),
        case(LARGE, 256, LATENCY, 3, 2.0),
        case(SMALL, 64, Duration::ZERO, 7, 3.0),
        case(SMALL, 256, Duration::ZERO, 7, 3.0),
    ] {
        compare(bench, &case);
    }
}

fn compare(bench: &Bench, case: &Case) {
    let &Case {
        files,
        concurrency,
        latency,
        ..
    } = case;
    let tree = bench.tree(files);
    let manner = Manner {
        latency,
        ..Manner::default()
    };
    let pairs: Vec<(Run, Run)> = (0..bench.repeats(case.pairs))
        .map(|_| {
            (
                bench.prepare(tree, concurrency, manner, &[]),
                bench.yardstick(tree, concurrency, manner, "FULL"),
            )
        })
        .collect();
    let requests = pairs[0].0.seen.served;
    assert!(
        pairs
            .iter()
            .all(|(ours, bare)| ours.seen.served == bare.seen.served),
        "the pairs differ in requests"
    );
    title(&format!(
        "speed: {} files, {requests} requests, latency {} ms, concurrency {concurrency}",
        if bench.is_quick { SMALL } else { files },
        latency.as_millis()
    ));
    tell_costs(&pairs, case);
    if !latency.is_zero() {
        tell_flow(&pairs, concurrency);
    }
}

/// Medians over the pairs: the program, the yardstick, the one over the other.
fn medians(pairs: &[(Run, Run)], of: impl Fn(&Run) -> f64) -> (f64, f64, f64) {
    (
        median(pairs.iter().map(|(ours, _)| of(ours))),
        median(pairs.iter().map(|(_, bare)| of(bare))),
        median(pairs.iter().map(|(ours, bare)| of(ours) / of(bare))),
    )
}

fn tell_costs(pairs: &[(Run, Run)], case: &Case) {
    let (ours, bare, ratio) = medians(pairs, Run::wall);
    println!("  wall, s (yardstick {bare:.2}) {ours:>38.2}");
    if case.latency.is_zero() {
        println!("  wall, times the yardstick {ratio:>43.3}");
    } else {
        told(
            "  wall, times the yardstick",
            format!("{ratio:.3}"),
            "<= 1.03",
            ratio <= 1.03,
        );
    }
    let (ours, bare, ratio) = medians(pairs, Run::cpu_us);
    println!("  cpu, us a request (yardstick {bare:.0}) {ours:>32.0}");
    told(
        "  cpu, times the yardstick",
        format!("{ratio:.2}"),
        &format!("<= {:.0}", case.cpu_times),
        ratio <= case.cpu_times,
    );
    let (peak, bare, _) = medians(pairs, |run| run.cost.peak_mb);
    told(
        &format!("  peak, MB (yardstick {bare:.1})"),
        format!("{peak:.1}"),
        "<= 40",
        peak <= 40.0,
    );
}

fn tell_flow(pairs: &[(Run, Run)], concurrency: usize) {
    let most =
        |of: fn(&Figures) -> usize| pairs.iter().map(|(ours, _)| of(&ours.seen)).max().unwrap();
    let open = most(|seen| seen.connections_most);
    told(
        "  connections open, most",
        open.to_string(),
        &format!("<= {concurrency}"),
        open <= concurrency,
    );
    let in_flight = most(|seen| seen.in_flight_most);
    told(
        "  requests in flight, most",
        in_flight.to_string(),
        &format!("= {concurrency}"),
        in_flight == concurrency,
    );
    let (ours, bare, _) = medians(pairs, |run| run.seen.in_flight_mean);
    println!("  requests in flight, mean (yardstick {bare:.1}) {ours:>25.1}");
}

fn memory(bench: &Bench) {
    let manner = Manner {
        latency: LATENCY,
        ..Manner::default()
    };
    let [small, large] =
        [SMALL, LARGE].map(|files| bench.prepare(bench.tree(files), 256, manner, &[]));
    title("memory: concurrency 256, latency 200 ms");
    for (files, run) in [(SMALL, &small), (LARGE, &large)] {
        let peak = run.cost.peak_mb;
        told(
            &format!("  peak, MB, {files} files"),
            format!("{peak:.1}"),
            "<= 40",
            peak <= 40.0,
        );
    }
    let more = large.cost.peak_mb - small.cost.peak_mb;
    told(
        "  more for 20,000 files, MB",
        format!("{more:.1}"),
        "<= 10",
        more <= 10.0,
    );
}

fn start(bench: &Bench) {
    let tiny = Tree::of(10, &disk());
    bench.record(&tiny, &[]);
    title("start: a prepare with nothing to do, and the first request");
    let all_done = |tree: &Tree| {
        bench.prepare(tree, 64, Manner::default(), &[]);
        let walls = (0..11).map(|_| child::wall(&mut bench.command(tree, 64)).as_secs_f64() * 1e3);
        median(walls)
    };
    let ms = all_done(&tiny);
    told(
        "  10 files, all done, ms",
        format!("{ms:.1}"),
        "<= 30",
        ms <= 30.0,
    );
    for files in [SMALL, LARGE] {
        let ms = all_done(bench.tree(files));
        println!(
            "  {:<56} {ms:>12.1}",
            format!("{files} files, all done, ms")
        );
    }
    let firsts = (0..bench.repeats(7)).map(|_| first_request_ms(bench));
    let ms = median(firsts);
    told(
        "  first request on 20,000 new files, ms after the start",
        format!("{ms:.0}"),
        "<= 100",
        ms <= 100.0,
    );
}

fn first_request_ms(bench: &Bench) -> f64 {
    let tree = bench.tree(LARGE);
    tree.forget();
    bench.server.reset(Manner::default());
    let mut command = bench.command(tree, 64);
    command.args(["--max-requests", "1"]).stderr(Stdio::null());
    let started = Instant::now();
    // It ends with a used-up budget.
    let _ = command.status().unwrap();
    let first = bench.server.figures().first_at.unwrap();
    (first - started).as_secs_f64() * 1e3
}

fn storage(bench: &Bench) {
    let on_disk = bench.tree(SMALL);
    let in_memory = Tree::of(SMALL, Path::new("/dev/shm"));
    title("storage: 2,000 files on disk against /dev/shm");
    for (concurrency, latency, pairs) in
        [(64, LATENCY, 3), (256, LATENCY, 5), (64, Duration::ZERO, 7)]
    {
        let manner = Manner {
            latency,
            ..Manner::default()
        };
        let ratios = (0..bench.repeats(pairs)).map(|_| {
            let [disk, shm] = [on_disk, &in_memory]
                .map(|tree| bench.prepare(tree, concurrency, manner, &[]).wall());
            disk / shm
        });
        let cost = (median(ratios) - 1.0) * 100.0;
        let what = format!(
            "  wall, % more, concurrency {concurrency}, latency {} ms",
            latency.as_millis()
        );
        if latency.is_zero() {
            println!("{what:<58} {cost:>12.1}");
        } else {
            told(&what, format!("{cost:.1}"), "<= 2", cost <= 2.0);
        }
    }
}

fn ramp(bench: &Bench) {
    let tree = Tree::of(200, &disk());
    bench.record(&tree, &["--questions", "1"]);
    title("ramp: a server that knows neither json_schema nor max_tokens");
    for (concurrency, latency) in [(64, Duration::ZERO), (256, LATENCY)] {
        let manner = Manner {
            latency,
            is_old: true,
            ..Manner::default()
        };
        let run = bench.prepare(&tree, concurrency, manner, &["--questions", "1"]);
        let faults = run.seen.faulted;
        let what = format!(
            "  answers 400, concurrency {concurrency}, latency {} ms",
            latency.as_millis()
        );
        told(&what, faults.to_string(), "<= 8", faults <= 8);
    }
}

fn gate(bench: &Bench) {
    let tree = Tree::of(60, &disk());
    bench.record(&tree, &["--questions", "3"]);
    title("gate: limited servers, concurrency 64, latency 200 ms");
    let bucket = |burst| Rule::Bucket {
        per_sec: 4.0,
        burst,
    };
    let rules = [
        ("4 a second, bucket of 4", bucket(4.0), 4.0),
        ("4 a second, evenly", bucket(1.0), 4.0),
        ("4 in each second", Rule::Window(4), 4.0),
        ("4 in any second", Rule::Sliding(4), 4.0),
        ("2 in flight", Rule::InFlight(2), 10.0),
    ];
    for (name, rule, allowed_per_sec) in rules {
        for retry_after in [Some("1"), None]
            .into_iter()
            .take(if bench.is_quick { 1 } else { 2 })
        {
            let manner = Manner {
                latency: LATENCY,
                rule,
                retry_after,
                is_old: false,
            };
            let run = bench.prepare(&tree, 64, manner, &["--questions", "3"]);
            let seen = &run.seen;
            let used = seen.served as f64 / allowed_per_sec / run.wall();
            let refused = seen.refused as f64 / (seen.refused + seen.served) as f64;
            let what = format!(
                "{name}, Retry-After {}, {} requests",
                retry_after.unwrap_or("-"),
                seen.served
            );
            told(
                &format!("  rate used: {what}"),
                format!("{used:.2}"),
                ">= 0.90",
                used >= 0.9,
            );
            told(
                "  refused",
                format!("{refused:.2}"),
                "<= 0.25",
                refused <= 0.25,
            );
        }
    }
}
