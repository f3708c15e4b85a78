//! Phrases that point at what the reader of a question cannot see.

use std::sync::LazyLock;

use regex::Regex;

/// Nouns that stand for what the model was shown.
const SHOWN: &str = "code|source|snippet|excerpt|listing|passage|chunk|fragment|script|program|implementation|documentation|\
                     function|method|class|struct|enum|trait|interface|module|file|document|section|test|macro|header|block|\
                     example|text|context|repository|repo|project|codebase|package|library";
/// Phrases that lean on something unseen, each with the words that make it innocent when they come next.
const LEANING: [(&str, &str); 8] = [
    (
        r"this (?:\w+ )?(?:{shown}|line|loop|condition|statement|variable|type)s?|these (?:{shown}|line|type|variable|value)s",
        "",
    ),
    (
        r"the (?:given|provided|above|following|shown|attached|preceding|displayed) (?:\w+ )?(?:code|source|snippet|excerpt|listing|passage|implementation|script|program|context|documentation|example|text|function|method|class|file|module)s?|(?:above|given|provided|following) (?:code|snippet|excerpt)",
        "path|paths|name|names|descriptor|descriptors|pointer|pointers|object|objects|size|type|types|handle|system|extension|extensions|argument|arguments|does|is|returns|raises|throws|fails",
    ),
    (
        r"the (?:code )?(?:snippet|excerpt|listing|passage|fragment|sample|block of code|piece of code|chunk of code|code block)",
        "size|sizes|of|generator|engine|manager|file|files",
    ),
    (
        "the code",
        "point|points|page|pages|unit|units|path|paths|base|of|for|generator|that|which|in",
    ),
    (
        r"the (?:\w+ )?(?:{shown}|line|example|type|value|variable|constant)s? (?:shown |listed |given |defined |provided )?(?:above|below|here)",
        r"the|a|an|that|which|\d+",
    ),
    (
        r"(?:shown|listed|mentioned|described|defined|given|provided|seen) (?:above|below|here|in the (?:text|context|snippet|excerpt))|(?:what is|what's) (?:here|above|below)",
        "",
    ),
    (r"lines? \d+(?: ?(?:-|–|to) ?\d+)?", ""),
    (
        r"(?:according to|based on|as per|in|from|of) the (?:source|context|snippet|excerpt|text provided|provided text|source text|code above)",
        "code|of|tree|file|files|map|maps|directory|folder|address|port|ip|string|url|repository|node|object|package|image|stream|type|menu|manager",
    ),
];

/// The first phrase of a question that points at what its reader cannot see.
pub(super) fn leaning_phrase(question: &str) -> Option<String> {
    static PATTERNS: LazyLock<Vec<(Regex, Option<Regex>)>> = LazyLock::new(|| {
        let compile = |(phrase, innocent): &(&str, &str)| {
            let phrase = format!(r"(?i)\b(?:{})\b", phrase.replace("{shown}", SHOWN));
            let innocent = (!innocent.is_empty())
                .then(|| Regex::new(&format!(r"(?i)^\s+(?:{innocent})\b")).ok())
                .flatten();
            Some((Regex::new(&phrase).ok()?, innocent))
        };
        LEANING.iter().filter_map(compile).collect()
    });
    PATTERNS.iter().find_map(|(phrase, innocent)| {
        let leans = |found: &regex::Match| {
            !innocent
                .as_ref()
                .is_some_and(|next| next.is_match(&question[found.end()..]))
        };
        phrase
            .find_iter(question)
            .find(leans)
            .map(|found| found.as_str().to_owned())
    })
}
