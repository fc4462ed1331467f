//! How far a text stays plain, judged eight bytes at a time in one register, or thirty-two where only yes or no counts.
//!
//! The register tricks flag the high bit of each byte that matches. Some flag bytes above a match as well, but never
//! one below it, and only the lowest flag is ever used.

/// The same byte eight times.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// Flags, exactly, the bytes of `word` that are `byte`, where all bytes of both are ASCII.
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ all(byte);
    !(difference + all(0x7f)) & all(0x80)
}

/// Whether a byte is neither graphic ASCII nor a space.
fn is_special(byte: u8) -> bool {
    byte.wrapping_sub(0x20) > 0x5e
}

/// Where the ASCII that begins at `at` ends.
pub(super) fn ascii_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    while let Some(&eight) = bytes[end..].first_chunk::<8>() {
        let flags = u64::from_le_bytes(eight) & all(0x80);
        if flags != 0 {
            return end + flags.trailing_zeros() as usize / 8;
        }
        end += 8;
    }
    end + bytes[end..].iter().take_while(|byte| byte.is_ascii()).count()
}

/// Where the run that is not ASCII and begins at `at` ends.
pub(super) fn run_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| !byte.is_ascii()).count()
}

/// Where the stretch from the graphic ASCII character at `at` ends that is of graphic ASCII and single spaces between.
pub(super) fn plain_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    // The high bit of the first byte, if the byte before is a space.
    let mut after_space = 0;
    while let Some(&eight) = bytes[end..].first_chunk::<8>() {
        let word = u64::from_le_bytes(eight);
        let ascii = word & all(0x7f);
        let spaces = equal(ascii, b' ');
        // Below a space; the subtraction borrows from a byte only where the one under it is flagged itself.
        let controls = ascii.wrapping_sub(all(b' ')) & !ascii & all(0x80);
        let flags =
            (word & all(0x80)) | controls | equal(ascii, 0x7f) | (spaces & (spaces << 8 | after_space));
        if flags != 0 {
            end += flags.trailing_zeros() as usize / 8;
            return if bytes[end - 1] == b' ' { end - 1 } else { end };
        }
        after_space = spaces >> 56;
        end += 8;
    }
    while let Some(&next) = bytes.get(end) {
        if is_special(next) || (next == b' ' && bytes[end - 1] == b' ') {
            break;
        }
        end += 1;
    }
    if bytes[end - 1] == b' ' { end - 1 } else { end }
}

/// Whether all of it is such a stretch, without `<` and `&` in it.
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return true;
    };
    if odd(b' ', first) | (last == b' ') {
        return false;
    }
    let (before, next) = (&bytes[..bytes.len() - 1], &bytes[1..]);
    let (before_blocks, before_rest) = before.as_chunks::<32>();
    let (next_blocks, next_rest) = next.as_chunks::<32>();
    for (before, next) in before_blocks.iter().zip(next_blocks) {
        let mut flags = 0;
        for at in 0..32 {
            flags |= u8::from(odd(before[at], next[at]));
        }
        if flags != 0 {
            return false;
        }
    }
    !before_rest.iter().zip(next_rest).any(|(&before, &next)| odd(before, next))
}

/// Whether a byte, after another, keeps a text from being plain.
fn odd(before: u8, byte: u8) -> bool {
    is_special(byte) | (byte == b'<') | (byte == b'&') | ((before == b' ') & (byte == b' '))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_graphic_or_single_space(before: u8, byte: u8) -> bool {
        byte.is_ascii_graphic() || (byte == b' ' && before != b' ')
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn stretches_end_where_a_byte_at_a_time_says(
            bytes in proptest::collection::vec(prop_oneof![9 => 0x20_u8..0x7f, 3 => Just(b' '), 1 => any::<u8>()], 1..80),
        ) {
            prop_assert_eq!(ascii_end(&bytes, 0), bytes.iter().position(|byte| !byte.is_ascii()).unwrap_or(bytes.len()));
            prop_assert_eq!(run_end(&bytes, 0), bytes.iter().position(u8::is_ascii).unwrap_or(bytes.len()));
            let all = (0..bytes.len()).all(|at| {
                let before = if at == 0 { b' ' } else { bytes[at - 1] };
                is_graphic_or_single_space(before, bytes[at]) && bytes[at] != b'<' && bytes[at] != b'&'
            });
            prop_assert_eq!(is_plain(&bytes), all && bytes[bytes.len() - 1] != b' ');
            if bytes[0].is_ascii_graphic() {
                let end = (1..bytes.len()).find(|&at| !is_graphic_or_single_space(bytes[at - 1], bytes[at]));
                let end = end.unwrap_or(bytes.len());
                prop_assert_eq!(plain_end(&bytes, 0), end - usize::from(bytes[end - 1] == b' '));
            }
        }
    }
}
