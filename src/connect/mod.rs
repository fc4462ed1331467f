//! (connect)
