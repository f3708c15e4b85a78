use super::*;

fn check(text: &str, language: &str, bytes_max: usize) -> Vec<Chunk> {
    let chunks = split(text, language, bytes_max);
    let joined: String = chunks
        .iter()
        .map(|chunk| &text[chunk.range.clone()])
        .collect();
    assert_eq!(joined, text, "{language} at {bytes_max}");
    for chunk in &chunks {
        let part = &text[chunk.range.clone()];
        assert!(
            !part.is_empty() && part.len() <= bytes_max.max(4),
            "{language} at {bytes_max}: {}",
            part.len()
        );
        let starts_line = chunk.range.start == 0 || text.as_bytes()[chunk.range.start - 1] == b'\n';
        let in_long_line = text[..chunk.range.start].rfind('\n').map_or(0, |at| at + 1);
        let line_bytes = text[in_long_line..]
            .split_inclusive('\n')
            .next()
            .unwrap_or_default()
            .len();
        assert!(
            starts_line || line_bytes > bytes_max,
            "{language} at {bytes_max}: cut in a line"
        );
        let first = text[..chunk.range.start].matches('\n').count() + 1;
        let last = text[..chunk.range.end - 1].matches('\n').count() + 1;
        assert_eq!(chunk.lines, first as u32..=last as u32);
    }
    chunks
}
