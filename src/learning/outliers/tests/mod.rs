//! Verdicts on small histories, and on generated shops.

mod orders;
mod pictures;
mod random;
mod shop;
mod simulation;
