//! The fetch request and its answer.

use super::advert::{Advert, Version, parse_id, push_command};
use super::pktline::{FLUSH, Packet, PacketReader, push_line, refusal};
use super::{AGENT, Ask, Problem};
use git2::Oid;
use std::io::{Read, Write};

/// One request that needs no negotiation: what is wanted, the one commit that is here, done. Progress is not declined: some servers have no
/// other way to say that they are at work.
pub(super) fn request(advert: &Advert, ask: &Ask) -> Result<Vec<u8>, Problem> {
    // Without shallow support a server would take our commit for one with all its history.
    let have = ask
        .have
        .filter(|_| advert.can_shallow() || ask.shallow.is_empty());
    match advert.version {
        Version::Two => request_two(advert, ask, have),
        Version::Zero => request_zero(advert, ask, have),
    }
}

fn request_two(advert: &Advert, ask: &Ask, have: Option<Oid>) -> Result<Vec<u8>, Problem> {
    let mut request = Vec::new();
    push_command(&mut request, advert, "fetch")?;
    for option in ["thin-pack", "ofs-delta"] {
        push_line(&mut request, option)?;
    }
    push_line(&mut request, &format!("want {}", ask.want))?;
    push_depth(&mut request, advert, ask)?;
    push_haves(&mut request, have)?;
    request.extend_from_slice(FLUSH);
    Ok(request)
}

fn request_zero(advert: &Advert, ask: &Ask, have: Option<Oid>) -> Result<Vec<u8>, Problem> {
    if !advert.has("side-band-64k") {
        return Err(Problem::Unsupported("a server without side-band-64k"));
    }
    let offered = ["side-band-64k", "thin-pack", "ofs-delta"]
        .into_iter()
        .filter(|name| advert.has(name));
    let mut first = format!("want {}", ask.want);
    for name in offered {
        first.push(' ');
        first.push_str(name);
    }
    if advert.has("agent") {
        first.push_str(&format!(" agent={AGENT}"));
    }
    let mut request = Vec::new();
    push_line(&mut request, &first)?;
    push_depth(&mut request, advert, ask)?;
    request.extend_from_slice(FLUSH);
    push_haves(&mut request, have)?;
    Ok(request)
}

fn push_depth(request: &mut Vec<u8>, advert: &Advert, ask: &Ask) -> Result<(), Problem> {
    if !advert.can_shallow() {
        return Ok(());
    }
    for commit in &ask.shallow {
        push_line(request, &format!("shallow {commit}"))?;
    }
    push_line(request, "deepen 1")
}

fn push_haves(request: &mut Vec<u8>, have: Option<Oid>) -> Result<(), Problem> {
    if let Some(have) = have {
        push_line(request, &format!("have {have}"))?;
    }
    push_line(request, "done")
}

/// Reads up to the end of the pack, which goes to `pack`. Returns the commits whose parents the server left out.
pub(super) fn read_answer<R: Read>(
    packets: &mut PacketReader<R>,
    version: Version,
    deepens: bool,
    pack: &mut dyn Write,
) -> Result<Vec<Oid>, Problem> {
    let mut shallow = Vec::new();
    match version {
        Version::Two => read_sections(packets, &mut shallow)?,
        Version::Zero if deepens => read_shallow(packets, &mut shallow)?,
        Version::Zero => {}
    }
    read_pack(packets, pack)?;
    Ok(shallow)
}

/// Version 2: named sections, each ended by a delimiter; `packfile` comes last.
fn read_sections<R: Read>(
    packets: &mut PacketReader<R>,
    shallow: &mut Vec<Oid>,
) -> Result<(), Problem> {
    loop {
        let packet = packets.next()?;
        match packet.line() {
            Some(b"packfile") => return Ok(()),
            Some(b"shallow-info") => read_shallow(packets, shallow)?,
            Some(b"acknowledgments" | b"wanted-refs") => while packets.next()?.line().is_some() {},
            _ => return Err(Problem::Protocol("an unexpected section before the pack")),
        }
    }
}

fn read_shallow<R: Read>(
    packets: &mut PacketReader<R>,
    shallow: &mut Vec<Oid>,
) -> Result<(), Problem> {
    while let Some(line) = packets.next()?.line() {
        let text = str::from_utf8(line).unwrap_or_default();
        if let Some(id) = text.strip_prefix("shallow ") {
            shallow.push(parse_id(id)?);
        } else if !text.starts_with("unshallow ") {
            return Err(Problem::Protocol(
                "an unexpected line among the shallow commits",
            ));
        }
    }
    Ok(())
}

/// The pack comes in bands: 1 is data, 2 is talk, 3 is a fatal error. In version 0 acknowledgements stand before it.
fn read_pack<R: Read>(packets: &mut PacketReader<R>, pack: &mut dyn Write) -> Result<(), Problem> {
    loop {
        match packets.next()? {
            Packet::Flush => return Ok(()),
            // A frame without data keeps the connection alive.
            Packet::Data([1]) => {}
            Packet::Data([1, data @ ..]) => {
                pack.write_all(data)?;
                packets.pack_begins();
            }
            Packet::Data([2, ..]) => {}
            Packet::Data([3, message @ ..]) => return Err(refusal(message)),
            Packet::Data([b'A', b'C', b'K', ..] | [b'N', b'A', b'K', ..]) => {}
            _ => return Err(Problem::Protocol("an unexpected frame in the pack")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::wire::pktline::packets;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn frame(payload: &[u8]) -> Vec<u8> {
        [format!("{:04x}", payload.len() + 4).as_bytes(), payload].concat()
    }

    fn read(version: Version, bytes: &[u8]) -> (Result<Vec<Oid>, Problem>, Vec<u8>) {
        let mut pack = Vec::new();
        let answer = read_answer(&mut packets(bytes), version, true, &mut pack);
        (answer, pack)
    }

    #[test]
    fn both_versions_lead_to_the_same_pack() {
        let shallow = frame(format!("shallow {A}\n").as_bytes());
        let bands = [
            frame(b"\x01PA"),
            frame(b"\x02talk"),
            frame(b"\x01CK"),
            FLUSH.to_vec(),
        ]
        .concat();
        let two = [
            frame(b"shallow-info\n"),
            shallow.clone(),
            b"0001".to_vec(),
            frame(b"packfile\n"),
            bands.clone(),
        ]
        .concat();
        let zero = [shallow, FLUSH.to_vec(), frame(b"NAK\n"), bands].concat();
        for (version, bytes) in [(Version::Two, two), (Version::Zero, zero)] {
            let (answer, pack) = read(version, &bytes);
            assert_eq!(answer.unwrap(), [A.parse::<Oid>().unwrap()]);
            assert_eq!(pack, b"PACK");
            for end in 0..bytes.len() {
                assert!(
                    matches!(read(version, &bytes[..end]).0, Err(Problem::Disconnected)),
                    "cut at {end}"
                );
            }
        }
    }

    #[test]
    fn no_answer_can_cause_a_panic() {
        let shallow = frame(format!("shallow {A}\n").as_bytes());
        let answer = [
            frame(b"shallow-info\n"),
            shallow,
            b"0001".to_vec(),
            frame(b"packfile\n"),
            frame(b"\x01PACK"),
            FLUSH.to_vec(),
        ]
        .concat();
        for at in 0..answer.len() {
            for byte in [0, 1, 3, b' ', b'0', b'1', b'f', 0xff] {
                let mut bytes = answer.clone();
                bytes[at] = byte;
                let _ = read(Version::Two, &bytes);
                let _ = read(Version::Zero, &bytes);
            }
        }
    }

    #[test]
    fn errors_of_the_server_and_strange_frames_end_the_fetch() {
        let fatal = [frame(b"packfile\n"), frame(b"\x03out of memory")].concat();
        assert!(
            matches!(read(Version::Two, &fatal).0, Err(Problem::Refused(text)) if text == "out of memory")
        );
        for strange in [&b"packfile-uris\n"[..], b"\xff", b"", b"shallow-info\n"] {
            let bytes = [frame(strange), frame(b"x"), FLUSH.to_vec()].concat();
            assert!(read(Version::Two, &bytes).0.is_err());
        }
    }
}
