//! Tokens for `OAUTHBEARER`: a JWT in a file, read again whenever librdkafka asks.
//!
//! Somebody else fetches tokens and replaces the file; librdkafka asks for the next one when four fifths of the life of the last
//! are over. Of a token only its claims `exp` and `sub` are read. Whether it is genuine, the broker says. The token itself is in no
//! message.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rdkafka::client::OAuthToken;
use serde_json::Value;
use thiserror::Error;

/// Why there is no token.
#[derive(Debug, Error)]
pub(super) enum TokenError {
    /// The settings name no file.
    #[error("the broker asks for a token, and the settings name no `token_file`")]
    None,
    /// The file cannot be read.
    #[error("cannot read the token in {file}: {reason}")]
    Unreadable { file: String, reason: String },
    /// It is no JWT, or says too little.
    #[error("what {file} holds is no token: {reason}. Expected a JWT with the claim `exp`")]
    Malformed { file: String, reason: &'static str },
    /// It is no longer good.
    #[error("the token in {file} expired {} s ago: whoever fetches tokens has to replace it", .ago.as_secs())]
    Expired { file: String, ago: Duration },
}

/// A file that holds a token.
#[derive(Clone, Debug)]
pub(super) struct TokenFile(String);

impl TokenFile {
    /// The token in a file.
    pub(super) fn new(file: &str) -> Self {
        Self(file.to_owned())
    }

    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, is no token, or has expired.
    pub(super) fn read(&self) -> Result<OAuthToken, TokenError> {
        let file = &self.0;
        let text = fs::read_to_string(file)
            .map_err(|error| TokenError::Unreadable { file: file.clone(), reason: error.to_string() })?;
        let malformed = |reason| TokenError::Malformed { file: file.clone(), reason };
        let (name, expires) = claims(text.trim()).map_err(malformed)?;
        // a moment that is told to a broker, and in no output
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        if now >= expires {
            return Err(TokenError::Expired { file: file.clone(), ago: now - expires });
        }
        let lifetime_ms =
            i64::try_from(expires.as_millis()).map_err(|_| malformed("its `exp` is too large"))?;
        Ok(OAuthToken { token: text.trim().to_owned(), principal_name: name, lifetime_ms })
    }
}

/// Who a token is for, and since 1970 how long it is good.
fn claims(token: &str) -> Result<(String, Duration), &'static str> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, claims, _] = parts[..] else { return Err("it has not three parts with dots between them") };
    let bytes = URL_SAFE_NO_PAD
        .decode(claims.trim_end_matches('='))
        .map_err(|_| "its second part is not base64url")?;
    let claims: Value = serde_json::from_slice(&bytes).map_err(|_| "its second part is not JSON")?;
    let expires = claims.get("exp").and_then(Value::as_f64).ok_or("it has no `exp`")?;
    let expires = Duration::try_from_secs_f64(expires).map_err(|_| "its `exp` is no time")?;
    let name = claims.get("sub").and_then(Value::as_str).unwrap_or("dirigent");
    Ok((name.to_owned(), expires))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn a_token_says_who_and_until_when() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::new(path.to_str().unwrap());
        let token = jwt(r#"{"sub":"dirigent","exp":4102444800}"#);
        fs::write(&path, format!("{token}\n")).unwrap();
        let read = file.read().unwrap();
        assert_eq!(
            (read.token, read.principal_name, read.lifetime_ms),
            (token, "dirigent".into(), 4_102_444_800_000)
        );
        // what is there now counts
        fs::write(&path, jwt(r#"{"exp":4102444800.5}"#)).unwrap();
        assert_eq!(file.read().unwrap().lifetime_ms, 4_102_444_800_500);
    }

    #[test]
    fn what_is_no_token_is_told_without_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let file = TokenFile::new(path.to_str().unwrap());
        assert!(file.read().err().unwrap().to_string().contains("cannot read the token in"));
        for (text, reason) in [
            ("s3cret".to_owned(), "three parts"),
            ("s3cret.!.x".to_owned(), "base64url"),
            ("a.s3cretss.x".to_owned(), "not JSON"),
            (jwt(r#"{"s3cret":1}"#), "no `exp`"),
            (jwt(r#"{"exp":-1}"#), "no time"),
            (jwt(r#"{"exp":1000000000}"#), "expired"),
        ] {
            fs::write(&path, text).unwrap();
            let error = file.read().err().unwrap().to_string();
            assert!(error.contains(reason) && !error.contains("s3cret"), "{error}");
        }
    }
}
