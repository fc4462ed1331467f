//! The engine: epochs, the epoch log, keyed steps and workers; the only folder that names timely and differential internals.

pub mod duration;
