//! What is sent: the yardstick's events, over and over, and among them reviews that are looked for.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use rdkafka::producer::BaseProducer;

use crate::{clients::send, yardstick::Outcome};

/// Sends a review of a product of its own.
pub(crate) fn probe(producer: &BaseProducer, topic: &str, product: &str) -> Outcome<()> {
    let review = format!(
        r#"{{"review_id":"{product}","product_id":"{product}","user_id":"{product}","rating":4,"title":"Good","text":"A good {product}, and it came in time.","lang":"en","ts":1767225600000}}"#
    );
    send(producer, topic, product.as_bytes(), review.as_bytes())
}

/// Sends a severe review of a product of its own, of now: what is old opens no case.
pub(crate) fn severe_probe(producer: &BaseProducer, topic: &str, product: &str) -> Outcome<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let review = format!(
        r#"{{"review_id":"{product}","product_id":"{product}","user_id":"{product}","rating":1,"title":"Terrible","text":"It broke, it smells, it is useless: an awful {product}.","lang":"en","ts":{now}}}"#
    );
    send(producer, topic, product.as_bytes(), review.as_bytes())
}

/// The lines of a file, over and over.
pub(crate) struct Lines {
    path: PathBuf,
    lines: BufReader<File>,
    line: Vec<u8>,
}

impl Lines {
    pub(crate) fn of(path: &Path) -> Outcome<Self> {
        let lines = BufReader::with_capacity(1 << 20, File::open(path)?);
        Ok(Self { path: path.to_owned(), lines, line: Vec::new() })
    }

    pub(crate) fn next_line(&mut self) -> Outcome<&[u8]> {
        self.line.clear();
        if self.lines.read_until(b'\n', &mut self.line)? == 0 {
            *self = Self::of(&self.path)?;
            self.lines.read_until(b'\n', &mut self.line)?;
        }
        Ok(self.line.trim_ascii_end())
    }
}

/// How the id of a review begins, and that of a product.
const REVIEW: &[u8] = b"\"review_id\":\"";
pub(crate) const PRODUCT: &[u8] = b"\"product_id\":\"";

/// The id of a review; where there is none that can be found fast, the whole line.
pub(crate) fn key_of(line: &[u8]) -> &[u8] {
    field_of(line, REVIEW)
}

/// The text behind what a field begins with; where there is none, the whole line.
pub(crate) fn field_of<'l>(line: &'l [u8], begins: &[u8]) -> &'l [u8] {
    let Some(at) = line.windows(begins.len()).position(|window| window == begins) else { return line };
    let rest = &line[at + begins.len()..];
    rest.split(|byte| *byte == b'"').next().unwrap_or(rest)
}
