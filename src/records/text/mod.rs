//! What a reader sees of a title or text, and the form in which two of them are compared.
//!
//! [`clean`] takes out markup and what is invisible; [`normalise`] folds case and compatibility forms of what is left.
//! Both work segment by segment: a segment is one ASCII character with the non-ASCII ones that follow it. That is
//! exact, since an ASCII character is a starter that no normalisation form changes or composes with anything before
//! it (its `NFC_Quick_Check` and `NFKC_Quick_Check` are Yes), and neither do the precomposed letters and symbols that
//! may take its place at the head of a segment, nor what these fold to. So a normalised string is the concatenation of
//! its normalised segments, and plain ASCII stretches can be copied whole. Tests hold both equal to the rules applied
//! to the whole string.

pub mod clean;
pub mod entities;
pub mod normalise;
mod scan;

/// The rules of the contract applied to whole strings, one after the other: slow, and plainly right. The fuzz target
/// takes the file too.
#[cfg(test)]
pub mod reference;
