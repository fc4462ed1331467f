//! Lines of reviews, deletes and feedback, and the faults that a line may have.
//!
//! A line has at most one fault, so the code with which it must be refused is known: [`Fault::code`].

use super::dress::Dress;
use super::random::Random;
use super::world::{Version, World};
use crate::records::calendar::{write_padded, write_rfc3339};

/// A fault of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Truncated,
    NotANumber,
    LoneSurrogate,
    TrailingBytes,
    Array,
    InvalidUtf8,
    NoReviewId,
    NoProductId,
    EmptyProductId,
    RatingOutOfRange,
    RatingAsFraction,
    TimeWithoutOffset,
    TitleIsNumber,
    UnknownOperation,
    RepeatedField,
    BlankText,
    TooLarge,
}

impl Fault {
    /// All faults, each with its weight.
    const WEIGHTED: [(Self, u32); 17] = [
        (Self::Truncated, 40),
        (Self::NotANumber, 20),
        (Self::LoneSurrogate, 5),
        (Self::TrailingBytes, 5),
        (Self::Array, 10),
        (Self::InvalidUtf8, 10),
        (Self::NoReviewId, 15),
        (Self::NoProductId, 15),
        (Self::EmptyProductId, 5),
        (Self::RatingOutOfRange, 15),
        (Self::RatingAsFraction, 10),
        (Self::TimeWithoutOffset, 10),
        (Self::TitleIsNumber, 5),
        (Self::UnknownOperation, 5),
        (Self::RepeatedField, 5),
        (Self::BlankText, 20),
        (Self::TooLarge, 1),
    ];

    /// Draws a fault.
    pub(super) fn draw(random: &mut Random) -> Self {
        Self::WEIGHTED[random.weighted(&Self::WEIGHTED.map(|(_, weight)| weight))].0
    }

    /// The code with which the line is refused.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Truncated | Self::NotANumber | Self::LoneSurrogate | Self::TrailingBytes => {
                "malformed_json"
            }
            Self::Array => "not_an_object",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::NoReviewId | Self::NoProductId => "missing_field",
            Self::BlankText => "empty_text",
            Self::TooLarge => "too_large",
            _ => "invalid_field",
        }
    }
}

/// Writes lines; keeps the buffers of a text.
#[derive(Debug, Default)]
pub(super) struct Scribe {
    title: String,
    text: String,
}

impl Scribe {
    /// Appends the line of a version, with its line end.
    pub(super) fn review(
        &mut self,
        out: &mut Vec<u8>,
        world: &World,
        version: &Version,
        fault: Option<Fault>,
    ) {
        world.compose(version, &mut self.title, &mut self.text);
        let mut random = Random::new(version.dress);
        let dress = Dress::draw(&mut random);
        let begin = out.len();
        out.push(if fault == Some(Fault::Array) { b'[' } else { b'{' });
        if fault == Some(Fault::Array) {
            out.extend_from_slice(b"\"review\"");
        } else {
            self.fields(out, world, version, fault, dress, &mut random);
        }
        out.push(if fault == Some(Fault::Array) { b']' } else { b'}' });
        match fault {
            Some(Fault::Truncated) => out.truncate(begin + 1 + random.index(out.len() - begin - 1)),
            Some(Fault::TrailingBytes) => out.extend_from_slice(b",{}"),
            _ => {}
        }
        // A line cut inside a letter would be refused for its bytes, not for its end.
        while fault == Some(Fault::Truncated) && std::str::from_utf8(&out[begin..]).is_err() {
            out.pop();
        }
        out.push(b'\n');
    }

    fn fields(
        &mut self,
        out: &mut Vec<u8>,
        world: &World,
        version: &Version,
        fault: Option<Fault>,
        dress: Dress,
        random: &mut Random,
    ) {
        if fault == Some(Fault::NoReviewId) {
            out.extend_from_slice(b"\"review_id\":null");
        } else {
            review_id(out, version.number);
        }
        match fault {
            Some(Fault::NoProductId) => {}
            Some(Fault::EmptyProductId) => out.extend_from_slice(b",\"product_id\":\"\""),
            _ => {
                out.extend_from_slice(b",\"product_id\":\"product-");
                write_padded(out, u64::from(version.product), 5);
                out.push(b'"');
            }
        }
        if version.is_anonymous() {
            out.extend_from_slice(b",\"user_id\":null");
        } else {
            out.extend_from_slice(b",\"user_id\":\"user-");
            write_padded(out, u64::from(version.user), 6);
            out.push(b'"');
        }
        rating(out, version.stars, fault, random);
        match fault {
            Some(Fault::TitleIsNumber) => out.extend_from_slice(b",\"title\":5"),
            Some(Fault::LoneSurrogate) => out.extend_from_slice(b",\"title\":\"\\ud83d\""),
            Some(Fault::InvalidUtf8) => out.extend_from_slice(b",\"title\":\"sch\xF6n\""),
            Some(Fault::BlankText) => {}
            _ if self.title.is_empty() => {}
            _ => {
                out.extend_from_slice(b",\"title\":");
                dress.write(out, &self.title);
            }
        }
        if fault == Some(Fault::TooLarge) {
            let copies = 65_536 / self.text.len().max(1) + 1;
            self.text = self.text.repeat(copies);
        }
        out.extend_from_slice(b",\"text\":");
        if fault == Some(Fault::BlankText) {
            out.extend_from_slice(b"\" <br /> &#10; \"");
        } else {
            dress.write(out, &self.text);
        }
        if random.chance(880) {
            let tags = world.grammar(version.user).language().tags;
            let tag = if random.chance(900) { tags[0] } else { random.pick(tags) };
            out.extend_from_slice(b",\"lang\":\"");
            out.extend_from_slice(tag.as_bytes());
            out.push(b'"');
        }
        if fault == Some(Fault::TimeWithoutOffset) {
            out.extend_from_slice(b",\"ts\":\"2026-01-01T00:00:00\"");
        } else {
            time(out, version.ts, random.chance(50));
        }
        match fault {
            Some(Fault::UnknownOperation) => out.extend_from_slice(b",\"op\":\"replace\""),
            Some(Fault::RepeatedField) => out.extend_from_slice(b",\"product_id\":\"product-00001\""),
            _ => {}
        }
        if random.chance(600) {
            out.extend_from_slice(if random.chance(800) {
                b",\"verified\":true"
            } else {
                b",\"verified\":false"
            });
        }
        if random.chance(150) {
            out.extend_from_slice(b",\"helpful_votes\":");
            number(out, random.below(40));
        }
    }
}

/// Appends the delete of a review, with its line end.
pub(super) fn delete(out: &mut Vec<u8>, number: u64, ts: i64) {
    out.push(b'{');
    review_id(out, number);
    out.extend_from_slice(b",\"op\":\"delete\"");
    time(out, ts, false);
    out.extend_from_slice(b"}\n");
}

/// Appends feedback, with its line end; no label withdraws.
pub(super) fn feedback(out: &mut Vec<u8>, id: u64, review: u64, label: Option<&str>, by: &str, ts: i64) {
    out.extend_from_slice(b"{\"feedback_id\":\"f-");
    write_padded(out, id, 7);
    out.extend_from_slice(b"\",");
    review_id(out, review);
    match label {
        Some(label) => {
            out.extend_from_slice(b",\"label\":\"");
            out.extend_from_slice(label.as_bytes());
            out.push(b'"');
        }
        None => out.extend_from_slice(b",\"label\":null"),
    }
    out.extend_from_slice(b",\"by\":\"");
    out.extend_from_slice(by.as_bytes());
    out.push(b'"');
    time(out, ts, false);
    out.extend_from_slice(b"}\n");
}

fn review_id(out: &mut Vec<u8>, id: u64) {
    out.extend_from_slice(b"\"review_id\":\"r-");
    write_padded(out, id, 9);
    out.push(b'"');
}

fn rating(out: &mut Vec<u8>, stars: u8, fault: Option<Fault>, random: &mut Random) {
    let star = b'0' + stars;
    match fault {
        Some(Fault::NotANumber) => return out.extend_from_slice(b",\"rating\":NaN"),
        Some(Fault::RatingOutOfRange) => return out.extend_from_slice(b",\"rating\":0"),
        Some(Fault::RatingAsFraction) => {
            return out.extend_from_slice(&[b",\"rating\":\"", &[star][..], b"/5\""].concat());
        }
        _ => {}
    }
    let (before, behind): (&[u8], &[u8]) = match random.weighted(&[920, 30, 20, 30]) {
        0 => (b",\"rating\":", b""),
        1 => (b",\"rating\":", b".0"),
        2 => (b",\"rating\":\"", b"\""),
        _ => return,
    };
    out.extend_from_slice(before);
    out.push(star);
    out.extend_from_slice(behind);
}

fn time(out: &mut Vec<u8>, ts: i64, as_number: bool) {
    out.extend_from_slice(b",\"ts\":");
    if as_number {
        number(out, ts as u64);
    } else {
        out.push(b'"');
        write_rfc3339(out, ts);
        out.push(b'"');
    }
}

fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}
