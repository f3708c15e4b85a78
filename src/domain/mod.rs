//! The rules of the program as pure functions: values in, values out.
//!
//! Nothing here opens a file, a socket or a database, reads a clock or the environment. Whatever
//! needs the outside world lives in an edge (`git`, `walk`, `llm`, `store`, `export`) and meets these rules in `commands`.

pub mod chunk;
pub mod failure;
pub mod language;
mod lenient;
pub mod licence;
pub mod path;
pub mod price;
pub mod prompt;
pub mod provenance;
pub mod quality;
pub mod redact;
pub mod repo;
pub mod sample;
pub mod select;
pub mod source;
pub mod stamp;
pub mod tally;
