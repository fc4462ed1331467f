//! The checksum inside a file of Parquet: 24 bytes between its last page and its footer, a place the format leaves free.
//!
//! It covers every other byte, so a file says by itself that it is whole, before anything of it is parsed. It is made
//! against damage (xxh3, 128 bits), not against forgery; the manifest of a checkpoint holds a hash of the whole file.

use xxhash_rust::xxh3::Xxh3;

use super::collection::StoredError;

const MAGIC: &[u8; 8] = b"DIRISEAL";
const LEN: usize = MAGIC.len() + 16;
/// Length of the footer, and the magic of Parquet.
const TAIL: usize = 8;

/// Puts the seal into a whole file of Parquet.
pub(super) fn seal(file: &mut Vec<u8>) -> Result<(), StoredError> {
    let footer = footer_start(file)?;
    let seal = [&MAGIC[..], &checksum(&file[..footer], &file[footer..])].concat();
    file.splice(footer..footer, seal);
    Ok(())
}

/// Whether the file is as it was sealed.
pub(super) fn check(file: &[u8]) -> Result<(), StoredError> {
    let footer = footer_start(file)?;
    let start = footer.checked_sub(LEN).ok_or(StoredError::Foreign("it is too short for a checksum"))?;
    let (magic, found) = file[start..footer].split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(StoredError::Foreign("there is no checksum before its footer"));
    }
    if found == checksum(&file[..start], &file[footer..]) { Ok(()) } else { Err(StoredError::Damaged) }
}

fn footer_start(file: &[u8]) -> Result<usize, StoredError> {
    let Some((rest, [a, b, c, d, b'P', b'A', b'R', b'1'])) = file.split_last_chunk::<TAIL>() else {
        return Err(StoredError::Foreign("it does not end as Parquet does"));
    };
    let footer = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    rest.len().checked_sub(footer).ok_or(StoredError::Foreign("its footer is longer than itself"))
}

fn checksum(pages: &[u8], footer: &[u8]) -> [u8; 16] {
    let mut hash = Xxh3::new();
    hash.update(pages);
    hash.update(footer);
    hash.digest128().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Vec<u8> {
        let mut file = b"PAR1pages".to_vec();
        file.extend_from_slice(b"footer\x06\0\0\0PAR1");
        seal(&mut file).unwrap();
        file
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let file = sealed();
        check(&file).unwrap();
        for bit in 0..8 * file.len() {
            let mut broken = file.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&broken).is_err(), "bit {bit}");
        }
        for len in 0..file.len() {
            assert!(check(&file[..len]).is_err(), "cut to {len} bytes");
        }
    }

    #[test]
    fn the_rest_of_the_file_is_left_as_it_was() {
        let file = sealed();
        assert!(file.starts_with(b"PAR1pages") && file.ends_with(b"footer\x06\0\0\0PAR1"));
        assert_eq!(file.len(), 9 + LEN + 14);
    }
}
