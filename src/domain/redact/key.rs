//! Keys that can be told by their shape: a fixed beginning, then so many characters of one alphabet.
//!
//! The shapes are those the issuers document, mostly for secret scanners
//! (<https://docs.github.com/en/code-security/secret-scanning/introduction/supported-secret-scanning-patterns>).

use super::Found;
use super::entropy;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use std::sync::LazyLock;

/// What the characters after the beginning may be.
#[derive(Clone, Copy)]
enum Alphabet {
    Upper,
    Alnum,
    Hex,
    /// Letters, digits, `-` and `_`.
    Url,
    /// The same and `.`, for keys of several parts.
    Parts,
    /// Base64 with `+`, `/` and `=`.
    Base64,
    /// What stands between the signs of an address: the letters of `Url` and `$%/@`.
    Address,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        let more: &[u8] = match self {
            Alphabet::Upper => return byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Alphabet::Hex => return byte.is_ascii_hexdigit(),
            Alphabet::Alnum => b"",
            Alphabet::Url => b"-_",
            Alphabet::Parts => b"-_.",
            Alphabet::Base64 => b"+/=",
            Alphabet::Address => b"-_$%/@",
        };
        byte.is_ascii_alphanumeric() || more.contains(&byte)
    }
}

/// One kind of key.
struct Shape {
    kind: &'static str,
    starts: &'static [&'static str],
    alphabet: Alphabet,
    /// How many characters follow the beginning, at least and at most.
    chars: (usize, usize),
    /// How many dots must be among them.
    dots: usize,
}

const fn shape(
    kind: &'static str,
    starts: &'static [&'static str],
    alphabet: Alphabet,
    min: usize,
    max: usize,
) -> Shape {
    Shape {
        kind,
        starts,
        alphabet,
        chars: (min, max),
        dots: 0,
    }
}

const fn parts(
    kind: &'static str,
    starts: &'static [&'static str],
    min: usize,
    max: usize,
    dots: usize,
) -> Shape {
    Shape {
        kind,
        starts,
        alphabet: Alphabet::Parts,
        chars: (min, max),
        dots,
    }
}

/// How many alphabets there are.
const ALPHABETS: usize = 7;

/// No key is longer.
const KEY_CHARS_MAX: usize = 4096;

/// A key of Mailchimp: so many hexadecimal digits, this, and a number.
const MAILCHIMP_CHARS: usize = 32;
const MAILCHIMP_END: &[u8] = b"-us";

use Alphabet::{Address, Alnum, Base64, Hex, Upper, Url};

const SHAPES: &[Shape] = &[
    shape(
        "aws-access-key",
        &["AKIA", "ASIA", "ABIA", "ACCA"],
        Upper,
        16,
        16,
    ),
    shape(
        "github-token",
        &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"],
        Alnum,
        36,
        255,
    ),
    shape("github-token", &["github_pat_"], Url, 50, 255),
    parts(
        "gitlab-token",
        &[
            "glpat-", "gldt-", "glrt-", "glsoat-", "glcbt-", "glptt-", "glft-", "glimt-",
        ],
        20,
        100,
        0,
    ),
    shape(
        "slack-token",
        &[
            "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xapp-",
        ],
        Url,
        20,
        250,
    ),
    shape(
        "slack-webhook",
        &["hooks.slack.com/services/T"],
        Base64,
        30,
        100,
    ),
    shape(
        "discord-webhook",
        &["discord.com/api/webhooks/", "discordapp.com/api/webhooks/"],
        Base64,
        17,
        120,
    ),
    shape(
        "stripe-key",
        &["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"],
        Alnum,
        16,
        255,
    ),
    shape("google-api-key", &["AIza"], Url, 35, 35),
    shape("google-oauth-secret", &["GOCSPX-"], Url, 28, 28),
    parts("google-oauth-token", &["ya29."], 40, 2048, 0),
    shape("openai-key", &["sk-"], Alnum, 32, 64),
    shape(
        "openai-key",
        &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-v1-"],
        Url,
        40,
        255,
    ),
    shape("anthropic-key", &["sk-ant-"], Url, 32, 255),
    shape("huggingface-token", &["hf_", "api_org_"], Alnum, 34, 40),
    shape("npm-token", &["npm_"], Alnum, 36, 36),
    shape("pypi-token", &["pypi-AgE"], Url, 50, 1024),
    parts("sendgrid-key", &["SG."], 60, 80, 1),
    shape("twilio-key", &["SK"], Hex, 32, 32),
    shape("mailgun-key", &["key-"], Hex, 32, 32),
    shape("brevo-key", &["xkeysib-"], Url, 64, 100),
    shape(
        "digitalocean-token",
        &["dop_v1_", "doo_v1_", "dor_v1_"],
        Hex,
        64,
        64,
    ),
    shape(
        "shopify-token",
        &["shpat_", "shpca_", "shppa_", "shpss_"],
        Hex,
        32,
        32,
    ),
    shape("square-token", &["sq0atp-", "sq0csp-"], Url, 22, 60),
    parts("jwt", &["eyJ"], 60, KEY_CHARS_MAX, 2),
    shape("age-secret-key", &["AGE-SECRET-KEY-1"], Upper, 58, 58),
    shape("databricks-token", &["dapi"], Hex, 32, 40),
    shape(
        "doppler-token",
        &["dp.pt.", "dp.st.", "dp.sa.", "dp.ct."],
        Alnum,
        40,
        60,
    ),
    shape("fly-token", &["fo1_", "fm2_"], Base64, 40, 1024),
    shape("grafana-token", &["glsa_", "glc_"], Base64, 32, 400),
    shape("grafana-token", &["glsa_"], Url, 41, 41),
    shape("vault-token", &["hvs.", "hvb.", "hvr."], Url, 24, 300),
    shape("terraform-token", &["atlasv1."], Url, 60, 70),
    shape("linear-key", &["lin_api_"], Alnum, 40, 40),
    shape("new-relic-key", &["NRAK-", "NRJS-", "NRII-"], Url, 19, 40),
    shape("notion-token", &["ntn_", "secret_"], Alnum, 43, 50),
    parts(
        "planetscale-token",
        &["pscale_tkn_", "pscale_pw_", "pscale_oauth_"],
        32,
        64,
        0,
    ),
    shape("postman-key", &["PMAK-"], Url, 59, 59),
    shape("pulumi-token", &["pul-"], Hex, 40, 40),
    shape("rubygems-key", &["rubygems_"], Hex, 48, 48),
    shape("sentry-token", &["sntrys_", "sntryu_"], Base64, 60, 400),
    shape("supabase-token", &["sbp_"], Hex, 40, 40),
    shape("docker-token", &["dckr_pat_", "dckr_oat_"], Url, 27, 40),
    shape("figma-token", &["figd_", "figdr_"], Url, 40, 60),
    shape("groq-key", &["gsk_"], Alnum, 48, 60),
    shape("replicate-token", &["r8_"], Alnum, 37, 40),
    shape("perplexity-key", &["pplx-"], Alnum, 40, 60),
    shape("xai-key", &["xai-"], Alnum, 70, 90),
    shape(
        "atlassian-token",
        &["ATATT3", "ATBB", "ATCTT3"],
        Base64,
        24,
        300,
    ),
    shape("atlassian-token", &["ATATT3xFfGF0"], Url, 100, 300),
    parts("dropbox-token", &["sl."], 130, 1400, 0),
    shape("facebook-token", &["EAA"], Alnum, 100, 300),
    shape("tailscale-key", &["tskey-"], Url, 20, 100),
    shape(
        "azure-key",
        &["AccountKey=", "SharedAccessKey="],
        Base64,
        43,
        90,
    ),
    shape("alibaba-key", &["LTAI"], Alnum, 16, 26),
    shape("netlify-token", &["nfp_"], Alnum, 36, 60),
    shape("contentful-token", &["CFPAT-"], Url, 43, 43),
    shape("heroku-key", &["HRKU-"], Url, 36, 70),
    shape("sonar-token", &["squ_", "sqp_", "sqa_"], Hex, 40, 40),
    shape("buildkite-token", &["bkua_", "bkpt_"], Hex, 40, 40),
    shape("crates-io-token", &["cio"], Alnum, 32, 32),
    // What stands before the colon is the number of the bot or app, which is public.
    shape("telegram-token", &[":AA"], Url, 33, 33),
    shape("firebase-key", &[":APA91b"], Url, 80, 250),
    parts("airtable-token", &["pat"], 79, 79, 1),
    shape(
        "braintree-token",
        &["access_token$production$", "access_token$sandbox$"],
        Address,
        49,
        49,
    ),
    shape(
        "teams-webhook",
        &["webhook.office.com/webhookb2/"],
        Address,
        100,
        260,
    ),
    shape(
        "azure-signature",
        &["&sig=", "?sig=", "&amp;sig="],
        Address,
        40,
        100,
    ),
    shape("cargo-token", &["crates-io-token-"], Alnum, 20, 64),
];

/// A keyword prefilter over every beginning, and the shape that each belongs to.
static STARTS: LazyLock<Option<(AhoCorasick, Vec<&'static Shape>)>> = LazyLock::new(|| {
    let pairs = SHAPES
        .iter()
        .flat_map(|shape| shape.starts.iter().map(move |start| (start, shape)));
    let (starts, shapes): (Vec<&str>, Vec<&Shape>) = pairs.unzip();
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .match_kind(MatchKind::Standard)
        .build(starts)
        .ok()?;
    Some((automaton, shapes))
});

/// Adds every key of known shape.
pub(super) fn find(text: &str, found: &mut Vec<Found>) {
    find_mailchimp(text.as_bytes(), found);
    let Some((automaton, shapes)) = &*STARTS else {
        return;
    };
    let mut runs = Runs {
        text: text.as_bytes(),
        ends: [0; ALPHABETS],
    };
    for start in automaton.find_overlapping_iter(text) {
        let shape = shapes[start.pattern().as_usize()];
        let is_inside_word = is_inside_word(text.as_bytes(), start.start());
        let end = runs.end(start.end(), shape.alphabet);
        if !is_inside_word && is_key(&text.as_bytes()[start.end()..end], shape) {
            found.push(Found {
                span: start.start()..end,
                kind: shape.kind,
            });
        }
    }
}

/// Adds every key of Mailchimp: it is told by what it ends with, the name of a data centre.
fn find_mailchimp(text: &[u8], found: &mut Vec<Found>) {
    for at in memchr::memmem::find_iter(text, MAILCHIMP_END) {
        let hex = text[..at].iter().rev().take(MAILCHIMP_CHARS + 1);
        let run = hex.take_while(|byte| byte.is_ascii_hexdigit()).count();
        let digits = text[at + MAILCHIMP_END.len()..].iter().take(2);
        let digits = digits.take_while(|byte| byte.is_ascii_digit()).count();
        let start = at - run;
        if run == MAILCHIMP_CHARS && digits > 0 && is_secret(&text[start..at], Hex) {
            found.push(Found {
                span: start..at + MAILCHIMP_END.len() + digits,
                kind: "mailchimp-key",
            });
        }
    }
}

/// Whether a letter or digit at `at` follows another.
fn is_inside_word(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| text.get(at));
    text[at].is_ascii_alphanumeric() && before.is_some_and(u8::is_ascii_alphanumeric)
}

/// Where runs of each alphabet end. Each byte is looked at once an alphabet, whatever the text.
struct Runs<'a> {
    text: &'a [u8],
    ends: [usize; ALPHABETS],
}

impl Runs<'_> {
    /// The end of the run that `at` lies in. Places come in ascending order.
    fn end(&mut self, at: usize, alphabet: Alphabet) -> usize {
        let end = &mut self.ends[alphabet as usize];
        if *end < at {
            let run = self.text[at..]
                .iter()
                .take_while(|&&byte| alphabet.has(byte));
            *end = at + run.count();
        }
        *end
    }
}

fn is_key(key: &[u8], shape: &Shape) -> bool {
    let (min, max) = shape.chars;
    let dots = || key.iter().filter(|&&byte| byte == b'.').count();
    (min..=max).contains(&key.len())
        && (shape.dots == 0 || dots() >= shape.dots)
        && is_secret(key, shape.alphabet)
}

/// Whether what follows the beginning is random and no name. Nearly all keys have a digit; of random letters alone, capitals are in no
/// order, and where there are none but capitals, names would have marks between their words.
fn is_secret(key: &[u8], alphabet: Alphabet) -> bool {
    let Ok(text) = str::from_utf8(key) else {
        return false;
    };
    let is_mixed = key.iter().any(u8::is_ascii_digit)
        || 5 * entropy::changes_of_class(key) >= 2 * key.len()
        || matches!(alphabet, Alphabet::Upper);
    is_mixed && entropy::bits_per_byte(key) >= 2.5 && !entropy::is_placeholder(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that no placeholder rule takes for an example, in the shape's alphabet.
    fn body(shape: &Shape) -> String {
        let letters: &[u8] = match shape.alphabet {
            Alphabet::Upper => b"Q7ZK2MWN5RBX3TVD",
            Alphabet::Hex => b"9f3a7c1e5b8d2046",
            _ => b"q7ZkW2mNr5BxT3vD",
        };
        let mut body: Vec<u8> = letters
            .iter()
            .copied()
            .cycle()
            .take(shape.chars.0)
            .collect();
        for dot in 0..shape.dots {
            body[10 + dot * 20] = b'.';
        }
        String::from_utf8(body).unwrap()
    }

    fn kinds(text: &str) -> Vec<&'static str> {
        let mut found = Vec::new();
        find(text, &mut found);
        found.iter().map(|one| one.kind).collect()
    }

    #[test]
    fn every_shape_is_found_whole_in_quotes_and_not_inside_words() {
        for shape in SHAPES {
            for start in shape.starts {
                let key = format!("{start}{}", body(shape));
                let mut found = Vec::new();
                find(&format!("x = \"{key}\";"), &mut found);
                assert!(
                    found
                        .iter()
                        .any(|one| one.kind == shape.kind && one.span == (5..5 + key.len())),
                    "{key}"
                );
                let is_word = key.starts_with(|c: char| c.is_ascii_alphanumeric());
                let inside = kinds(&format!("x{key}")).contains(&shape.kind);
                assert_eq!(inside, !is_word, "{key}");
            }
        }
    }

    #[test]
    fn keys_told_by_their_end_are_found_whole() {
        let hex = "9f3a7c1e5b8d2046".repeat(2);
        assert_eq!(kinds(&format!("MAIL = \"{hex}-us14\"")), ["mailchimp-key"]);
        for text in [
            format!("{hex}-user"),
            format!("a{hex}-us14"),
            "en-us1".to_owned(),
        ] {
            assert_eq!(kinds(&text), [] as [&str; 0], "{text}");
        }
    }

    #[test]
    fn names_examples_and_broken_keys_are_no_keys() {
        let texts = [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "sk-circle-fade-dot-loading-animation-large",
            "hf_hub_download_model_from_repository",
            "task-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "AIzaShort",
            "AKIA",
            "npm_config_registry_url_of_the_company_x",
            "SKIP1234",
            "DISK9f3a7c1e5b8d20469f3a7c1e5b8d2046",
            "key-value",
            "eyJhbGciOi",
            "secret_key_base",
            "xoxb-your-token-here-1234",
            "glpat-XXXXXXXXXXXXXXXXXXXX",
        ];
        for text in texts {
            assert_eq!(kinds(text), [] as [&str; 0], "{text}");
        }
    }
}
