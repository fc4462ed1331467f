//! One request at a time to the address that a run has logged.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use super::sandbox::Running;

/// The address that a run serves on.
pub(super) fn address(running: &mut Running) -> String {
    let line = running.wait_for("metrics at http://");
    let (_, rest) = line.split_once("metrics at http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

/// Status, head and body of an answer; `None` when nobody answers any more.
pub(super) fn get(address: &str, path: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok())?;
    // an answer that a process left unfinished at its end is none
    (body.len() == length).then(|| (status, head.to_lowercase(), body.to_owned()))
}
