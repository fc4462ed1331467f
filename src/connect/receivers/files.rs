//! Files that receivers read: secrets and certificates.

use std::fs;

use ureq::tls::{Certificate, PemItem, parse_pem};

/// A file that a setting names, white space at its end left out; what is wrong.
pub(super) fn read(setting: &str, file: &str) -> Result<String, String> {
    let text = fs::read_to_string(file);
    text.map(|text| text.trim_end().to_owned())
        .map_err(|error| format!("cannot read {file}, which `{setting}` names: {error}"))
}

/// The certificates of a file that `ca_file` names, as PEM; what is wrong.
pub(super) fn certificates(file: &str) -> Result<Vec<Certificate<'static>>, String> {
    let text = read("ca_file", file)?;
    let mut found = Vec::new();
    for item in parse_pem(text.as_bytes()) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| format!("{file}: {error}"))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        Err(format!("{file}, which `ca_file` names, holds no certificate"))
    } else {
        Ok(found)
    }
}
