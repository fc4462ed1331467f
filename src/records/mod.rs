//! (records)
