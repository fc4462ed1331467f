//! Who is told: a web server that answers every POST with 200 at once, and notes when it was first told of a review.
//!
//! It speaks as much of HTTP/1.1 as a client needs that says how long its body is; each connection has a thread, which ends
//! with the connection.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use serde_json::Value;

use crate::{clients::milliseconds, yardstick::Outcome};

type Told = Arc<Mutex<BTreeMap<String, f64>>>;

/// The server; it listens as long as the process lives.
pub(crate) struct Hook {
    pub(crate) url: String,
    told: Told,
}

impl Hook {
    pub(crate) fn start() -> Outcome<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/", listener.local_addr()?);
        let told = Told::default();
        let noted = Arc::clone(&told);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                thread::spawn(move || {
                    if let Err(error) = serve(&stream, &noted) {
                        eprintln!("a webhook could not be answered: {error}");
                    }
                });
            }
        });
        Ok(Self { url, told })
    }

    /// When it was first told of a review, in milliseconds since 1970.
    pub(crate) fn told(&self, review_id: &str) -> Option<f64> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).get(review_id).copied()
    }
}

fn serve(stream: &TcpStream, told: &Told) -> Outcome<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    loop {
        let (mut length, mut line) = (0, String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let now = milliseconds();
        let event: Value = serde_json::from_slice(&body)?;
        if let Some(review_id) = event["data"]["review_id"].as_str() {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.entry(review_id.to_owned()).or_insert(now);
        }
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
}
