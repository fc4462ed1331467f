//! Topology files: read, checked, resolved into a [`plan::Plan`], drawn and described.

pub mod assemble;
pub mod options;
pub mod plan;
