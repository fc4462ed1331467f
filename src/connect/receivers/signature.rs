//! Signing what a webhook gets, by the symmetric scheme of Standard Webhooks
//! (<https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>): HMAC-SHA256 over
//! `id.timestamp.body`, in Base64 after `v1,`. Libraries that check it are there for most languages.
//!
//! A key is given as the scheme has it, `whsec_` and Base64, or as any other text, whose bytes are the key then.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a key in Base64 begins with.
const IN_BASE64: &str = "whsec_";

/// A key to sign with.
#[derive(Clone)]
pub(super) struct SigningKey(Vec<u8>);

impl SigningKey {
    /// The key that a text gives; what is wrong with it.
    pub(super) fn new(text: &str) -> Result<Self, &'static str> {
        let key = match text.strip_prefix(IN_BASE64) {
            Some(encoded) => STANDARD.decode(encoded).map_err(|_| "behind `whsec_` is no Base64")?,
            None => text.as_bytes().to_vec(),
        };
        if key.is_empty() { Err("the key is empty") } else { Ok(Self(key)) }
    }

    /// The header field `webhook-signature` of a body.
    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        // HMAC takes keys of any length
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_the_libraries() {
        // from the test of the scheme's library for Python
        let key = SigningKey::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_key_is_a_text_or_base64() {
        let text = SigningKey::new("a key of ours").unwrap();
        let encoded = SigningKey::new(&format!("whsec_{}", STANDARD.encode("a key of ours"))).unwrap();
        assert_eq!(text.sign("i", 1, b"b"), encoded.sign("i", 1, b"b"));
        assert_ne!(text.sign("i", 1, b"b"), text.sign("i", 2, b"b"));
        assert_eq!(SigningKey::new("whsec_*").err(), Some("behind `whsec_` is no Base64"));
        assert_eq!(SigningKey::new("").err(), Some("the key is empty"));
    }
}
