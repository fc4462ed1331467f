//! A naive reference of the step `alerts`: which cases there must be, worked out from the whole input at once.
//!
//! It takes the live rows from what the binary wrote to its sink of scored reviews, which the rest of the oracle holds,
//! and goes from there by itself: which reviews are severe ([`severe`]), how every product stands whose rows change
//! ([`products`]), and what becomes of the case of each ([`story`]), at every epoch of the log. Only the statistics of a
//! series of days are asked of the crate. [`expected`] puts the lines together, [`cases`] and [`shop`] make random cases,
//! [`spoken`] what people say about them, [`judge`] runs the binary and compares, [`past`] puts history in front, [`seen`]
//! counts what cases came to.

pub(crate) mod cases;
pub(crate) mod drive;
pub(crate) mod expected;
pub(crate) mod judge;
pub(crate) mod past;
pub(crate) mod products;
pub(crate) mod rows;
pub(crate) mod said;
pub(crate) mod seen;
pub(crate) mod setting;
pub(crate) mod severe;
pub(crate) mod shop;
pub(crate) mod spoken;
pub(crate) mod story;
