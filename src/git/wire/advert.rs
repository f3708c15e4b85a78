//! What a server offers: protocol version, capabilities, references.

use super::pktline::{DELIMITER, FLUSH, Packet, PacketReader, push_line};
use super::{AGENT, Problem, RemoteRef, Wants};
use git2::{Oid, Reference};
use std::io::Read;

/// References kept at most: a line needs one, a message a few.
const REFERENCES_MAX: usize = 1000;

/// The protocol a server chose. Version 1 differs from 0 by one line and is read as 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    Zero,
    Two,
}

/// The server's first message.
#[derive(Debug)]
pub(super) struct Advert {
    pub version: Version,
    /// `name` or `name=value`.
    capabilities: Vec<String>,
    /// In version 0, the references that can matter.
    pub references: Vec<RemoteRef>,
}

impl Advert {
    /// Reads it whole.
    pub fn read<R: Read>(packets: &mut PacketReader<R>, wants: &Wants) -> Result<Self, Problem> {
        let mut advert = Advert {
            version: Version::Zero,
            capabilities: Vec::new(),
            references: Vec::new(),
        };
        let mut is_service = false;
        loop {
            let packet = packets.next()?;
            let Some(line) = packet.line() else {
                // Over HTTP a line with the service's name and a flush may come first.
                if std::mem::take(&mut is_service) && packet == Packet::Flush {
                    continue;
                }
                return Ok(advert.with_symbolic_head());
            };
            match line {
                b"version 2" => advert.version = Version::Two,
                b"version 1" => {}
                _ if line.starts_with(b"# service=") => is_service = true,
                _ if advert.version == Version::Two => advert.capabilities.push(lossy(line)),
                _ => advert.push_reference_line(line, wants)?,
            }
        }
    }

    /// Version 0: `<id> <name>`, the first with `\0<capabilities>`; peeled tags follow as `<name>^{}`.
    fn push_reference_line(&mut self, line: &[u8], wants: &Wants) -> Result<(), Problem> {
        let mut halves = line.splitn(2, |&byte| byte == 0);
        let line = halves.next().unwrap_or_default();
        if let Some(capabilities) = halves.next() {
            self.capabilities = lossy(capabilities).split(' ').map(str::to_owned).collect();
        }
        if line.starts_with(b"shallow ") {
            return Ok(());
        }
        let (id, name) = split_reference(line)?;
        match (name.strip_suffix("^{}"), self.references.last_mut()) {
            (Some(tag), Some(last)) if last.name == tag => last.peeled = Some(id),
            (None, _) => push_limited(
                &mut self.references,
                wants,
                RemoteRef {
                    name,
                    id,
                    peeled: None,
                    points_to: None,
                },
            ),
            _ => {}
        }
        Ok(())
    }

    fn with_symbolic_head(mut self) -> Self {
        let target = self
            .capabilities
            .iter()
            .find_map(|word| word.strip_prefix("symref=HEAD:"))
            .filter(|name| is_name(name))
            .map(str::to_owned);
        if let Some(head) = self
            .references
            .iter_mut()
            .find(|reference| reference.name == "HEAD")
        {
            head.points_to = target;
        }
        self
    }

    /// Whether a capability is offered, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.capabilities.iter().any(|word| word == name) || self.value(name).is_some()
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.capabilities
            .iter()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether the server can leave history out.
    pub fn can_shallow(&self) -> bool {
        match self.version {
            Version::Zero => self.has("shallow"),
            Version::Two => self
                .value("fetch")
                .is_some_and(|features| features.split(' ').any(|word| word == "shallow")),
        }
    }

    /// Whether object names are SHA-1, which is also what a server means that does not say.
    pub fn uses_sha1(&self) -> bool {
        self.value("object-format")
            .is_none_or(|format| format == "sha1")
    }
}

/// The opening lines of a version 2 request.
pub(super) fn push_command(
    request: &mut Vec<u8>,
    advert: &Advert,
    command: &str,
) -> Result<(), Problem> {
    push_line(request, &format!("command={command}"))?;
    if advert.has("agent") {
        push_line(request, &format!("agent={AGENT}"))?;
    }
    if advert.has("object-format") {
        push_line(request, "object-format=sha1")?;
    }
    request.extend_from_slice(DELIMITER);
    Ok(())
}

/// A request for the references whose names begin with the wanted ones.
pub(super) fn ls_refs_request(advert: &Advert, wants: &Wants) -> Result<Vec<u8>, Problem> {
    let mut request = Vec::new();
    push_command(&mut request, advert, "ls-refs")?;
    push_line(&mut request, "peel")?;
    push_line(&mut request, "symrefs")?;
    for name in &wants.names {
        push_line(&mut request, &format!("ref-prefix {name}"))?;
    }
    request.extend_from_slice(FLUSH);
    Ok(request)
}

/// Reads `<id> <name>[ symref-target:<name>][ peeled:<id>]` lines.
pub(super) fn read_ls_refs<R: Read>(
    packets: &mut PacketReader<R>,
    wants: &Wants,
) -> Result<Vec<RemoteRef>, Problem> {
    let mut references = Vec::new();
    loop {
        let packet = packets.next()?;
        let Some(line) = packet.line() else {
            return Ok(references);
        };
        if !line.starts_with(b"unborn ") {
            push_limited(&mut references, wants, parse_ls_refs_line(line)?);
        }
    }
}

fn parse_ls_refs_line(line: &[u8]) -> Result<RemoteRef, Problem> {
    let (id, rest) = split_reference(line)?;
    let mut words = rest.split(' ');
    let name = words.next().unwrap_or_default().to_owned();
    let (mut peeled, mut points_to) = (None, None);
    for word in words {
        if let Some(id) = word.strip_prefix("peeled:") {
            peeled = Some(parse_id(id)?);
        } else if let Some(target) = word.strip_prefix("symref-target:") {
            points_to = Some(target.to_owned());
        }
    }
    Ok(RemoteRef {
        name,
        id,
        peeled,
        points_to,
    })
}

fn push_limited(references: &mut Vec<RemoteRef>, wants: &Wants, reference: RemoteRef) {
    if wants.includes(&reference.name)
        && is_name(&reference.name)
        && references.len() < REFERENCES_MAX
    {
        let points_to = reference.points_to.filter(|name| is_name(name));
        references.push(RemoteRef {
            points_to,
            ..reference
        });
    }
}

/// A name with control characters, say, never gets further than here.
fn is_name(name: &str) -> bool {
    Reference::is_valid_name(name)
}

/// `<id> <rest>`. A name that is not UTF-8 cannot be asked for; it is kept readable only.
fn split_reference(line: &[u8]) -> Result<(Oid, String), Problem> {
    let text = lossy(line);
    let (id, rest) = text
        .split_once(' ')
        .ok_or(Problem::Protocol("a reference line without a name"))?;
    Ok((parse_id(id)?, rest.to_owned()))
}

/// All 40 digits of an object's name; git2 alone would also take fewer.
pub(super) fn parse_id(text: &str) -> Result<Oid, Problem> {
    let id = text.parse().ok().filter(|_| text.len() == 40);
    id.ok_or(Problem::Protocol(
        "an object name that is not 40 hexadecimal digits",
    ))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::repo::Wanted;
    use crate::git::wire::pktline::packets;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn framed(lines: &[&str]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in lines {
            match *line {
                "" => bytes.extend_from_slice(FLUSH),
                line => push_line(&mut bytes, line).unwrap(),
            }
        }
        bytes
    }

    fn read(lines: &[&str], wanted: &Wanted) -> Result<Advert, Problem> {
        Advert::read(&mut packets(framed(lines).as_slice()), &Wants::new(wanted))
    }

    #[test]
    fn version_two_is_capabilities_only() {
        let lines = [
            "# service=git-upload-pack",
            "",
            "version 2",
            "agent=x",
            "fetch=shallow wait-for-done",
            "object-format=sha1",
            "",
        ];
        for lines in [&lines[..], &lines[2..]] {
            let advert = read(lines, &Wanted::DefaultBranch).unwrap();
            assert!(
                advert.version == Version::Two
                    && advert.can_shallow()
                    && advert.uses_sha1()
                    && advert.has("agent")
            );
        }
        let advert = read(
            &["version 2", "fetch", "object-format=sha256", ""],
            &Wanted::DefaultBranch,
        )
        .unwrap();
        assert!(!advert.can_shallow() && !advert.uses_sha1());
    }

    #[test]
    fn version_zero_lists_references_and_peels_tags() {
        let head = format!("{A} HEAD\0shallow side-band-64k symref=HEAD:refs/heads/main");
        let lines = [
            "version 1".to_owned(),
            head,
            format!("{A} refs/heads/main"),
            format!("{B} refs/tags/v1"),
            format!("{A} refs/tags/v1^{{}}"),
            format!("shallow {A}"),
            String::new(),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let advert = read(&lines, &Wanted::DefaultBranch).unwrap();
        assert!(advert.version == Version::Zero && advert.can_shallow());
        assert_eq!(
            advert.references[0].points_to.as_deref(),
            Some("refs/heads/main")
        );
        let advert = read(&lines, &Wanted::Named("v1".to_owned())).unwrap();
        assert_eq!(advert.references.len(), 1);
        assert_eq!(advert.references[0].peeled, Some(A.parse().unwrap()));
    }

    #[test]
    fn empty_repositories_have_no_references() {
        let nothing = format!("{} capabilities^{{}}\0shallow", "0".repeat(40));
        for lines in [&[nothing.as_str(), ""][..], &[""][..]] {
            assert_eq!(read(lines, &Wanted::DefaultBranch).unwrap().references, []);
        }
    }

    #[test]
    fn ls_refs_answers_are_filtered_and_limited() {
        let mut lines = vec![
            "unborn HEAD symref-target:refs/heads/main".to_owned(),
            format!("{A} HEAD symref-target:refs/heads/main"),
            format!("{B} refs/tags/v1 peeled:{A}"),
        ];
        lines.extend((0..2 * REFERENCES_MAX).map(|number| format!("{A} refs/heads/{number}")));
        lines.push(String::new());
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let bytes = framed(&lines);
        let found = read_ls_refs(
            &mut packets(bytes.as_slice()),
            &Wants::new(&Wanted::DefaultBranch),
        )
        .unwrap();
        assert_eq!(
            (found.len(), found[0].name.as_str()),
            (REFERENCES_MAX, "HEAD")
        );
    }

    #[test]
    fn no_advertisement_can_cause_a_panic_or_smuggle_a_name() {
        let lines = [
            format!("{A} HEAD\0shallow symref=HEAD:refs/heads/main"),
            format!("{B} refs/heads/main"),
            format!("{A} refs/heads/main^{{}}"),
        ];
        let lines: Vec<&str> = lines.iter().map(String::as_str).chain([""]).collect();
        let advert = framed(&lines);
        let wants = Wants::new(&Wanted::DefaultBranch);
        for at in 0..advert.len() {
            for byte in [0, b'\n', 0x1b, b' ', b'0', b'f', b'~', 0xff] {
                let mut bytes = advert.clone();
                bytes[at] = byte;
                let read = Advert::read(&mut packets(bytes.as_slice()), &wants);
                let _ = read_ls_refs(&mut packets(bytes.as_slice()), &wants);
                for reference in read.map(|advert| advert.references).unwrap_or_default() {
                    let target = reference.points_to.unwrap_or_default();
                    assert!(
                        !target.contains(char::is_control)
                            && !reference.name.contains(char::is_control)
                    );
                }
            }
        }
    }

    #[test]
    fn malformed_lines_are_errors() {
        for line in [
            "",
            "abc",
            "abc refs/heads/x",
            &A[1..],
            &format!("{}z x", &A[1..]),
        ] {
            assert!(split_reference(line.as_bytes()).is_err(), "{line}");
        }
        assert!(parse_ls_refs_line(format!("{A} x peeled:12").as_bytes()).is_err());
    }
}
