//! What is never printed: passwords, private keys, tokens.
//!
//! A [`Secret`] shows nothing of itself. [`redacted`] hides them in settings that are stored or printed as they were given. What a
//! file holds is never part of the settings: only its name is, which is no secret.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

/// What stands where a secret was.
pub const HIDDEN: &str = "(hidden)";

/// Properties of librdkafka that hold a secret without saying so in the last part of their name.
const PROPERTIES: &[&str] = &[
    "sasl.jaas.config",
    "sasl.oauthbearer.assertion.private.key.pem",
    "sasl.oauthbearer.config",
    "sasl.oauthbearer.extensions",
    "ssl.key.pem",
    "ssl_key",
];

/// A text that is not printed.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for whoever has to send it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// Whether a setting or a property of librdkafka of this name holds a secret.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let last = name.rsplit(['.', '_']).next().unwrap_or_default();
    ["passphrase", "password", "secret"].contains(&last) || PROPERTIES.contains(&name.as_str())
}

/// Settings with every secret in them hidden, at any depth.
#[must_use]
pub fn redacted(settings: &Value) -> Value {
    match settings {
        Value::Object(map) => {
            let hide = |(name, value): (&String, &Value)| {
                let shown = match value {
                    Value::Null => Value::Null,
                    // header fields of a request: most that people set log in
                    Value::Object(fields) if name == "headers" => {
                        fields.keys().map(|field| (field.clone(), Value::from(HIDDEN))).collect()
                    }
                    _ if is_secret(name) => HIDDEN.into(),
                    _ => redacted(value),
                };
                (name.clone(), shown)
            };
            Value::Object(map.iter().map(hide).collect())
        }
        Value::Array(items) => items.iter().map(redacted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_at_any_depth_and_nothing_else_is() {
        let settings = json!({
            "topics": ["reviews"],
            "tls": {"ca_file": "ca.pem", "key_password": "s3", "key_password_file": "key.txt"},
            "sasl": {"username": "u", "password": "s1", "password_file": null},
            "librdkafka": {
                "sasl.password": "s2", "ssl.keystore.password": "s4", "ssl.key.password": "s5", "ssl.key.pem": "s6",
                "SASL.OAUTHBEARER.CONFIG": "s7", "sasl.oauthbearer.client.secret": "s8", "linger.ms": 5,
            },
            "all": [{"password": "s9"}, {"password": null}],
            "headers": {"X-Key": "s10"}, "secret": "s11", "secret_file": "hmac.txt",
        });
        let shown = redacted(&settings).to_string();
        for n in 1..12 {
            assert!(!shown.contains(&format!("\"s{n}\"")), "{shown}");
        }
        for kept in [
            "reviews",
            "ca.pem",
            "key.txt",
            "X-Key",
            "hmac.txt",
            "\"u\"",
            "\"linger.ms\":5",
            "{\"password\":null}",
            "sasl.password",
        ] {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
        assert_eq!(redacted(&redacted(&settings)), redacted(&settings));
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret: Secret = serde_json::from_value(json!("s3cret")).unwrap();
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "(hidden) Some((hidden))");
        assert_eq!(secret.reveal(), "s3cret");
    }
}
