//! Reads the texts of benchmarks that the user names. Only their 10-grams stay in memory, so that a file may be large.

use crate::domain::quality::contamination::Benchmarks;
use crate::settings::SettingsError;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

/// Reads every file: of `.json`, `.jsonl` and `.ndjson` every string is a text of its own, any other file is one.
pub fn read(paths: &[PathBuf]) -> Result<Benchmarks, SettingsError> {
    let mut benchmarks = Benchmarks::default();
    for path in paths {
        let refuse = |why: String| SettingsError::Contamination {
            path: path.clone(),
            why,
        };
        let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
        let reader = BufReader::new(file);
        if is_json(path) {
            read_json(reader, &mut benchmarks).map_err(|error| refuse(error.to_string()))?;
        } else {
            read_text(reader, &mut benchmarks).map_err(|error| refuse(error.to_string()))?;
        }
    }
    Ok(benchmarks)
}

fn is_json(path: &Path) -> bool {
    let suffix = path.extension().unwrap_or_default();
    ["json", "jsonl", "ndjson"]
        .iter()
        .any(|one| suffix.eq_ignore_ascii_case(one))
}

fn read_text(mut reader: BufReader<File>, benchmarks: &mut Benchmarks) -> io::Result<()> {
    let (mut line, mut before) = (Vec::new(), Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        benchmarks.add_part(&String::from_utf8_lossy(&line), &mut before);
        line.clear();
    }
    Ok(())
}

fn read_json(mut reader: BufReader<File>, benchmarks: &mut Benchmarks) -> serde_json::Result<()> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if reader.fill_buf().is_ok_and(|head| head.starts_with(MARK)) {
        reader.consume(MARK.len());
    }
    let mut values = serde_json::Deserializer::from_reader(reader);
    while values.end().is_err() {
        Strings(benchmarks).deserialize(&mut values)?;
    }
    Ok(())
}

/// Adds every string of a JSON value as it is read; nothing else of the value is kept. The keys of objects are no text.
struct Strings<'a>(&'a mut Benchmarks);

impl<'de> DeserializeSeed<'de> for Strings<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strings<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.add(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Strings(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while fields.next_key::<serde::de::IgnoredAny>()?.is_some() {
            fields.next_value_seed(Strings(self.0))?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
