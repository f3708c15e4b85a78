use super::grammar::LANGUAGES;
use super::*;

/// Splits, and checks every promise that holds for all inputs.
fn check(text: &str, language: &str, bytes_max: usize) -> Vec<Chunk> {
    let chunks = split(text, language, bytes_max);
    let joined: String = chunks
        .iter()
        .map(|chunk| &text[chunk.range.clone()])
        .collect();
    assert_eq!(joined, text, "{language} at {bytes_max}");
    for Chunk { range, lines } in &chunks {
        assert!(
            !range.is_empty() && range.len() <= bytes_max.max(4),
            "{language} at {bytes_max}: {range:?}"
        );
        let line_start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
        let line_bytes = text[line_start..]
            .split_inclusive('\n')
            .next()
            .unwrap_or_default()
            .len();
        assert!(
            range.start == line_start || line_bytes > bytes_max,
            "{language} at {bytes_max}: cut in a line"
        );
        let number = |byte: usize| {
            text.as_bytes()[..byte]
                .iter()
                .filter(|&&b| b == b'\n')
                .count() as u32
                + 1
        };
        assert_eq!(*lines, number(range.start)..=number(range.end - 1));
    }
    chunks
}

/// Language, text, what it defines as `kind full name`, and the heads of its chunks at little more than half its size.
const SAMPLES: &[(&str, &str, &str, &str)] = &[
    (
        "Rust",
        "use std::fmt;\n\n/// A point.\n#[derive(Debug)]\npub struct Point {\n    x: i32,\n}\n\nimpl Point {\n    /// Makes one.\n    pub fn new(x: i32) -> Self {\n        Point { x }\n    }\n\n    fn x(&self) -> i32 { self.x }\n}\n\nimpl fmt::Display for Point {\n    fn fmt(&self) {}\n}\n\nmacro_rules! m { () => {} }\n",
        "struct Point, impl Point, function Point::new, function Point::x, impl fmt::Display for Point, function Point::fmt, macro m",
        "use std::fmt;|impl Point {|impl fmt::Display",
    ),
    (
        "Python",
        "import os\nfrom a import b\n\nLIMIT = 1\n\n@wraps\nclass Jar:\n    \"\"\"Doc.\"\"\"\n\n    def get(self, name):  # remark\n        return self.data[name]\n\n    @property\n    def size(self):\n        return len(self.data)\n\n\nasync def main():\n    await go()\n",
        "constant LIMIT, class Jar, function Jar.get, function Jar.size, function main",
        "import os|    @property",
    ),
    (
        "JavaScript",
        "const fs = require('fs');\nimport x from 'y';\n\nexport class View {\n  render(a) {\n    return a;\n  }\n\n  #hidden = () => 1;\n}\n\n/**\n * Doc.\n */\nexports.start = function (port) {\n  return port;\n};\n\nconst stop = async () => {\n  await 1;\n};\n",
        "class View, function View.render, function View.#hidden, function exports.start, function stop",
        "const fs|/**",
    ),
    (
        "TypeScript",
        "import { a } from 'b';\n\nexport interface Shape {\n  area(): number;\n}\n\nexport type Id = string;\n\nexport enum Color { Red }\n\nnamespace N {\n  export abstract class C<T> {\n    abstract run(x: T): void;\n  }\n}\n\nexport default function go(): void {\n  return;\n}\n",
        "interface Shape, function Shape.area, type Id, enum Color, module N, class N::C, function C.run, function go",
        "import { a }|namespace N {",
    ),
    (
        "TSX",
        "export const App = (p: { a: string }) => {\n  return <div>{p.a}</div>;\n};\n",
        "function App",
        "export const App|  return <div>",
    ),
    (
        "Go",
        "package web\n\nimport (\n\t\"fmt\"\n)\n\nconst Max = 3\n\ntype Router struct {\n\ttrees int\n}\n\n// Handle does.\nfunc (r *Router) Handle(path string) {\n\tfmt.Println(path)\n}\n\nfunc New() *Router { return &Router{} }\n",
        "constant Max, type Router, function Router.Handle, function New",
        "package web|// Handle does.",
    ),
    (
        "Java",
        "package a.b;\n\nimport java.util.List;\n\n/** Doc. */\n@Deprecated\npublic class Cache<K> {\n    public Cache() {\n        clear();\n    }\n\n    @Override\n    public int size() {\n        return 0;\n    }\n}\n\ninterface Shape { int area(); }\n",
        "class Cache, function Cache.Cache, function Cache.size, interface Shape, function Shape.area",
        "package a.b;|    @Override",
    ),
    (
        "C",
        "#ifndef A_H\n#define A_H\n#include <stdio.h>\n\n#define MAX(a, b) ((a) > (b) ? (a) : (b))\n\ntypedef struct node {\n    int x;\n} node_t;\n\nint parse(const char *s);\n\n/* Doc. */\nstatic int *find(struct node *n)\n{\n    return &n->x;\n}\n#endif\n",
        "macro MAX, type node_t, struct node, function parse, function find",
        "#ifndef A_H|int parse",
    ),
    (
        "C++",
        "#include <vector>\n\nnamespace geo {\n\ntemplate <class T>\nclass Box : public Base {\n public:\n  explicit Box(T t);\n  T get() const { return t_; }\n};\n\n}  // namespace geo\n\nint geo::Box::count() {\n  return 1;\n}\n",
        "module geo, class geo::Box, function Box.get, function geo::Box::count",
        "#include|  T get() const",
    ),
    (
        "Ruby",
        "require 'json'\n\nmodule Net\n  LIMIT = 1\n\n  class Client < Base\n    def initialize(host)\n      @host = host\n    end\n\n    def self.open(host)\n      new(host)\n    end\n  end\nend\n",
        "module Net, class Net::Client, function Client.initialize, function Client.open",
        "require 'json'|module Net|    def self.open",
    ),
    (
        "PHP",
        "<?php\nnamespace A;\n\nuse B\\C;\n\nfinal class Repo extends Base\n{\n    const MAX = 3;\n\n    public function find(int $id): ?C\n    {\n        return null;\n    }\n}\n\nfunction helper() { return 1; }\n",
        "module A, class Repo, constant Repo.MAX, function Repo.find, function helper",
        "<?php|    public function find",
    ),
    (
        "Shell",
        "#!/bin/sh\nset -e\n\n# Builds.\nbuild() {\n  make all\n  make check\n}\n\nfunction deploy {\n  scp a b\n}\n\nbuild && deploy\n",
        "function build, function deploy",
        "#!/bin/sh|function deploy",
    ),
    (
        "Lua",
        "local json = require('json')\n\nlocal M = {}\n\nfunction M.parse(s)\n  return json.decode(s)\nend\n\nlocal function helper(x)\n  return x\nend\n\nM.dump = function(t)\n  return 1\nend\n\nreturn M\n",
        "function M.parse, function helper, function M.dump",
        "local json|local function helper",
    ),
    (
        "Markdown",
        "# Title\n\nIntro words.\n\n## Install\n\n```sh\n# no heading\nmake\n```\n\n## Use\n\nCall it, then wait for the end.\n",
        "section Title, section Install, section Use",
        "# Title|## Use",
    ),
    #[cfg(feature = "more-languages")]
    (
        "C#",
        "using System;\n\nnamespace Net\n{\n    public class Client : Base\n    {\n        public int Size { get; set; }\n\n        /// <summary>Opens.</summary>\n        public void Open(string host)\n        {\n            Go();\n        }\n    }\n\n    enum Color { Red }\n}\n",
        "module Net, class Net::Client, function Client.Open, enum Net::Color",
        "using System;|        /// <summary>",
    ),
    #[cfg(feature = "more-languages")]
    (
        "Kotlin",
        "package a.b\n\nimport c.d\n\nclass Client(val host: String) {\n    fun open(): Int {\n        return 1\n    }\n}\n\nobject Pool {\n    fun get() = 1\n}\n\nfun main() {\n    println(1)\n    println(2)\n}\n",
        "class Client, function Client.open, class Pool, function Pool.get, function main",
        "package a.b|object Pool",
    ),
    #[cfg(feature = "more-languages")]
    (
        "Swift",
        "import Foundation\n\npublic struct Point {\n    var x: Int\n    init(x: Int) { self.x = x }\n}\n\nprotocol Shape {\n    func area() -> Int\n}\n\nfunc main() {\n    print(1)\n}\n",
        "class Point, function Point.init, interface Shape, function Shape.area, function main",
        "import Foundation|protocol Shape",
    ),
    #[cfg(feature = "more-languages")]
    (
        "Scala",
        "package a.b\n\nimport c.d\n\ntrait Shape {\n  def area: Int\n}\n\nobject Main extends App {\n  val limit = 1\n\n  def run(x: Int): Int = {\n    x + 1\n  }\n}\n",
        "trait Shape, function Shape::area, class Main, function Main.run",
        "package a.b|object Main",
    ),
];

fn described(outline: &Outline) -> String {
    let describe =
        |symbol: &Symbol| format!("{} {}", symbol.kind.as_str(), outline.full_name(symbol));
    outline
        .symbols
        .iter()
        .map(describe)
        .collect::<Vec<_>>()
        .join(", ")
}

#[test]
fn outlines_name_what_each_language_defines() {
    for &(language, text, symbols, _) in SAMPLES {
        assert_eq!(
            described(&Outline::of(text, language)),
            symbols,
            "{language}"
        );
    }
}

/// Language, text, and what it defines as `kind full name`.
const ODDITIES: &[(&str, &str, &str)] = &[
    (
        "Markdown",
        "# <img src=\"a.png\">\n\n# [Demo](https://example.com)\n\n## ![a](b.png)\n\n## `go`\n\nIt goes.\n",
        "section Demo, section go",
    ),
    (
        "JavaScript",
        "const PORT = 80;\nif (PORT) {\n  const inner = 1;\n}\ndescribe('a', () => {\n  let td = 1;\n  const help = () => td;\n  it('b', function () {\n    var input = 2;\n  });\n});\napp.locals.name = 1;\nmodule.exports = { go() {}, 'a b': () => 1, stop: () => 2 };\n",
        "constant PORT, function help, function go, function stop",
    ),
    (
        "TypeScript",
        "test('a', async ({ page }) => {\n  const td = page.locator('td');\n});\nexport const limit = 1;\n",
        "constant limit",
    ),
    (
        "Lua",
        "describe('a', function()\n  local inner = 1\nend)\nlocal outer = 1\n",
        "constant outer",
    ),
    (
        "Ruby",
        "describe 'a' do\n  inner = 1\nend\nlist.each { |x|\n  other = x\n}\nENV['X'] = '1'\nLIMIT = 1\n",
        "constant LIMIT",
    ),
    (
        "PHP",
        "<?php\n$_GET[\"edit\"] = 1;\n$row->name = 2;\nlist($select, $group) = f();\n[$one, $two] = f();\n$limit = 3;\nif ($limit) {\n  $inner = 1;\n}\n$f = function () {\n  $local = 1;\n};\n",
        "constant $limit, function $f",
    ),
    (
        "Python",
        "x1[0] = 3\ndata.iloc[0, 2] = 1\ny_train[:5] = 0\nL = 5\nX = 1\na, b = f()\nconfig.name = 1\nlimit = 3\nfor i in limit:\n    last = i\nkey = lambda x: x\n",
        "constant limit, function key",
    ),
    (
        "C",
        "XXH_PUBLIC_API XXH_errorcode XXH32_update(XXH32_state_t* s, const void* i) { return 0; }\ntypedef void (*vtparse_callback_t)(int);\nstatic const int table[] = { 1 };\nint (*handler)(int) = 0;\nxinput += 8;\nh->table[i].k = 1;\n",
        "function XXH32_update, type vtparse_callback_t, constant table, function handler",
    ),
    (
        "C",
        "XXH_PUBLIC_API XXH_errorcode XXH32_reset(XXH32_state_t* s);\nint parse(int a);\n",
        "function parse",
    ),
    (
        "C++",
        "const string& Box::name() const { return name_; }\nBox&& operator+(Box&& a, int b) { return a; }\nXXH_API XXH_errorcode update(State* s, int i) { return 0; }\nA::operator bool() const { return true; }\nstring& find(int a);\n",
        "function Box::name, function operator+, function update, function A::operator bool() const, function find",
    ),
    (
        "C++",
        "TEST(Lexer, Escapes) { int a; }\nTEST_F(StateTest, Basic) { }\nTEST_P(A, B) { }\nBOOST_AUTO_TEST_CASE(reads) { }\nSYSCALL_DEFINE2(open, int, flags) { }\nMAIN() { }\n",
        "function Lexer.Escapes, function StateTest.Basic, function A.B, function reads, function open, function MAIN",
    ),
];

#[test]
fn only_what_a_file_names_for_others_is_in_its_outline() {
    for &(language, text, symbols) in ODDITIES {
        assert_eq!(
            described(&Outline::of(text, language)),
            symbols,
            "{language}"
        );
    }
}

#[test]
fn cuts_fall_between_items_and_keep_what_belongs_to_them() {
    for &(language, text, _, heads) in SAMPLES {
        let chunks = check(text, language, text.len() / 2 + 20);
        let starts: Vec<&str> = chunks
            .iter()
            .map(|chunk| &text[chunk.range.clone()])
            .collect();
        let wanted: Vec<&str> = heads.split('|').collect();
        let fits = starts.len() == wanted.len()
            && starts
                .iter()
                .zip(&wanted)
                .all(|(start, head)| start.starts_with(head));
        assert!(fits, "{language}: {starts:#?}");
    }
}

#[test]
fn every_sample_rejoins_in_every_language_at_every_budget() {
    for &(_, text, _, _) in SAMPLES {
        for language in LANGUAGES.iter().copied().chain(["Markdown", "YAML", ""]) {
            for bytes_max in [1, 7, 40, 100, 1000] {
                check(text, language, bytes_max);
            }
        }
    }
}

#[test]
fn a_file_that_fits_is_one_chunk_and_an_empty_one_none() {
    assert_eq!(
        check("fn a() {}\n\nfn b() {}", "Rust", 20),
        [Chunk {
            range: 0..20,
            lines: 1..=3
        }]
    );
    assert_eq!(check("", "Rust", 20), []);
    assert_eq!(
        check("\n", "Text", 20),
        [Chunk {
            range: 0..1,
            lines: 1..=1
        }]
    );
}

#[test]
fn hostile_texts_are_cut_all_the_same() {
    let deep = 3_000;
    for text in [
        "(".repeat(deep),
        "{\n".repeat(deep),
        "[{(".repeat(deep),
        "if (a) {\n".repeat(deep / 4),
        "class A:\n ".repeat(300),
        "<div>".repeat(1000),
        "\n".repeat(deep),
        "\r\r\n\0\u{feff}é🦀".repeat(500),
        "\"".repeat(deep),
        "<<A\n".repeat(500),
        "/*".repeat(deep),
        "# ".repeat(deep),
        "```\n".repeat(2001),
        format!("fn a() {{}}\n{}\nfn b() {{}}\n", "x".repeat(deep)),
    ] {
        for language in LANGUAGES.iter().copied().chain(["Markdown", "YAML"]) {
            check(&text, language, 4000);
        }
    }
}

#[test]
fn broken_code_is_still_cut_between_what_can_be_read() {
    let text = format!(
        "fn a( {{ ]] \n\n{}",
        "fn good() {\n    one();\n    two();\n}\n\n".repeat(20)
    );
    for chunk in &check(&text, "Rust", 200)[1..] {
        assert!(
            text[chunk.range.clone()].starts_with("fn good()"),
            "{:?}",
            &text[chunk.range.clone()]
        );
    }
}

#[test]
fn a_language_without_grammar_is_cut_between_its_methods_whatever_its_indentation() {
    let method = "FUN go() {\nONE one()\n\nONE IF (two) {\nTWO three()\nONE }\n}\n\n";
    for indent in ["  ", "    ", "\t"] {
        let method: String = method
            .lines()
            .map(|line| {
                let line = line
                    .replace("TWO ", &indent.repeat(2))
                    .replace("ONE ", indent);
                match line.as_str() {
                    "" => "\n".to_owned(),
                    line => format!("{indent}{line}\n"),
                }
            })
            .collect();
        let text = format!("CLASS A {{\n{}}}\n", method.repeat(12));
        for chunk in &check(&text, "COBOL", method.len() * 14 / 5)[1..] {
            let head = &text[chunk.range.clone()];
            assert!(head.trim_start().starts_with("FUN go"), "{head}");
        }
    }
}

#[test]
fn an_item_too_large_is_cut_between_its_statements() {
    let body = "    if ready {\n        go();\n        stop();\n    }\n".repeat(12);
    let text = format!("fn main() {{\n{body}}}\n");
    let chunks = check(&text, "Rust", 260);
    assert!(chunks.len() <= 4);
    for chunk in &chunks[1..] {
        assert!(
            text[chunk.range.clone()].starts_with("    if ready"),
            "{:?}",
            &text[chunk.range.clone()]
        );
    }
    let outline = Outline::of(&text, "Rust");
    assert_eq!(
        outline.breadcrumb(&chunks[1].range).unwrap(),
        "function main"
    );
}

#[test]
fn a_chunk_with_definitions_side_by_side_stands_in_none_of_them() {
    let text = "use std::fs;\nfn a() {}\nimpl B {\n    fn c() {}\n    fn d() {}\n}\n";
    let outline = Outline::of(text, "Rust");
    let of = |part: &str| {
        let start = text.find(part).unwrap();
        outline.breadcrumb(&(start..start + part.len()))
    };
    assert_eq!(of(text), None);
    assert_eq!(
        of("use std::fs;\nfn a() {}\n").as_deref(),
        Some("function a")
    );
    assert_eq!(
        of("    fn d() {}\n").as_deref(),
        Some("impl B > function d")
    );
    assert_eq!(
        of("    fn c() {}\n    fn d() {}\n").as_deref(),
        Some("impl B")
    );
    assert_eq!(of("use std::fs;\n"), None);
}

#[test]
fn contexts_tell_what_stands_around_and_keep_their_bound() {
    let (language, text, ..) = SAMPLES[1];
    let outline = Outline::of(text, language);
    let chunks = check(text, language, 120);
    let told = context(text, &outline, &chunks[2], 1000);
    assert_eq!(
        told,
        "import os\nfrom a import b\nclass Jar:\n  def get(self, name):\n"
    );
    assert_eq!(
        outline.breadcrumb(&chunks[2].range).unwrap(),
        "class Jar > function size"
    );
    for bytes_max in 0..told.len() {
        let bounded = context(text, &outline, &chunks[2], bytes_max);
        assert!(bounded.len() <= bytes_max && bounded.lines().all(|line| told.contains(line)));
    }
}

#[test]
fn contexts_tell_each_line_once_and_nothing_without_a_name() {
    let text = "#include <a.h>\n#include <a.h>\ntypedef struct {\n    int a;\n} One;\ntypedef struct {\n    int b;\n} Two;\nint go(void) {\n    return 1;\n}\n";
    let outline = Outline::of(text, "C");
    let chunk = Chunk::at(text, text.find("int go").unwrap()..text.len()).unwrap();
    assert_eq!(
        context(text, &outline, &chunk, 1000),
        "#include <a.h>\ntypedef struct Two\ntypedef struct One\n"
    );
}
