//! What tells one file from another across runs: a hash of its beginning.
//!
//! While a run goes on, the system's own number of a file does that; it says nothing afterwards, when the number may be
//! another file's. A beginning of few bytes is weak, so that of a file that is followed covers a whole line at least, and
//! is noted anew as the file grows, up to [`BEGINNING`].

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{Arc, atomic::AtomicU64},
};

use super::input::open_input;
use crate::engine::log::record::Identity;

/// How much of a file's beginning tells it from another one, in bytes.
pub(super) const BEGINNING: u64 = 4_096;

/// What identifies content that begins like this.
pub(super) fn identity(beginning: &[u8]) -> Identity {
    Identity { bytes: beginning.len() as u64, hash: blake3::hash(beginning).to_hex().to_string() }
}

/// What identifies a file, over so many bytes. Of a pipe nothing may be taken: what is read here is missing there.
pub(super) fn identify(path: &Path, bytes: u64) -> io::Result<Identity> {
    let mut beginning = Vec::new();
    if path.is_file() {
        File::open(path)?.take(bytes).read_to_end(&mut beginning)?;
    }
    Ok(identity(&beginning))
}

/// What identifies a file that is followed: `None` until its first line is whole.
pub(super) fn identity_of_followed(beginning: &[u8]) -> Option<Identity> {
    let is_enough = beginning.contains(&b'\n') || beginning.len() as u64 >= BEGINNING;
    is_enough.then(|| identity(beginning))
}

/// Whether content that begins like this is what is identified.
pub(super) fn begins_like(beginning: &[u8], known: &Identity) -> bool {
    let bytes = usize::try_from(known.bytes).unwrap_or(usize::MAX);
    beginning.get(..bytes).is_some_and(|beginning| identity(beginning) == *known)
}

/// The beginning of a file's content, unpacked where its ending says that it is packed.
pub(super) fn unpacked_beginning(path: &Path) -> io::Result<Vec<u8>> {
    let (input, _) = open_input(path, 0, &Arc::new(AtomicU64::new(0)))?;
    let mut beginning = Vec::new();
    input.take(BEGINNING).read_to_end(&mut beginning)?;
    Ok(beginning)
}

/// The first bytes of something, up to so many, by reading at positions.
pub(super) fn first_bytes(
    bytes: u64,
    read_at: impl Fn(&mut [u8], u64) -> io::Result<usize>,
) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    let mut read = 0;
    while read < buffer.len() {
        match read_at(&mut buffer[read..], read as u64) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    buffer.truncate(read);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_known_again_however_it_goes_on() {
        let known = identity_of_followed(b"one\ntw").expect("a whole line");
        assert_eq!(known.bytes, 6);
        assert!(begins_like(b"one\ntw", &known) && begins_like(b"one\ntwo\nthree\n", &known));
        assert!(!begins_like(b"one\n", &known) && !begins_like(b"one\nTwo\n", &known));
        assert_eq!(identity_of_followed(b"on"), None);
        assert!(identity_of_followed(&[b'x'; 4_096]).is_some());
    }
}
