//! The phrases by which licences are known, in the form of [`words_of`](super::words_of): lower-case words and single spaces.

/// A licence and what its text holds, in the form of [`words_of`](super::words_of).
pub(super) struct Rule {
    pub(super) id: &'static str,
    /// All of these.
    pub(super) phrases: &'static [&'static str],
    /// None of these.
    pub(super) without: &'static [&'static str],
    /// Whether the first phrase is a title and counts only near the beginning.
    pub(super) is_title: bool,
}

const fn titled(id: &'static str, phrases: &'static [&'static str]) -> Rule {
    Rule {
        id,
        phrases,
        without: &[],
        is_title: true,
    }
}

const fn worded(
    id: &'static str,
    phrases: &'static [&'static str],
    without: &'static [&'static str],
) -> Rule {
    Rule {
        id,
        phrases,
        without,
        is_title: false,
    }
}

const MIT_GRANT: &str = "permission is hereby granted free of charge to any person obtaining a copy of this software and associated documentation files";
const MIT_NOTICE: &str = "copyright notice and this permission notice";
const BSD_GRANT: &str =
    "redistribution and use in source and binary forms with or without modification are permitted";
const BSD_CLAUSE_3: &str = "endorse or promote products derived from";
const BSD_CLAUSE_4: &str = "all advertising materials mentioning features";
const ISC_GRANT: &str =
    "distribute this software for any purpose with or without fee is hereby granted";

/// What is special before what is general.
pub(super) const RULES: &[Rule] = &[
    titled("AGPL-3.0", &["gnu affero general public license version 3"]),
    titled("LGPL-3.0", &["gnu lesser general public license version 3"]),
    titled(
        "LGPL-2.1",
        &["gnu lesser general public license version 2 1"],
    ),
    titled(
        "LGPL-2.0",
        &["gnu library general public license version 2"],
    ),
    titled("GPL-3.0", &["gnu general public license version 3"]),
    titled("GPL-2.0", &["gnu general public license version 2"]),
    titled("Apache-2.0", &["apache license version 2 0"]),
    titled("MPL-2.0", &["mozilla public license version 2 0"]),
    titled("EPL-2.0", &["eclipse public license v 2 0"]),
    titled("EPL-1.0", &["eclipse public license v 1 0"]),
    titled("EUPL-1.2", &["european union public licence v 1 2"]),
    titled("CDDL-1.0", &["common development and distribution license"]),
    titled("BSL-1.0", &["boost software license version 1 0"]),
    titled("BUSL-1.1", &["business source license 1 1"]),
    titled("SSPL-1.0", &["server side public license"]),
    titled("Elastic-2.0", &["elastic license 2 0"]),
    titled("CC0-1.0", &["cc0 1 0 universal"]),
    titled(
        "CC-BY-NC-SA-4.0",
        &["attribution noncommercial sharealike 4 0 international"],
    ),
    titled(
        "CC-BY-NC-ND-4.0",
        &["attribution noncommercial noderivs 4 0 international"],
    ),
    titled(
        "CC-BY-NC-ND-4.0",
        &["attribution noncommercial noderivatives 4 0 international"],
    ),
    titled(
        "CC-BY-NC-4.0",
        &["attribution noncommercial 4 0 international"],
    ),
    titled("CC-BY-ND-4.0", &["attribution noderivs 4 0 international"]),
    titled(
        "CC-BY-ND-4.0",
        &["attribution noderivatives 4 0 international"],
    ),
    titled(
        "CC-BY-SA-4.0",
        &["attribution sharealike 4 0 international"],
    ),
    titled("CC-BY-4.0", &["attribution 4 0 international"]),
    titled(
        "CC-BY-NC-SA-3.0",
        &["attribution noncommercial sharealike 3 0 unported"],
    ),
    titled(
        "CC-BY-NC-ND-3.0",
        &["attribution noncommercial noderivs 3 0 unported"],
    ),
    titled(
        "CC-BY-NC-ND-3.0",
        &["attribution noncommercial noderivatives 3 0 unported"],
    ),
    titled("CC-BY-NC-3.0", &["attribution noncommercial 3 0 unported"]),
    titled("CC-BY-ND-3.0", &["attribution noderivs 3 0 unported"]),
    titled("CC-BY-ND-3.0", &["attribution noderivatives 3 0 unported"]),
    titled("CC-BY-SA-3.0", &["attribution sharealike 3 0 unported"]),
    titled("CC-BY-3.0", &["attribution 3 0 unported"]),
    titled("Artistic-2.0", &["the artistic license 2 0"]),
    titled("MS-PL", &["microsoft public license"]),
    titled("PSF-2.0", &["python software foundation license version 2"]),
    titled("UPL-1.0", &["universal permissive license"]),
    titled("BlueOak-1.0.0", &["blue oak model license"]),
    titled("WTFPL", &["do what the fuck you want to public license"]),
    titled("PostgreSQL", &["postgresql license"]),
    worded(
        "NCSA",
        &["university of illinois ncsa open source license"],
        &[],
    ),
    worded(
        "Unlicense",
        &["this is free and unencumbered software released into the public domain"],
        &[],
    ),
    worded(
        "Zlib",
        &["altered source versions must be plainly marked as such"],
        &[],
    ),
    worded("BSD-4-Clause", &[BSD_GRANT, BSD_CLAUSE_4], &[]),
    worded("BSD-3-Clause", &[BSD_GRANT, BSD_CLAUSE_3], &[]),
    worded("BSD-2-Clause", &[BSD_GRANT], &[]),
    worded(
        "MIT",
        &[MIT_GRANT, MIT_NOTICE],
        &["except as contained in this notice"],
    ),
    worded("X11", &[MIT_GRANT, MIT_NOTICE], &[]),
    worded("MIT-0", &[MIT_GRANT], &[]),
    worded("ISC", &[ISC_GRANT, MIT_NOTICE], &[]),
    worded("0BSD", &[ISC_GRANT], &[]),
    worded(
        "MIT-0",
        &["permission is hereby granted free of charge to any person obtaining a copy"],
        &[],
    ),
];

/// Statements in a source file's head, for licences that are only referred to there.
pub(super) const HEAD_RULES: &[Rule] = &[
    worded(
        "AGPL-3.0-or-later",
        &[
            "gnu affero general public license",
            "version 3",
            "any later version",
        ],
        &[],
    ),
    worded(
        "AGPL-3.0-only",
        &["gnu affero general public license", "version 3"],
        &[],
    ),
    worded(
        "LGPL-3.0-or-later",
        &[
            "gnu lesser general public license",
            "version 3",
            "any later version",
        ],
        &[],
    ),
    worded(
        "LGPL-2.1-or-later",
        &[
            "gnu lesser general public license",
            "version 2 1",
            "any later version",
        ],
        &[],
    ),
    worded(
        "LGPL-2.0-or-later",
        &[
            "gnu library general public license",
            "version 2",
            "any later version",
        ],
        &[],
    ),
    worded(
        "GPL-3.0-or-later",
        &[
            "gnu general public license",
            "version 3",
            "any later version",
        ],
        &[],
    ),
    worded(
        "GPL-2.0-or-later",
        &[
            "gnu general public license",
            "version 2",
            "any later version",
        ],
        &[],
    ),
    worded(
        "GPL-3.0-only",
        &["gnu general public license", "version 3"],
        &[],
    ),
    worded(
        "GPL-2.0-only",
        &["gnu general public license", "version 2"],
        &[],
    ),
    worded(
        "Apache-2.0",
        &["licensed under the apache license version 2 0"],
        &[],
    ),
    worded(
        "Apache-2.0",
        &["under the terms of the apache license version 2 0"],
        &[],
    ),
    worded(
        "MPL-2.0",
        &["subject to the terms of the mozilla public license v 2 0"],
        &[],
    ),
    worded(
        "EPL-2.0",
        &["made available under the terms of the eclipse public license 2 0"],
        &[],
    ),
    worded(
        "BSL-1.0",
        &["distributed under the boost software license version 1 0"],
        &[],
    ),
    worded("MIT", &["under the mit license"], &["apache"]),
    worded("MIT", &["mit licensed"], &["apache"]),
    worded("ISC", &["under the isc license"], &[]),
    worded("BSD-3-Clause", &["bsd 3 clause license"], &[]),
    worded("BSD-2-Clause", &["bsd 2 clause license"], &[]),
];
