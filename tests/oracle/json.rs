//! A line as a JSON object, with an eye on fields that stand twice.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::decode::Code;

/// The members of a JSON object in their order, repeated ones too.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Members;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The members of the object that a line is; `known` are the fields that may not stand twice.
pub(crate) fn object(line: &[u8], known: &[&str]) -> Result<serde_json::Map<String, Value>, Code> {
    let text = std::str::from_utf8(line).map_err(|_| "invalid_utf8")?;
    let value: Value = serde_json::from_str(text).map_err(|_| "malformed_json")?;
    let Value::Object(fields) = value else { return Err("not_an_object") };
    let Members(members) = serde_json::from_str(text).map_err(|_| "malformed_json")?;
    if known.iter().any(|field| members.iter().filter(|(name, _)| name == field).count() > 1) {
        return Err("invalid_field");
    }
    Ok(fields)
}
