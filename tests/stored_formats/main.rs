//! Files of every format that there has been: what an earlier version wrote, this one must read.

mod models;
mod state;
