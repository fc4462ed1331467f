//! (learning)
