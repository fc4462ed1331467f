//! What goes wrong at an object store, in words: where, what was tried, and why it was refused.
//!
//! What a store answers is not repeated as it stands: it may hold the id of a key or a signed address. Of an answer only
//! its code is told, and no address with what follows its `?`.

use std::error::Error;

use thiserror::Error;

/// Why an object store cannot be used.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The program was built without it.
    #[error(
        "`state` lies under `{scheme}:`, and this program was built without it: build it with `cargo build --release --features {feature}`"
    )]
    NotBuilt {
        /// How its URLs begin.
        scheme: &'static str,
        /// The cargo feature that brings it.
        feature: &'static str,
    },
    /// The environment does not say how to reach it.
    #[error(
        "cannot use {url}: {reason}. How to reach it is read from the environment variables that begin with {variables}"
    )]
    Settings {
        /// The store.
        url: String,
        /// What is wrong.
        reason: String,
        /// How the variables begin.
        variables: &'static str,
    },
    /// A request failed, retries included.
    #[error("cannot {operation} {url}: {reason}")]
    Request {
        /// What was tried.
        operation: &'static str,
        /// The object, or the folder.
        url: String,
        /// Why it failed.
        reason: String,
    },
    /// There is no such bucket.
    #[error(
        "cannot {operation} {url}: there is no such bucket (with az, container), or not at this endpoint"
    )]
    NoBucket {
        /// What was tried.
        operation: &'static str,
        /// The object.
        url: String,
    },
    /// The credentials are not good for it.
    #[error(
        "cannot {operation} {url}: permission denied ({reason}). The credentials are read from the environment variables that begin with {variables}"
    )]
    Denied {
        /// What was tried.
        operation: &'static str,
        /// The object, or the folder.
        url: String,
        /// What the store called it.
        reason: String,
        /// How the variables begin.
        variables: &'static str,
    },
    /// Somebody else has put the object.
    #[error(
        "{url} is there already with another content: another run keeps its checkpoints there. End one of them, or give it a `state` of its own"
    )]
    Exists {
        /// The object.
        url: String,
    },
    /// The store cannot put an object only where there is none.
    #[error(
        "cannot put {url}: the store has no conditional put (`If-None-Match: *`), by which a manifest never replaces another"
    )]
    NoConditionalPut {
        /// The object.
        url: String,
    },
}

/// An error with what lies behind it, without what may hold a secret.
#[must_use]
pub fn told(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = plain(&error.to_string());
        // most errors repeat what lies behind them
        if !part.is_empty() && !parts.iter().any(|told| told.contains(&part)) {
            parts.push(part);
        }
        next = error.source();
    }
    parts.join(": ")
}

/// The code in an answer such as `<Error><Code>AccessDenied</Code>...`, if it has one.
fn code(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    code.chars().all(|c| c.is_ascii_alphanumeric()).then_some(code)
}

/// A text up to the answer in it, which begins as XML or JSON, and that one's code; addresses end at their `?`.
fn plain(text: &str) -> String {
    let own = text.split(['<', '{']).next().unwrap_or_default();
    let words = own.split_whitespace().map(|word| match word.split_once('?') {
        Some((address, _)) if address.contains("://") => address,
        _ => word,
    });
    let words = words.collect::<Vec<_>>().join(" ");
    let words = words.trim_end_matches([':', ' ']);
    match code(text) {
        Some(code) => format!("{words}: {code}"),
        None => words.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Error)]
    #[error("{0}")]
    struct Outer(&'static str, #[source] Inner);

    #[derive(Debug, Error)]
    #[error("connection refused")]
    struct Inner;

    #[test]
    fn answers_and_signatures_are_not_told() {
        let answer = "Error performing PUT http://localhost/b/k?X-Sig=secret in 3ms - Server returned non-2xx status \
            code: 403 Forbidden: <?xml version=\"1.0\"?><Error><Code>InvalidAccessKeyId</Code>\
            <AWSAccessKeyId>secret</AWSAccessKeyId></Error>";
        let text = told(&Outer(answer, Inner));
        let expected = "Error performing PUT http://localhost/b/k in 3ms - Server returned non-2xx status code: 403 \
            Forbidden: InvalidAccessKeyId: connection refused";
        assert_eq!(text, expected);
        let json = "Error performing GET https://host/o: 401 Unauthorized: {\"token\": \"secret\"}";
        assert_eq!(plain(json), "Error performing GET https://host/o: 401 Unauthorized");
    }

    #[test]
    fn what_is_said_twice_is_told_once() {
        assert_eq!(told(&Outer("cannot send: connection refused", Inner)), "cannot send: connection refused");
    }
}
