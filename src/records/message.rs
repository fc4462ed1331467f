//! A message as bytes: key, value and headers behind one another, so that an epoch's output to a log such as Kafka's is
//! put in order, hashed and kept like the text of a file.
//!
//! Lengths are little-endian; `u32::MAX` stands for "none", which an empty key or value is not. Headers are a list of
//! names and values; a block of them can be passed on without looking into it.

/// What stands for a length where there is nothing.
const NONE: u32 = u32::MAX;

/// A message, borrowed from wherever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Names what it is about.
    pub key: Option<&'a [u8]>,
    /// What it says; none is a tombstone.
    pub value: Option<&'a [u8]>,
    /// Its headers, encoded.
    pub headers: &'a [u8],
}

fn put(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.extend_from_slice(&bytes.map_or(NONE, |bytes| bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn take<'a>(from: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let (length, rest) = from.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length);
    if length == NONE {
        *from = rest;
        return Some(None);
    }
    let (bytes, rest) = rest.split_at_checked(length as usize)?;
    *from = rest;
    Some(Some(bytes))
}

/// Appends a header to a block of them.
pub fn push_header(block: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    put(block, Some(name.as_bytes()));
    put(block, value);
}

/// The headers of a block, in order; it ends early where the block is no such block.
pub fn headers(mut block: &[u8]) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
    std::iter::from_fn(move || {
        let name = take(&mut block)??;
        Some((std::str::from_utf8(name).ok()?, take(&mut block)?))
    })
}

/// Appends a message.
pub fn push_message(out: &mut Vec<u8>, message: &Message<'_>) {
    put(out, message.key);
    put(out, message.value);
    put(out, Some(message.headers));
}

/// Appends a message whose value is written in place; `value` says whether there is one.
pub fn push_message_with(
    out: &mut Vec<u8>,
    key: Option<&[u8]>,
    headers: &[u8],
    value: impl FnOnce(&mut Vec<u8>) -> bool,
) {
    put(out, key);
    let start = out.len();
    put(out, None);
    if value(out) {
        let length = (out.len() - start - 4) as u32;
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    }
    put(out, Some(headers));
}

/// The messages that were appended to one another, in order; it ends early where the bytes are no messages.
pub fn messages(mut bytes: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let key = take(&mut bytes)?;
        let value = take(&mut bytes)?;
        Some(Message { key, value, headers: take(&mut bytes)?? })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn none_is_not_empty() {
        let mut block = Vec::new();
        push_header(&mut block, "a", Some(b""));
        push_header(&mut block, "b", None);
        let mut out = Vec::new();
        let first = Message { key: Some(b""), value: None, headers: &block };
        let second = Message { key: None, value: Some(b"v"), headers: b"" };
        push_message(&mut out, &first);
        push_message_with(&mut out, None, b"", |out| {
            out.push(b'v');
            true
        });
        assert_eq!(messages(&out).collect::<Vec<_>>(), [first, second]);
        assert_eq!(headers(&block).collect::<Vec<_>>(), [("a", Some(&b""[..])), ("b", None)]);
    }

    proptest! {
        #[test]
        fn what_is_put_is_taken(
            parts in proptest::collection::vec((
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)),
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)),
                proptest::collection::vec((any::<String>(), proptest::option::of(any::<[u8; 3]>())), 0..3),
            ), 0..5),
            cut in any::<prop::sample::Index>(),
        ) {
            let blocks: Vec<Vec<u8>> = parts.iter().map(|(_, _, all)| {
                let mut block = Vec::new();
                for (name, value) in all {
                    push_header(&mut block, name, value.as_ref().map(<[u8; 3]>::as_slice));
                }
                block
            }).collect();
            let expected: Vec<Message<'_>> = parts.iter().zip(&blocks)
                .map(|((key, value, _), headers)| Message { key: key.as_deref(), value: value.as_deref(), headers })
                .collect();
            let mut out = Vec::new();
            for message in &expected {
                push_message(&mut out, message);
            }
            prop_assert_eq!(&messages(&out).collect::<Vec<_>>(), &expected);
            for ((_, _, all), block) in parts.iter().zip(&blocks) {
                let found: Vec<(String, Option<Vec<u8>>)> =
                    headers(block).map(|(n, v)| (n.to_owned(), v.map(<[u8]>::to_vec))).collect();
                let given: Vec<_> = all.iter().map(|(n, v)| (n.clone(), v.map(|v| v.to_vec()))).collect();
                prop_assert_eq!(found, given);
            }
            // a torn end is left out, and nothing else
            let cut = cut.index(out.len() + 1);
            let torn: Vec<_> = messages(&out[..cut]).collect();
            prop_assert_eq!(&torn[..], &expected[..torn.len()]);
        }
    }
}
