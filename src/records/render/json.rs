//! The pieces of a JSON line, each appended as serde_json writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::records::number::write_micro;

pub(super) fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    put(out, itoa::Buffer::new().format(number));
}

pub(super) fn micro(out: &mut Vec<u8>, units: impl Into<i64>) {
    write_micro(units.into(), out);
}

pub(super) fn optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        Some(value) => write(out, value),
        None => put(out, "null"),
    }
}

pub(super) fn list<'a>(out: &mut Vec<u8>, items: impl Iterator<Item = &'a str>) {
    put(out, "[");
    for (index, item) in items.enumerate() {
        put(out, if index == 0 { "" } else { "," });
        string(out, item);
    }
    put(out, "]");
}

pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, "\"");
    let from = out.len();
    out.resize(from + bytes.len().div_ceil(3) * 4, 0);
    // The space is exactly what the standard alphabet with padding takes.
    let written = STANDARD.encode_slice(bytes, &mut out[from..]).unwrap_or(0);
    out.truncate(from + written);
    put(out, "\"");
}

pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    put(out, "\"");
    escape(out, text);
    put(out, "\"");
}

/// Escapes as serde_json does: short forms where JSON has them, else `\u00xx`, and nothing beyond ASCII's controls.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.extend_from_slice(&text.as_bytes()[from..at]);
        from = at + 1;
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            _ => {
                put(out, "\\u00");
                out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
                continue;
            }
        };
        out.extend([b'\\', short]);
    }
    out.extend_from_slice(&text.as_bytes()[from..]);
}
