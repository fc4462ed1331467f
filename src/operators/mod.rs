//! (operators)
