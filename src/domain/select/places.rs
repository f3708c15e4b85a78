//! Tables of folders and carried-along files behind `by_path`, in lower case.
//!
//! Sources: linguist's `vendor.yml` and `generated.rb` (corrected), the package managers' and build tools' own documents.

/// Folders that hold other people's code, at any depth.
#[rustfmt::skip]
pub(super) const VENDOR_FOLDERS: &[&str] = &[
    "node_modules", "bower_components", "vendor", "vendors", "third_party", "third-party",
    "thirdparty", "3rdparty", "3rd-party", "3rd_party", "godeps", "pods", "carthage",
    "site-packages", ".venv", "venv", "virtualenv", "_esy", "jspm_packages", "web_modules",
    "ace-builds", "mathjax", "flow-typed", "externals", "xvba_modules", ".bundle", "admin_media",
    "puphpet",
];

/// Folders that hold other people's code when they stand at the top of the repository.
pub(super) const VENDOR_TOP_FOLDERS: &[&str] = &["deps", "dependencies", "extern", "external"];

/// Parts of a path that mark other people's code.
#[rustfmt::skip]
pub(super) const VENDOR_PATHS: &[&str] = &[
    ".yarn/", "inst/extdata/", "crashlytics.framework/", "fabric.framework/", "realm.framework/",
    "extjs/", "tiny_mce/", ".mvn/wrapper/", "gradle/wrapper/",
    "codemirror/mode/", "codemirror/addon/", "codemirror/keymap/", "codemirror/2.", "codemirror/3.",
    "codemirror/4.", "codemirror/5.", "public/javascripts/controls.js", "public/javascripts/dragdrop.js",
    "public/javascripts/effects.js", "public/javascripts/prototype.js",
];

/// Files that build tools copy into a tree.
#[rustfmt::skip]
pub(super) const VENDOR_NAMES: &[&str] = &[
    "aclocal.m4", "libtool.m4", "ltoptions.m4", "ltsugar.m4", "ltversion.m4", "lt~obsolete.m4",
    "ltmain.sh", "config.guess", "config.sub", "install-sh", "mkinstalldirs", "missing", "depcomp",
    "ar-lib", "test-driver", "ylwrap", "py-compile", "erlang.mk", "rebar", "waf", "cpplint.py",
    "ppport.h", "versioneer.py", "ez_setup.py", "dotnet-install.sh", "dotnet-install.ps1",
    "get-pip.py", "html5shiv.js", "pdf.worker.js", "activator", "activator.bat", "proguard.pro", "proguard-rules.pro",
];

/// Libraries that sites carry as single files, told by the version after the name.
#[rustfmt::skip]
pub(super) const LIBRARY_STEMS: &[&str] = &[
    "jquery", "jquery-ui", "jquery-migrate", "bootstrap", "bootstrap-theme", "bootstrap-grid",
    "bootstrap-reboot", "angular", "react", "react-dom", "vue", "d3", "underscore", "lodash",
    "backbone", "modernizr", "moment", "mootools", "prototype", "dojo", "yui", "ckeditor",
    "tinymce", "font-awesome", "fontawesome", "normalize", "skeleton", "foundation", "materialize",
    "select2", "bulma", "leaflet", "chart", "three", "socket.io", "require", "ember", "knockout",
    "highlight", "prism", "mustache", "handlebars", "animate", "popper", "cordova", "zepto",
    "raphael", "codemirror",
];

/// Suffixes of what browsers load.
pub(super) const WEB_SUFFIXES: &[&str] =
    &["js", "mjs", "cjs", "css", "map", "html", "less", "scss"];

/// Folders that hold test data wherever they stand.
#[rustfmt::skip]
pub(super) const FIXTURE_FOLDERS: &[&str] = &[
    "testdata", "test-data", "test_data", "__fixtures__", "__snapshots__", "__image_snapshots__",
    "_snaps", "cassettes", "vcr_cassettes", "fuzz_corpus", "seed_corpus",
];

/// Folders of tests.
#[rustfmt::skip]
pub(super) const TEST_FOLDERS: &[&str] = &[
    "test", "tests", "spec", "specs", "__tests__", "e2e", "testsuite", "test-suite", "t", "testing",
    "fuzz", "unittests", "integration-tests", "integration_tests",
];

/// Folders that hold test data anywhere below a folder of tests.
pub(super) const TEST_DATA_FOLDERS: &[&str] = &[
    "fixtures",
    "fixture",
    "golden",
    "goldens",
    "snapshots",
    "baselines",
];

/// Folders that hold test data right below a folder of tests. Deeper down they may be packages: `src/test/java/org/a/data`.
#[rustfmt::skip]
pub(super) const TEST_DATA_TOP_FOLDERS: &[&str] = &[
    "data", "snapshot", "expected", "corpus", "resources", "samples", "inputs", "input", "outputs", "output", "assets",
    "certs",
];

/// Folders that builds, package managers, coverage tools and editors write, at any depth.
#[rustfmt::skip]
pub(super) const OUTPUT_FOLDERS: &[&str] = &[
    "_build", ".next", ".nuxt", ".output", ".svelte-kit", ".angular", ".parcel-cache", ".turbo",
    "__pycache__", ".tox", ".nox", ".eggs", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ".gradle", ".idea", ".vscode", ".vs", ".settings", "deriveddata", ".dart_tool", ".terraform",
    "htmlcov", "lcov-report", "coverage-report", "_site", "storybook-static", "elm-stuff",
    ".stack-work", "dist-newstyle", ".ipynb_checkpoints", "cmakefiles", ".obsidian", ".teamcity",
    ".cache", "jspm", "generated-docs", "javadoc", "apidocs", "groovydoc",
];

/// Ends of such folders' names.
#[rustfmt::skip]
pub(super) const OUTPUT_FOLDER_ENDS: &[&str] = &[
    ".xctemplate", ".egg-info", ".dist-info", ".xcodeproj", ".xcworkspace", ".imageset", ".xcassets", ".framework",
];

/// Parts of a path that mark build output.
#[rustfmt::skip]
pub(super) const OUTPUT_PATHS: &[&str] = &[
    "target/debug/", "target/release/", "obj/debug/", "obj/release/", "bin/debug/", "bin/release/",
    "public/build/", "app-debug/",
];

/// Beginnings of such files' names, where the rest varies.
#[rustfmt::skip]
pub(super) const LIBRARY_STARTS: &[&str] = &[
    "tiny_mce", "fontello", "mootools", "mochikit", "yahoo-", "yuiloader", "microsoftajax", "microsoftmvc",
    "jquery-ui-", "jquery.ui.", "jquery.effects.", "jquery.fn.", "jquery.fancybox", "jquery.fileupload",
    "jquery.validate", "jquery.unobtrusive", "jquery.datatables", "sprockets-octicons", "octicons", "fuelux",
    "foundation.", "slick.", "leaflet.", "modernizr.custom", "d3.v",
];

/// Those that nobody calls a file of their own after, told by the name alone.
#[rustfmt::skip]
pub(super) const LIBRARY_PLAIN: &[&str] = &[
    "jquery", "jquery-ui", "jquery-migrate", "jquery.slim", "bootstrap", "bootstrap-theme", "bootstrap-grid",
    "bootstrap-reboot", "angular", "d3", "underscore", "lodash", "backbone", "modernizr", "dojo", "yui", "ckeditor",
    "tinymce", "font-awesome", "fontawesome", "select2", "bulma", "materialize", "knockout", "raphael", "zepto",
    "codemirror", "handlebars", "cordova", "normalize",
    "foundation",
];
