//! Values given to names that say "secret": `api_key = "…"`, `"password": "…"`, `TOKEN=…`, `Authorization: Bearer …`.

use super::literal::{self, Form};
use super::value::{self, Sort};
use super::{Found, command, entropy};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::ops::Range;
use std::sync::LazyLock;

/// What a word in a name, or a word alone, announces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Part of a name.
    Part(Sort),
    /// The last word of a name, and no part of a longer word: `db_pass`, but not `compass`.
    Last(Sort),
    /// The last of several words of a name: `FERNET_KEY`, but not `key`.
    Suffix,
    /// A scheme of an `Authorization` header; what follows is the credential itself.
    Scheme,
    /// A flag before `user:password`.
    User,
    /// A command whose `-p` is a password.
    Command,
}

use Word::{Command, Last, Part, Scheme, Suffix, User};

/// The words, in any case. Of those that begin at the same place, the longest counts.
const WORDS: &[(&str, Word)] = &[
    ("password", Part(Sort::Password)),
    ("passwd", Part(Sort::Password)),
    ("passphrase", Part(Sort::Password)),
    ("pass", Last(Sort::Password)),
    ("pwd", Last(Sort::Password)),
    ("pw", Last(Sort::Password)),
    ("auth", Last(Sort::Secret)),
    ("identified by", Part(Sort::Password)),
    ("secret", Part(Sort::Secret)),
    ("token", Part(Sort::Secret)),
    ("api_key", Part(Sort::Secret)),
    ("api.key", Part(Sort::Secret)),
    ("apikey", Part(Sort::Secret)),
    ("api-key", Part(Sort::Secret)),
    ("access_key", Part(Sort::Secret)),
    ("accesskey", Part(Sort::Secret)),
    ("access-key", Part(Sort::Secret)),
    ("private_key", Part(Sort::Secret)),
    ("privatekey", Part(Sort::Secret)),
    ("private-key", Part(Sort::Secret)),
    ("auth_key", Part(Sort::Secret)),
    ("authkey", Part(Sort::Secret)),
    ("credential", Part(Sort::Secret)),
    ("encryption_key", Part(Sort::Secret)),
    ("signing_key", Part(Sort::Secret)),
    ("sessionid=", Scheme),
    ("key", Suffix),
    ("salt", Suffix),
    ("mnemonic", Part(Sort::Seed)),
    ("seed_phrase", Part(Sort::Seed)),
    ("seedphrase", Part(Sort::Seed)),
    ("seed phrase", Part(Sort::Seed)),
    ("recovery_phrase", Part(Sort::Seed)),
    ("bearer ", Scheme),
    ("basic ", Scheme),
    ("-u ", User),
    ("--user ", User),
    ("--user=", User),
    ("sshpass", Command),
    ("mysql", Command),
    ("mariadb", Command),
    ("docker login", Command),
    ("podman login", Command),
    ("registry login", Command),
];

/// How far a name may go on after the word, and before it.
const NAME_BYTES_MAX: usize = 40;

/// Names that end so tell something about a secret.
const ABOUT_ENDS: &[&[u8]] = &[
    b"id", b"name", b"type", b"path", b"file", b"version", b"digest", b"count",
];

/// What names of passwords themselves end with.
const PASSWORD_ENDS: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"passphrase",
    b"pass",
    b"pwd",
    b"pw",
    b"identified by",
];

/// Names with these are of what anyone may know, or of what cuts text into words.
const ABOUT_PARTS: &[&[u8]] = &[
    b"public",
    b"pub_",
    b"pubkey",
    b"publish",
    b"tokeniz",
    b"selecttoken",
    b"nexttoken",
    b"pagetoken",
    b"page_token",
];

/// Shortest credentials after a scheme, in characters.
const CREDENTIAL_CHARS_MIN: usize = 16;
const CREDENTIAL_CHARS_MAX: usize = 2048;

static AUTOMATON: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::LeftmostLongest)
        // With words as frequent as these, looking ahead for rare bytes costs more than it saves.
        .prefilter(false)
        .ascii_case_insensitive(true)
        .build(WORDS.iter().map(|(word, _)| word))
        .ok()
});

/// Adds every value that is given to a secret name and looks like a secret.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    let Some(automaton) = &*AUTOMATON else { return };
    let mut read = 0;
    for hit in automaton.find_iter(text) {
        let word = WORDS[hit.pattern().as_usize()].1;
        if hit.end() <= read && !matches!(word, Part(Sort::Password)) {
            continue;
        }
        let sort = match word {
            Scheme => {
                found.extend(credential_at(text, hit.end()));
                continue;
            }
            User => {
                found.extend(argument(
                    text,
                    command::after_user(text.as_bytes(), hit.end()),
                ));
                continue;
            }
            Command => {
                found.extend(argument(
                    text,
                    command::after_flag(text.as_bytes(), hit.end()),
                ));
                continue;
            }
            Part(sort) => sort,
            Last(sort) if is_word(text.as_bytes(), hit.range()) => sort,
            Suffix if is_suffix(text.as_bytes(), hit.range()) => Sort::Key,
            Last(_) | Suffix => continue,
        };
        let name = name_around(text.as_bytes(), hit.range());
        read = name.end;
        found.extend(value_of(text, name, sort));
    }
}

fn value_of(text: &str, name: Range<usize>, sort: Sort) -> Option<Found> {
    let bytes = text.as_bytes();
    let lower = bytes[name.clone()].to_ascii_lowercase();
    let holds = |word: &[u8]| memchr::memmem::find(&lower, word).is_some();
    if ABOUT_ENDS.iter().any(|end| lower.ends_with(end))
        || ABOUT_PARTS.iter().any(|part| holds(part))
    {
        return None;
    }
    let is_last = PASSWORD_ENDS.iter().any(|end| lower.ends_with(end));
    let place = literal::of(bytes, name)?;
    let value = text.get(place.span.clone())?;
    let kind = if sort == Sort::Password {
        "password"
    } else {
        "secret"
    };
    let sort = match sort {
        Sort::Password if !is_last => Sort::Secret,
        sort => sort,
    };
    value::is_secret(value, sort, place.form).then_some(Found {
        span: place.span,
        kind,
    })
}

/// A password in a command line.
fn argument(text: &str, span: Option<Range<usize>>) -> Option<Found> {
    let span = span?;
    let word = text.get(span.clone())?;
    value::is_secret(word, Sort::Password, Form::Bare).then_some(Found {
        span,
        kind: "password",
    })
}

/// The whole name that the word is a part of.
fn name_around(text: &[u8], word: Range<usize>) -> Range<usize> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let after = text[word.end..].iter().take(NAME_BYTES_MAX);
    let before = text[..word.start].iter().rev().take(NAME_BYTES_MAX);
    let is_start = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    word.start - before.take_while(is_start).count()..word.end + after.take_while(is_name).count()
}

/// Whether a word ends its name and begins one of its words.
fn is_word(text: &[u8], word: Range<usize>) -> bool {
    let before = word.start.checked_sub(1).map(|at| text[at]);
    let begins = before.is_none_or(|byte| {
        !byte.is_ascii_alphabetic()
            || byte.is_ascii_lowercase() && text[word.start].is_ascii_uppercase()
    });
    let ends = text
        .get(word.end)
        .is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    begins && ends
}

/// Whether a word ends a name of several words.
fn is_suffix(text: &[u8], word: Range<usize>) -> bool {
    is_word(text, word.clone()) && name_around(text, word.clone()).start < word.start
}

/// What follows the scheme of an `Authorization` header.
fn credential_at(text: &str, start: usize) -> Option<Found> {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-+/=.~".contains(byte);
    let rest = text.as_bytes()[start..].iter().take(CREDENTIAL_CHARS_MAX);
    let end = start + rest.take_while(is_part).count();
    let value = &text[start..end];
    let is_credential = value.len() >= CREDENTIAL_CHARS_MIN
        && !entropy::is_placeholder(value)
        && !value.starts_with(['/', '.'])
        && (entropy::is_random(value) || entropy::is_encoded(value));
    is_credential.then_some(Found {
        span: start..end,
        kind: "secret",
    })
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    #[test]
    fn random_values_of_secret_names_go() {
        let cases = [
            (
                "api_key = \"a8F3kz02QmX91LpT\"",
                "api_key = \"<REDACTED:secret>\"",
            ),
            (
                "aws_secret_access_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYz9q4w8e2'",
                "aws_secret_access_key: '<REDACTED:secret>'",
            ),
            (
                "\"client_secret\": \"9f86d081884c7d659a2feaa0c55ad015\",",
                "\"client_secret\": \"<REDACTED:secret>\",",
            ),
            (
                "ENV API_TOKEN=a8F3kz02QmX91LpTv4\n",
                "ENV API_TOKEN=<REDACTED:secret>\n",
            ),
            (
                "String password = \"Xk9#mQ2$vL\";",
                "String password = \"<REDACTED:password>\";",
            ),
            (
                "config['secret'] = 'a8F3kz02QmX91LpT'",
                "config['secret'] = '<REDACTED:secret>'",
            ),
            (
                "curl -H 'Authorization: Bearer a8F3kz02QmX91LpTv4'",
                "curl -H 'Authorization: Bearer <REDACTED:secret>'",
            ),
            (
                "\"Basic dXNlcjpTM2NyZXRQYXNzdzByZCE5OQ==\"",
                "\"Basic <REDACTED:secret>\"",
            ),
            (
                "aws.secretKey = wJalrXUtnFEMI/K7MDENG/bPxRfiCYz9q4w8e2ab\n",
                "aws.secretKey = <REDACTED:secret>\n",
            ),
            (
                "  api_token: a8F3kz02QmX91LpT\n",
                "  api_token: <REDACTED:secret>\n",
            ),
            (
                "User Id=sa;Password=Xk9mQ2vL77aaPz4;Timeout=5",
                "User Id=sa;Password=<REDACTED:password>;Timeout=5",
            ),
            (
                "const authToken := `a8F3kz02QmX91LpT`",
                "const authToken := `<REDACTED:secret>`",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(redact(text).text, expected);
        }
    }

    /// What stands for the secret in the table.
    const HOLE: &str = "@@";

    #[test]
    fn values_go_wherever_types_wrappers_and_calls_put_them() {
        for line in [
            "pub const API_TOKEN: &str = \"@@\";",
            "static PASSWORD: &'static str = \"@@\";",
            "let password: String = \"@@\".into();",
            "let key = String::new(); let secret = String::from(\"@@\");",
            "private readonly apiSecret: string = '@@';",
            "API_KEY: str = \"@@\"",
            "ENCRYPTION_KEY = b\"@@\"",
            "const apiKey string = \"@@\"",
            "var secret = []byte(\"@@\")",
            "os.Setenv(\"API_TOKEN\", \"@@\")",
            "os.environ.setdefault(\"DB_PASSWORD\", \"@@\")",
            "os.getenv('SECRET_KEY', '@@')",
            "parser.add_argument(\"--password\", default=\"@@\")",
            "fun go(password: String = \"@@\") = 1",
            "buildConfigField(\"String\", \"API_KEY\", \"\\\"@@\\\"\")",
            "body = \"{\\\"password\\\": \\\"@@\\\"}\"",
            "ENV['SECRET_KEY_BASE'] ||= '@@'",
            "process.env.API_TOKEN ?? \"@@\"",
            "@secret_key_base \"@@\"",
            "(def api-token \"@@\")",
            "{:api-key \"@@\"}",
            "define('API_KEY', '@@');",
            "ds.setPassword(\"@@\");",
            "props.put(\"password\", \"@@\");",
            "System.setProperty(\"api.token\", \"@@\");",
            "<add key=\"ClearTextPassword\" value=\"@@\" />",
            "#define API_KEY \"@@\"",
            "const char secret_key[] = \"@@\";",
            "public string Password { get; set; } = \"@@\";",
            "$pw = ConvertTo-SecureString \"@@\" -AsPlainText",
            "variable \"db_password\" {\n  type    = string\n  default = \"@@\"\n}",
            "REGISTRY_PASSWORD := @@\n",
            "API_SECRET ?= @@\n",
            "TOKEN=${TOKEN:-@@}",
            "ENV API_SECRET @@\n",
            "machine x.dev login bot password @@\n",
            "tool --password @@ --api-key \"@@\" --token=@@",
            "helm upgrade app --set db.password=@@",
            "kubectl create secret generic db --from-literal=password=@@",
            "curl -H \"X-Api-Key: @@\" -H 'PRIVATE-TOKEN: @@'",
            "'Authorization': 'Token @@'",
            "ALTER USER root IDENTIFIED BY '@@';",
            "CREATE USER app WITH PASSWORD '@@';",
            "DB_PASS=@@\nMYSQL_PWD=@@ mysql",
            "'pass' => '@@',",
            "ALGOLIA_ADMIN_KEY = \"@@\"",
            "const ethKey = \"@@\";",
            "define('NONCE_SALT', '@@');",
            "the password `@@` opens it",
        ] {
            let secret = ["R7kq2VxZ", "m9TbW4cJ", "u6Yd3NfH"].concat();
            let left = redact(&line.replace(HOLE, &secret)).text;
            assert!(!left.contains(&secret), "{left}");
            let around: Vec<&str> = line.split(HOLE).collect();
            assert!(around.iter().all(|part| left.contains(part)), "{left}");
        }
    }

    #[test]
    fn identifiers_of_services_and_session_tokens_of_any_length_go() {
        let long = "IQoJb3JpZ2luX2VjHp2E".repeat(40);
        let texts = [
            format!("aws_session_token = \"{long}\""),
            "HEROKU_API_KEY = \"612a1808-a11b-3812-b644-50088944d558\"".to_owned(),
            "mnemonic: \"orbit lemon cactus violin anchor pepper marble tunnel glacier basket meadow saddle\"".to_owned(),
        ];
        for text in texts {
            let left = redact(&text).text;
            assert!(left.contains("<REDACTED:secret>"), "{left}");
        }
    }

    #[test]
    fn names_lookups_and_examples_stay() {
        let texts = [
            "`tokenOf`, `R7kq2VxZm9TbW4cJu6Yd3NfH` are names",
            "`tokenOf`, `BalanceDigest9345` and `InvoiceCount89216` are read",
            "`access_token`: `qB7Zt4XwLk92` is of type `Token`",
            "the token `BalanceDigest9345` is told by `TokenDepth85313`",
            "password = \"password\"",
            "token = parse_token(input)",
            "secret = os.environ[\"SECRET_KEY_BASE_2024\"]",
            "token: \"identifier-expected\"",
            "api_key = \"YOUR_API_KEY\"",
            "TOKEN=$(cat file)",
            "let token = \"fn\";",
            "password: \"correct horse battery staple\"",
            "token_type = \"application/x-www-form-urlencoded\"",
            "SECRET_PATH=/run/secrets/db1a2b3c4d5e",
            "assert_eq!(token, \"0123456789\");",
            "if token == \"a\" {}",
            "password=None",
            "credentialsId: '29f63271-dc2f-4734-8221-5b31b5169bac'",
            "secret = \"getUserSecretFromStore\"",
            "sha256 = \"9f86d081884c7d659a2feaa0c55ad015\"",
            "uuid = \"123e4567-e89b-12d3-a456-426614174000\"",
            "token = \"\"\"doc\"\"\"",
            "Bearer tokens of RFC 6750 are opaque",
            "a basic authentication scheme",
            "secret: sha256-of-the-first-4096-bytes",
            "token = nextTokenOf(stream64, utf8)",
            "secret = TLS13_CHACHA20_POLY1305_SHA256_INTERNAL\n",
            "password = readPasswordFromTerminal\n",
            "mscorlib, Culture=neutral, PublicKeyToken=b77a5c561934e089",
            "tokenizer = \"HuggingFaceTB/SmolLM2-135M\"",
            "pipe(\"token-classification\", model=\"lib/Qw3n2-0x5B-Rq7Kv\")",
            "<pass name=\"Optimize1\" refer=\"R7kq2VxZ\">",
            "'password' => 'required|string|min:8|confirmed',",
            "let private_key = include_bytes!(\"ecdsa_test_private_key_p256.p8\");",
            "let secret = b\"\\x9b\\xbe\\x43\\x6b\\xa9\\x40\\xf0\\x17\";",
            "keyboard = \"R7kq2VxZm9TbW4cJu6Yd3NfH\"",
            "key = \"R7kq2VxZm9TbW4cJu6Yd3NfH\"",
            "compass = \"R7kq2VxZ9\"",
            "token, other = \"R7kq2VxZm9TbW4cJ\"",
            "nid_key = self.lib.NID_aes_256_cbc\n",
            "mnemonic = \"vfmadd\"",
            "private_key: x25519.X25519PrivateKey\n",
            "Pass the :class:`~jinja2.runtime.Context`",
        ];
        for text in texts {
            assert_eq!(redact(text).text, text);
        }
    }
}
