//! The process as the system sees it, under the names that all exporters use: they have no prefix.
//!
//! Read from `/proc` at each scrape; where there is none, nothing is shown.

use std::{fs, time::Duration};

use prometheus_client::registry::Registry;

use super::sampled::{Labels, Read, SampleKind, Sampled};

/// Ticks of `/proc` in a second: what Linux tells programs, whatever the kernel's own clock is.
const TICKS: f64 = 100.0;

/// Registers all of them.
pub(super) fn register(registry: &mut Registry) {
    let mut add = |name, help, kind, read: fn() -> Option<f64>| {
        let read = Box::new(move || read().map(|value| (Labels::new(), value)).into_iter().collect());
        registry.register_collector(Box::new(Sampled { name, help, read: Read::Values(kind, read) }));
    };
    add("process_cpu_seconds", "Processor time, user and system", SampleKind::Counter, || {
        let stat = stat()?;
        Some((stat.first()? + stat.get(1)?) / TICKS)
    });
    add("process_open_fds", "Open file descriptors", SampleKind::Gauge, || {
        // one of them is the folder that is being read
        Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
    });
    add("process_resident_memory_bytes", "Resident memory", SampleKind::Gauge, || {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| (kib * 1_024) as f64)
    });
    add("process_start_time_seconds", "When the process started, since 1970", SampleKind::Gauge, || {
        let boot = fs::read_to_string("/proc/stat").ok()?;
        let boot = boot.lines().find_map(|line| line.strip_prefix("btime "))?.parse::<u64>().ok()?;
        let up = Duration::try_from_secs_f64(stat()?.get(8)? / TICKS).ok()?;
        Some((Duration::from_secs(boot) + up).as_secs_f64())
    });
}

/// Fields 14 (`utime`) and following of `/proc/self/stat`; the name before them may hold blanks.
fn stat() -> Option<Vec<f64>> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().skip(11).map(|field| field.parse().ok()).collect()
}
