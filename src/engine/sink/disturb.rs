//! A byte that is not what log and input make it, to see that this is noticed. Only in builds with debug assertions, and
//! only when the environment asks for it: `DIRIGENT_DISTURB=products=x` makes the first byte of each epoch of the sink
//! `products` an `x`, which another start, asked for another byte, does not give again.

/// Changes a byte of a sink's output if it was asked for.
#[cfg(debug_assertions)]
pub(super) fn disturb(sink: &str, text: &mut [u8]) {
    let asked = std::env::var("DIRIGENT_DISTURB").unwrap_or_default();
    if let (Some(byte), Some((name, other))) = (text.first_mut(), asked.split_once('='))
        && name == sink
    {
        *byte = other.bytes().next().unwrap_or(b' ');
    }
}

/// Changes nothing.
#[cfg(not(debug_assertions))]
pub(super) fn disturb(_: &str, _: &mut [u8]) {}
