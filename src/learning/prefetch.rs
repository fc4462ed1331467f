//! Asking for memory ahead of its use: a review's slots lie all over the model, and waiting for them is most of the time
//! that scoring and learning take.
//!
//! The one file with `unsafe`, measured in `docs/decisions/2026-11-23-prefetch.md`. It is sound for any address: a
//! prefetch is a hint that reads nothing the program could see, and never faults. On other machines it does nothing.

#![allow(unsafe_code)]

/// Asks for the cache line that holds a value.
#[inline(always)]
pub(super) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the address is that of a live reference, and a prefetch has no effect on any value.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
