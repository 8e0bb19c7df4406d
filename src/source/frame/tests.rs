//! Framing, against any chunking, over-long lines and holes.

use proptest::prelude::*;

use super::*;

/// A line as the tests see it: offset, text, cut.
type Seen = (u64, Vec<u8>, bool);

fn seen(framed: &Framed) -> Vec<Seen> {
    let text = |line: &Line| framed.bytes[line.start as usize..(line.start + line.len) as usize].to_vec();
    framed
        .lines
        .iter()
        .map(|line| (framed.base + u64::from(line.start), text(line), line.cut))
        .collect()
}

fn frame_all(chunks: &[&[u8]], cap: usize) -> Vec<Seen> {
    let mut framer = Framer::new(cap, 0, Trail::default());
    let mut lines = Vec::new();
    let mut came = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        came.extend_from_slice(chunk);
        while let Some(framed) = framer.take() {
            lines.extend(seen(&framed));
            assert_proof(&came, &framed);
        }
        assert_eq!(framer.position(), came.len() as u64);
        assert!(framer.bytes.len() <= cap.max(NUL_RUN) + 1);
    }
    if let Some(framed) = framer.take_rest() {
        assert_proof(&came, &framed);
        lines.extend(seen(&framed));
    }
    lines
}

/// The proof is of the bytes just before the end.
fn assert_proof(came: &[u8], framed: &Framed) {
    let before = &came[..framed.end as usize];
    let last = &before[before.len().saturating_sub(super::super::identity::HASHED_BYTES)..];
    assert_eq!(
        framed.proof,
        (last.len() as u32, super::super::identity::hash(last))
    );
}

fn texts(data: &[u8], cap: usize) -> Vec<String> {
    frame_all(&[data], cap)
        .into_iter()
        .map(|(offset, text, cut)| {
            format!(
                "{offset}:{}{}",
                String::from_utf8_lossy(&text),
                if cut { "…" } else { "" }
            )
        })
        .collect()
}

#[test]
fn lines_are_found_with_their_offsets() {
    let cases: [(&[u8], &[&str]); 13] = [
        (b"", &[]),
        (b"a\nb\n", &["0:a", "2:b"]),
        (b"a\r\nb\r\n", &["0:a", "3:b"]),
        (b"a\n\nb", &["0:a", "2:", "3:b"]),
        (b"\r\n", &["0:"]),
        (b"a\rb\n", &["0:a\rb"]),
        (b"\xef\xbb\xbfa\nb\n", &["3:a", "5:b"]),
        (b"a\n\0\0\0b\n", &["0:a", "5:b"]),
        (b"a\n\0\0\0\0", &["0:a"]),
        (b"a\n\0\0\n", &["0:a", "4:"]),
        (b"a\0b\n", &["0:a\0b"]),
        (b"torn\0\0\0\0\0\0\0\0whole\n", &["0:torn", "12:whole"]),
        (b"torn\0\0", &["0:torn"]),
    ];
    for (data, expected) in cases {
        assert_eq!(texts(data, 100), expected, "{data:?}");
    }
}

#[test]
fn an_overlong_line_is_cut_and_the_next_one_whole() {
    assert_eq!(texts(b"0123456789\nab\n", 8), ["0:01234567…", "11:ab"]);
    assert_eq!(texts(b"01234567\r\nab", 8), ["0:01234567", "10:ab"]);
    assert_eq!(texts(b"012345678", 8), ["0:01234567…"]);
}

#[test]
fn a_mark_is_no_part_of_the_first_line_however_it_comes() {
    for (data, line) in [
        (&b"\xef\xbb\xbf01234567\n"[..], "3:01234567"),
        (b"\xef\xbb\xbf\0\0\0\0\0\0\0\0\0\0a\n", "13:a"),
        (b"\xef\xbb\xbf012345678\n", "3:01234567…"),
    ] {
        assert_eq!(texts(data, 8), [line]);
        for cut in 0..data.len() {
            assert_eq!(frame_all(&[&data[..cut], &data[cut..]], 8), frame_all(&[data], 8));
        }
    }
}

#[test]
fn a_hole_longer_than_the_cap_does_not_swallow_the_line_after_it() {
    let data = [b"torn".as_slice(), &[0; 5000], b"whole\nnext\n"].concat();
    for step in [1, 10, 999, 6000] {
        let chunks: Vec<&[u8]> = data.chunks(step).collect();
        let lines = frame_all(&chunks, 64);
        let texts: Vec<&[u8]> = lines.iter().map(|(_, text, _)| text.as_slice()).collect();
        assert_eq!(texts, [&b"torn"[..], b"whole", b"next"], "{step}");
    }
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_lines(
        data in prop::collection::vec(prop_oneof![
            3 => Just(b'a'), 2 => Just(b'\n'), 1 => Just(b'\r'), 3 => Just(0), 1 => any::<u8>()
        ], 0..400),
        cuts in prop::collection::vec(0..400_usize, 0..12),
        cap in 8..40_usize,
        marked in any::<bool>(),
    ) {
        let data = if marked { [MARK, &data].concat() } else { data };
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(data.len())).collect();
        cuts.extend([0, data.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|w| &data[w[0]..w[1]]).collect();
        prop_assert_eq!(frame_all(&chunks, cap), frame_all(&[&data], cap));
    }

    #[test]
    fn reading_again_from_any_taken_offset_gives_the_rest(
        data in prop::collection::vec(prop_oneof![3 => Just(b'a'), 2 => Just(b'\n'), 2 => Just(0)], 0..300),
        stop in 0..300_usize,
    ) {
        let stop = stop.min(data.len());
        let mut framer = Framer::new(16, 0, Trail::default());
        framer.push(&data[..stop]);
        let mut lines = Vec::new();
        while let Some(framed) = framer.take() {
            lines.extend(seen(&framed));
        }
        let mut second = Framer::new(16, framer.taken(), Trail::default());
        second.push(&data[framer.taken() as usize..]);
        while let Some(framed) = second.take() {
            lines.extend(seen(&framed));
        }
        lines.extend(second.take_rest().iter().flat_map(seen));
        prop_assert_eq!(lines, frame_all(&[&data], 16));
    }
}

#[test]
fn very_many_short_lines_come_in_pieces() {
    let count = 3 * MAX_LINES + 5;
    let data = b"a\n\n".repeat(count / 2);
    let mut framer = Framer::new(100, 0, Trail::default());
    framer.push(&data);
    framer.push(b"rest");
    let (mut lines, mut pieces) = (Vec::new(), 0);
    while let Some(framed) = framer.take() {
        assert!(framed.lines.len() <= MAX_LINES);
        assert_proof(&data, &framed);
        lines.extend(seen(&framed));
        pieces += 1;
    }
    assert_eq!(pieces, 4);
    assert_eq!(lines.len(), count / 2 * 2);
    let last = lines.last().unwrap();
    assert_eq!(
        (last.0, last.1.as_slice()),
        (data.len() as u64 - 1, b"".as_slice())
    );
    assert_eq!(framer.waiting(), 4);
    assert_eq!(framer.take_rest().unwrap().lines.len(), 1);
}
