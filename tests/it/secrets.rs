//! Secrets and private addresses planted in a repository reach no request, no database and no log; what only looks like one stays.
//!
//! The planted values are put together while the test runs, so that no scanner of this repository takes them for real ones.

use crate::generation::QUEUE;
use crate::model_server::ModelServer;
use crate::workspace::{Repo, Workspace};
use std::fs;

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const HEX: &str = "0123456789abcdef";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// So many characters of an alphabet in no order that one would write by hand. The same number gives the same text.
fn random(alphabet: &str, chars: usize, seed: usize) -> String {
    let letters: Vec<char> = alphabet.chars().collect();
    let mut state = seed as u64 * 7919 + 13;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        letters[(state >> 33) as usize % letters.len()]
    };
    (0..chars).map(|_| next()).collect()
}

/// Keys of well-known shape: what they begin with, and what follows.
const KEYS: [(&[&str], &str, usize); 38] = [
    (&["7201938465:", "AAH"], ALNUM, 32),
    (&["AAAAx7bq2Zk:", "APA91b"], ALNUM, 134),
    (&["AK", "IA"], UPPER, 16),
    (&["AS", "IA"], UPPER, 16),
    (&["gh", "p_"], ALNUM, 36),
    (&["github", "_pat_"], ALNUM, 82),
    (&["gl", "pat-"], ALNUM, 20),
    (&["xo", "xb-"], ALNUM, 48),
    (&["hooks.slack", ".com/services/T"], ALNUM, 42),
    (&["discord.com/api", "/webhooks/"], ALNUM, 68),
    (&["sk_", "live_"], ALNUM, 24),
    (&["AI", "za"], ALNUM, 35),
    (&["GOC", "SPX-"], ALNUM, 28),
    (&["ya", "29."], ALNUM, 120),
    (&["s", "k-"], ALNUM, 48),
    (&["sk-", "proj-"], ALNUM, 120),
    (&["sk-", "ant-"], ALNUM, 93),
    (&["h", "f_"], ALNUM, 34),
    (&["np", "m_"], ALNUM, 36),
    (&["pypi-", "AgE"], ALNUM, 150),
    (&["S", "K"], HEX, 32),
    (&["ke", "y-"], HEX, 32),
    (&["dop", "_v1_"], HEX, 64),
    (&["shp", "at_"], HEX, 32),
    (&["sq0", "atp-"], ALNUM, 22),
    (&["AGE-SECRET", "-KEY-1"], UPPER, 58),
    (&["da", "pi"], HEX, 32),
    (&["dp.", "pt."], ALNUM, 43),
    (&["hv", "s."], ALNUM, 90),
    (&["lin_", "api_"], ALNUM, 40),
    (&["NR", "AK-"], UPPER, 27),
    (&["nt", "n_"], ALNUM, 46),
    (&["PM", "AK-"], HEX, 59),
    (&["pu", "l-"], HEX, 40),
    (&["ruby", "gems_"], HEX, 48),
    (&["sntr", "ys_"], ALNUM, 100),
    (&["dckr", "_pat_"], ALNUM, 27),
    (&["gs", "k_"], ALNUM, 52),
];

/// A secret, and a line of Python that holds it.
fn planted() -> Vec<(String, String)> {
    let keys = KEYS
        .iter()
        .enumerate()
        .map(|(nth, (begin, alphabet, chars))| {
            let key = begin.concat() + &random(alphabet, *chars, nth);
            let secret = key.rsplit(':').next().unwrap().to_owned();
            (secret, format!("    client.connect('{key}')"))
        });
    let mut all: Vec<_> = keys.collect();
    let secret = |nth: usize| random(ALNUM, 28, 100 + nth);
    let mut add = |secret: String, line: String| all.push((secret, line));
    add(secret(1), format!("    api_{} = \"{}\"", "key", secret(1)));
    add(
        secret(2),
        format!("    config[\"client_{}\"] = '{}'", "secret", secret(2)),
    );
    add(secret(3), format!("    {} = \"{}\"", "password", secret(3)));
    add(
        secret(4),
        format!(
            "    database = 'postgres://admin:{}@db.intern.net/app'",
            secret(4)
        ),
    );
    add(
        secret(5),
        format!(
            "    remote = 'https://{}@git.intern.net/app.git'",
            secret(5)
        ),
    );
    add(
        secret(10),
        format!("    headers['Authorization'] = 'Bearer {}'", secret(10)),
    );
    add(secret(11), format!("    # api_{}: {}", "token", secret(11)));
    for (nth, chars, begin, end) in [
        (20, 12, "    PASSWORD: Final[str] = \"", "\""),
        (
            21,
            14,
            "    os.environ.setdefault(\"DB_PASSWORD\", \"",
            "\")",
        ),
        (22, 43, "    FERNET_KEY = b'", "'"),
        (23, 15, "    # curl -u deploy:", " https://files.intern.net"),
        (24, 32, "    headers = '''X-Api-Key: ", "'''"),
        (25, 12, "    # ALTER USER app IDENTIFIED BY '", "';"),
    ] {
        let value = random(ALNUM, chars, 300 + nth);
        add(value.clone(), format!("{begin}{value}{end}"));
    }
    let jwt = format!(
        "ey{}.{}.{}",
        "J".to_owned() + &secret(6),
        secret(7) + &secret(8),
        secret(9)
    );
    add(secret(9), format!("    client.connect('{jwt}')"));
    let mail = "ruth.amari@kernel-lab.org".to_owned();
    add(mail.clone(), format!("    # ask {mail} about this"));
    let body = (0..4)
        .map(|nth| random(ALNUM, 64, 200 + nth))
        .collect::<Vec<_>>();
    for kind in ["RSA ", "OPENSSH ", ""] {
        let mark = |word: &str| format!("-----{word} {kind}{} KEY-----", "PRIVATE");
        let block = format!(
            "    pem = '''{}\n{}\n{}'''",
            mark("BEGIN"),
            body.join("\n"),
            mark("END")
        );
        add(body[2].clone(), block);
    }
    all
}

/// What a repository holds that is no secret: it is sent as it is.
const HARMLESS: [&str; 8] = [
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
    "123e4567-e89b-12d3-a456-426614174000",
    "AKIAIOSFODNN7EXAMPLE",
    "someone@example.com",
    "git@github.com:owner/name.git",
    "YOUR_API_KEY_GOES_HERE",
    "sha512-Qm9vbGVhbiBsb2dpYyBpcyBmdW4gYW5kIHVzZWZ1bA==",
];

/// Everything that the run left in a folder, as one text.
fn left_in(workspace: &Workspace, folder: &str) -> String {
    let entries = fs::read_dir(workspace.path().join(folder))
        .unwrap()
        .flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|entry| String::from_utf8_lossy(&fs::read(entry.path()).unwrap()).into_owned())
        .collect()
}

#[test]
fn no_planted_secret_leaves_the_machine_or_is_kept() {
    let model = ModelServer::start();
    let workspace = Workspace::with_model(&model.base_url());
    let repo = Repo::new(&workspace.origin().join("leaky"));
    let secrets = planted();
    for (nth, group) in secrets.chunks(8).enumerate() {
        let lines: Vec<&str> = group.iter().map(|(_, line)| line.as_str()).collect();
        let text = QUEUE.replace("capacity", &format!("capacity_{nth}"));
        let text = format!(
            "{text}\n\ndef open_clients_{nth}(client, config):\n{}\n",
            lines.join("\n")
        );
        repo.write(&format!("clients_{nth}.py"), text);
    }
    let all: Vec<&str> = secrets.iter().map(|(_, line)| line.as_str()).collect();
    repo.write(
        "too_many.py",
        format!(
            "{QUEUE}\n\ndef open_all(client, config):\n{}\n",
            all.join("\n")
        ),
    );
    repo.write(
        "README.md",
        format!("# Leaky\n\nA demo. The key is {}.\n", secrets[2].0),
    );
    let harmless = HARMLESS
        .map(|text| format!("    client.compare('{text}')\n"))
        .concat();
    repo.write(
        "harmless.py",
        format!(
            "{}\n\ndef compare_all(client):\n{harmless}",
            QUEUE.replace("waiting_items", "harmless_items")
        ),
    );
    repo.commit();
    workspace.list_repos(&[&repo.url()]);
    workspace.run(&["scrape"]).expect(0);
    let ran = workspace.run(&["prepare", "-vv", "--json", "--questions", "2"]);
    let summary = ran.expect(0).json();
    assert_eq!(summary["skipped"]["secrets"], 1, "{summary}");
    assert!(secrets.len() >= 40);

    let sent: String = model
        .requests()
        .iter()
        .map(|seen| String::from_utf8_lossy(&seen.raw).into_owned())
        .collect();
    let kept = left_in(&workspace, "data") + &left_in(&workspace, "logs");
    for (secret, line) in &secrets {
        assert!(!sent.contains(secret), "sent: {line}");
        assert!(!kept.contains(secret), "kept: {line}");
    }
    for nth in 0..secrets.len().div_ceil(8) {
        assert!(sent.contains(&format!("open_clients_{nth}")), "{nth}");
    }
    for text in HARMLESS {
        assert!(sent.contains(text), "{text}");
    }
}
