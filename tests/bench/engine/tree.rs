//! A git repository of source files that look written by people: four languages, names of words, sizes from half a kilobyte to twenty.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const VERBS: [&str; 24] = [
    "load", "store", "merge", "split", "resolve", "collect", "render", "validate", "schedule",
    "encode", "decode", "measure", "balance", "compact", "expand", "filter", "index", "lookup",
    "publish", "replay", "rotate", "settle", "trace", "verify",
];
const NOUNS: [&str; 32] = [
    "account", "batch", "buffer", "cache", "channel", "cursor", "digest", "entry", "frame",
    "graph", "header", "invoice", "journal", "ledger", "message", "node", "order", "packet",
    "queue", "record", "region", "request", "route", "sample", "segment", "session", "snapshot",
    "ticket", "token", "vertex", "window", "worker",
];
const ASPECTS: [&str; 16] = [
    "age", "amount", "capacity", "checksum", "count", "deadline", "depth", "height", "latency",
    "limit", "offset", "priority", "quota", "retries", "size", "weight",
];
/// Files in a folder.
const FOLDER_FILES: usize = 40;

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap()
    }

    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }
}

/// Writes `files` files below `folder` and commits them.
pub fn grow(folder: &Path, files: usize) {
    fs::create_dir_all(folder).unwrap();
    fs::write(
        folder.join("README.md"),
        "# Harbour\n\nKeeps ledgers of what enters and leaves a port, and replays them.\n",
    )
    .unwrap();
    for nth in 0..files {
        let mut dice = Dice(nth as u64 ^ 0xda7a);
        let place = folder.join(format!(
            "src/{}_{:03}",
            NOUNS[nth / FOLDER_FILES % NOUNS.len()],
            nth / FOLDER_FILES
        ));
        fs::create_dir_all(&place).unwrap();
        let (ending, text) = source(&mut dice, nth);
        let name = format!("{}_{}_{nth}.{ending}", dice.of(&VERBS), dice.of(&NOUNS));
        fs::write(place.join(name), text).unwrap();
    }
    git(folder, &["init", "-q", "-b", "main"]);
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "harbour"]);
}

fn git(folder: &Path, arguments: &[&str]) {
    let identity = [
        "-c",
        "user.name=Bench",
        "-c",
        "user.email=bench@example.com",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "core.autocrlf=false",
    ];
    let mut command = Command::new("git");
    command.args(identity).args(arguments).current_dir(folder);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1");
    assert!(command.status().unwrap().success(), "git {arguments:?}");
}

/// A suffix and a text.
fn source(dice: &mut Dice, nth: usize) -> (&'static str, String) {
    // Most files are short, a few are long.
    let functions = match dice.roll(20) {
        0..=11 => 1 + dice.roll(4),
        12..=18 => 4 + dice.roll(10),
        _ => 16 + dice.roll(20),
    };
    let (ending, head, write): (_, _, fn(&mut Dice, usize, &mut String)) = match nth % 4 {
        0 => (
            "rs",
            "use std::collections::HashMap;\nuse std::time::Duration;\n",
            rust,
        ),
        1 => (
            "py",
            "import logging\nfrom dataclasses import dataclass\n\nlog = logging.getLogger(__name__)\n",
            python,
        ),
        2 => (
            "go",
            "package harbour\n\nimport (\n\t\"errors\"\n\t\"time\"\n)\n",
            go,
        ),
        _ => (
            "ts",
            "import { readFile } from \"node:fs/promises\";\nimport { Clock } from \"./clock\";\n",
            typescript,
        ),
    };
    let mut text = head.to_owned();
    for function in 0..functions {
        write(dice, nth * 64 + function, &mut text);
    }
    (ending, text)
}

struct Names {
    verb: &'static str,
    noun: &'static str,
    other: &'static str,
    aspect: &'static str,
    bound: usize,
    factor: usize,
}

impl Names {
    fn of(dice: &mut Dice) -> Self {
        Names {
            verb: dice.of(&VERBS),
            noun: dice.of(&NOUNS),
            other: dice.of(&NOUNS),
            aspect: dice.of(&ASPECTS),
            bound: 8 + dice.roll(4000),
            factor: 2 + dice.roll(60),
        }
    }
}

fn capital(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

fn rust(dice: &mut Dice, id: usize, text: &mut String) {
    let Names {
        verb,
        noun,
        other,
        aspect,
        bound,
        factor,
    } = Names::of(dice);
    let ty = format!("{}{}", capital(noun), capital(aspect));
    let _ = write!(
        text,
        "
/// Keeps the {aspect} of every {noun} that a {other} refers to.
#[derive(Debug, Clone, Default)]
pub struct {ty}{id} {{
    {aspect}_by_{other}: HashMap<String, u64>,
    {aspect}_max: u64,
}}

impl {ty}{id} {{
    /// Adds {amount} to the {aspect} of a {noun}, unless it is beyond {bound} already.
    pub fn {verb}_{noun}_{id}(&mut self, {other}: &str, {amount}: u64) -> Result<u64, String> {{
        let {aspect} = self.{aspect}_by_{other}.entry({other}.to_owned()).or_default();
        if *{aspect} + {amount} > {bound} {{
            return Err(format!(\"{noun} of {{{other}}} is beyond {bound}\"));
        }}
        *{aspect} += {amount};
        self.{aspect}_max = self.{aspect}_max.max(*{aspect});
        Ok(*{aspect} * {factor})
    }}

    /// How long a {other} may wait for its {noun}.
    pub fn {noun}_wait_{id}(&self) -> Duration {{
        Duration::from_millis(self.{aspect}_max.saturating_mul({factor}))
    }}
}}
",
        amount = "added",
    );
}

fn python(dice: &mut Dice, id: usize, text: &mut String) {
    let Names {
        verb,
        noun,
        other,
        aspect,
        bound,
        factor,
    } = Names::of(dice);
    let ty = format!("{}{}", capital(noun), capital(aspect));
    let _ = write!(
        text,
        "

@dataclass
class {ty}{id}:
    \"\"\"The {aspect} of one {noun}, as its {other} last reported it.\"\"\"

    {other}_name: str
    {aspect}: int = 0
    seen: int = 0

    def {verb}_{noun}_{id}(self, reports: list[int]) -> int:
        \"\"\"Takes the reports of a {other} in order and gives back the last {aspect}.

        Reports beyond {bound} are logged and left out.
        \"\"\"
        for report in reports:
            if report > {bound}:
                log.warning(\"{noun} of %s reports %d\", self.{other}_name, report)
                continue
            self.{aspect} = max(self.{aspect}, report * {factor})
            self.seen += 1
        return self.{aspect}

    def is_{noun}_idle_{id}(self) -> bool:
        return self.seen == 0 or self.{aspect} % {factor} == 0
"
    );
}

fn go(dice: &mut Dice, id: usize, text: &mut String) {
    let Names {
        verb,
        noun,
        other,
        aspect,
        bound,
        factor,
    } = Names::of(dice);
    let (ty, method) = (
        format!("{}{}", capital(noun), capital(aspect)),
        capital(verb),
    );
    let _ = write!(
        text,
        "
// {ty}{id} holds the {aspect} of a {noun} between two calls of its {other}.
type {ty}{id} struct {{
\t{aspect}  int
\t{other}Of map[string]int
\tupdated time.Time
}}

// {method}{noun_capital}{id} raises the {aspect} by what the {other} brought, at most to {bound}.
func (s *{ty}{id}) {method}{noun_capital}{id}({other} string, brought int, now time.Time) (int, error) {{
\tif brought < 0 {{
\t\treturn 0, errors.New(\"{other} brought less than nothing\")
\t}}
\tfor name, held := range s.{other}Of {{
\t\tif name == {other} && held+brought > {bound} {{
\t\t\treturn held, errors.New(\"{noun} is full\")
\t\t}}
\t}}
\ts.{other}Of[{other}] += brought * {factor}
\ts.{aspect} = s.{other}Of[{other}]
\ts.updated = now
\treturn s.{aspect}, nil
}}
",
        noun_capital = capital(noun),
    );
}

fn typescript(dice: &mut Dice, id: usize, text: &mut String) {
    let Names {
        verb,
        noun,
        other,
        aspect,
        bound,
        factor,
    } = Names::of(dice);
    let (noun_capital, aspect_capital) = (capital(noun), capital(aspect));
    let _ = write!(
        text,
        "
export interface {noun_capital}{aspect_capital}{id} {{
  {other}Id: string;
  {aspect}: number;
  history: number[];
}}

/** Reads the {aspect} of a {noun} from a file and keeps the last {factor} values. */
export async function {verb}{noun_capital}{id}(path: string, clock: Clock): Promise<{noun_capital}{aspect_capital}{id}> {{
  const lines = (await readFile(path, \"utf8\")).split(\"\\n\");
  const history: number[] = [];
  for (const line of lines) {{
    const {aspect} = Number.parseInt(line, 10);
    if (Number.isNaN({aspect}) || {aspect} > {bound}) {{
      throw new Error(`{noun} holds ${{line}} at ${{clock.now()}}`);
    }}
    history.push({aspect});
    if (history.length > {factor}) history.shift();
  }}
  return {{ {other}Id: path, {aspect}: history.at(-1) ?? 0, history }};
}}
"
    );
}
