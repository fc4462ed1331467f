//! What of the oracle reads lines and works out figures, for tests that hold what is left in the end to its input.

#[path = "../oracle/decode.rs"]
pub(crate) mod decode;
#[path = "../oracle/fraction.rs"]
pub(crate) mod fraction;
#[path = "../oracle/json.rs"]
pub(crate) mod json;
#[path = "../oracle/products.rs"]
pub(crate) mod products;
#[path = "../oracle/text.rs"]
pub(crate) mod text;
#[path = "../oracle/time.rs"]
pub(crate) mod time;
