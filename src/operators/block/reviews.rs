//! Blocks of reviews: decoded, cleaned, hashed and, where a step wants it, made into features.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::{Refusals, RefusedRecord, book_in, check_length, key_rule, time_of};
use crate::{
    engine::{
        clock::{Reading, Stamp},
        ingest::{Chunk, Decoder},
        partition::RawChunk,
    },
    learning::{
        Featuriser,
        severity::{Lexicon, Sections},
    },
    operators::{
        registry::{Demand, parse},
        row::{LANG_FILLED, NOT_VERIFIED, Place, ReviewHead, TS_FILLED, VERIFIED, VersionKind},
        sentiment::SentimentSettings,
        wiring::Run,
    },
    records::{DecodedReview, Lang, ReviewDecoder, ReviewFields, Upsert, content::duplicate_key},
};

/// A decoded review in a block.
#[derive(Clone, Copy, Debug)]
pub struct BlockReview {
    /// All but what scoring finds out.
    pub head: ReviewHead,
    /// Its bytes in the block: ids, title and text where kept.
    pub bytes: (usize, usize),
    /// Its features, right behind them.
    pub features: (usize, usize),
    /// What it does to its key; `None` when it was refused.
    pub kind: Option<VersionKind>,
}

/// Decoded reviews.
#[derive(Debug, Default)]
pub struct ReviewBlock {
    /// One a raw record.
    pub reviews: Vec<BlockReview>,
    /// What they point into.
    pub bytes: Vec<u8>,
    refused: Vec<(usize, Arc<RefusedRecord>)>,
}

impl Refusals for ReviewBlock {
    fn refusals(&self) -> &[(usize, Arc<RefusedRecord>)] {
        &self.refused
    }
}

/// The reviews of a block that fall in one epoch, less those that a filter did not let pass.
#[derive(Clone)]
pub struct ReviewChunk {
    /// The reviews.
    pub chunk: Chunk<ReviewBlock>,
    /// Set where a filter did not let a review pass, counted from the start of the chunk.
    pub filtered: Option<Arc<Vec<bool>>>,
}

impl ReviewChunk {
    /// Its reviews that were not refused, with what they do to their key now.
    pub fn reviews(&self) -> impl Iterator<Item = (usize, &BlockReview, VersionKind)> {
        let Chunk { block, start, end } = &self.chunk;
        block.reviews[*start..*end].iter().enumerate().filter_map(|(n, review)| {
            let filtered = self.filtered.as_ref().is_some_and(|filtered| filtered[n]);
            review.kind.map(|kind| (n, review, if filtered { VersionKind::Filtered } else { kind }))
        })
    }
}

/// What a source of reviews needs to be decoded.
pub struct ReviewSource {
    /// What the workers share.
    pub run: Arc<Run>,
    /// Its rank among the sources.
    pub rank: usize,
    /// What its records call our fields.
    pub fields: ReviewFields,
    /// Whether the keys of its records are review ids.
    pub keys: bool,
    /// What steps downstream need.
    pub demand: Demand,
}

/// Decodes, cleans and featurises reviews, on any worker.
pub struct ReviewBlocks {
    source: ReviewSource,
    decoder: ReviewDecoder,
    featuriser: Option<Featuriser>,
    lexicon: Option<Lexicon>,
    /// Bytes of the block before: the next one is about as large.
    usual_bytes: usize,
}

impl ReviewBlocks {
    /// A decoder with empty buffers.
    #[must_use]
    pub fn new(source: ReviewSource) -> Self {
        let settings =
            source.demand.features.as_ref().and_then(|layout| parse::<SentimentSettings>(layout).ok());
        let featuriser = settings.map(|settings| Featuriser::new(&settings.features()));
        // a lexicon with a fault has been refused with the settings that name it
        let lexicon = source.demand.lexicon.as_deref().and_then(|text| Lexicon::parse(text).ok());
        Self { source, decoder: ReviewDecoder::default(), featuriser, lexicon, usual_bytes: 0 }
    }
}

const NOTHING: ReviewHead = ReviewHead {
    id_hash: 0,
    product_hash: 0,
    duplicate_key: [0; 2],
    content: [0; 2],
    ts: 0,
    place: Place { partition: 0, offset: 0 },
    version: 0,
    sentiment: 0,
    rating: 0,
    lang: [0; 8],
    product_len: 0,
    id_len: 0,
    user_len: 0,
    flags: 0,
    sections: Sections::NONE,
    helpful_votes: u32::MAX,
    source_len: 0,
    title_len: 0,
    text_len: 0,
};

/// A 128-bit hash as two words.
fn words(hash: u128) -> [u64; 2] {
    [hash as u64, (hash >> 64) as u64]
}

impl Decoder for ReviewBlocks {
    type Block = ReviewBlock;

    fn decode(&mut self, chunk: &RawChunk, partition: u32, readings: &mut Vec<Reading>) -> ReviewBlock {
        let mut block = ReviewBlock {
            reviews: Vec::with_capacity(chunk.records.len()),
            bytes: Vec::with_capacity(self.usual_bytes + self.usual_bytes / 4),
            refused: Vec::new(),
        };
        for raw in &chunk.records {
            let place = Place { partition, offset: raw.offset };
            let value = chunk.of(raw);
            let start = block.bytes.len();
            let mut review = BlockReview {
                head: ReviewHead { place, ..NOTHING },
                bytes: (start, start),
                features: (start, start),
                kind: None,
            };
            let decoded = check_length(raw, self.source.run.max_record_bytes).and_then(|()| {
                let rule = key_rule(self.source.keys, chunk, raw);
                if raw.envelope.null {
                    rule.decode_null_review()
                } else {
                    self.decoder.decode(value, rule, &self.source.fields)
                }
            });
            match decoded {
                Ok(DecodedReview::Delete { review_id, ts }) => {
                    readings.push(Reading { ts: ts.or_else(|| time_of(raw)), refused: false });
                    review.kind = Some(VersionKind::Delete);
                    name(&mut review.head, review_id);
                    block.bytes.extend_from_slice(review_id.as_bytes());
                    review.bytes.1 = block.bytes.len();
                    review.features = (review.bytes.1, review.bytes.1);
                }
                Ok(DecodedReview::Upsert(upsert)) => {
                    readings.push(Reading { ts: upsert.ts.or_else(|| time_of(raw)), refused: false });
                    review.kind = Some(VersionKind::Upsert);
                    fill(&mut review, &upsert, &self.source, self.featuriser.as_mut(), &mut block.bytes);
                    if let Some(lexicon) = &self.lexicon {
                        let [title, text] = [upsert.title_normalised, upsert.text_normalised];
                        review.head.sections = lexicon.sections(title).with(lexicon.sections(text));
                    }
                }
                Err(refusal) => {
                    readings.push(Reading { ts: None, refused: true });
                    block.refused.push((block.reviews.len(), RefusedRecord::new(place, chunk, raw, refusal)));
                }
            }
            block.reviews.push(review);
        }
        self.usual_bytes = block.bytes.len();
        block
    }

    fn stamp(&mut self, block: &mut ReviewBlock, stamps: &[Stamp]) {
        book_in(&self.source.run, self.source.rank, stamps);
        for (review, stamp) in block.reviews.iter_mut().zip(stamps) {
            review.head.ts = stamp.ts;
        }
    }
}

fn name(head: &mut ReviewHead, review_id: &str) {
    head.id_hash = xxh3_64(review_id.as_bytes());
    head.id_len = review_id.len() as u16;
}

/// Fills in what is known of a version before it is scored.
fn fill(
    review: &mut BlockReview,
    upsert: &Upsert<'_>,
    source: &ReviewSource,
    featuriser: Option<&mut Featuriser>,
    bytes: &mut Vec<u8>,
) {
    let head = &mut review.head;
    name(head, upsert.review_id);
    head.product_hash = xxh3_64(upsert.product_id.as_bytes());
    head.product_len = upsert.product_id.len() as u16;
    head.rating = upsert.rating.unwrap_or(0);
    if let Some(user) = upsert.user_id {
        head.user_len = user.len() as u16;
        head.duplicate_key = words(duplicate_key(upsert.product_id, user, upsert.normalised));
    }
    if upsert.ts.is_none() {
        head.flags |= TS_FILLED;
    }
    head.flags |= upsert.verified.map_or(0, |verified| if verified { VERIFIED } else { NOT_VERIFIED });
    // more votes than that are told apart by the content's hash only
    head.helpful_votes =
        upsert.helpful_votes.map_or(u32::MAX, |votes| votes.min(u64::from(u32::MAX - 1)) as u32);
    let review_source =
        upsert.source.filter(|source| source.len() <= usize::from(u16::MAX)).unwrap_or_default();
    head.source_len = review_source.len() as u16;
    bytes.extend_from_slice(upsert.review_id.as_bytes());
    bytes.extend_from_slice(upsert.product_id.as_bytes());
    bytes.extend_from_slice(upsert.user_id.unwrap_or_default().as_bytes());
    bytes.extend_from_slice(review_source.as_bytes());
    if source.demand.text {
        head.title_len = upsert.title.len() as u32;
        head.text_len = upsert.text.len() as u32;
        bytes.extend_from_slice(upsert.title.as_bytes());
        bytes.extend_from_slice(upsert.text.as_bytes());
    }
    review.bytes.1 = bytes.len();
    let mut lang = upsert.lang;
    if let Some(featuriser) = featuriser {
        featuriser.read(upsert.title_normalised, upsert.text_normalised);
        let tag = lang.unwrap_or_else(|| {
            let detected =
                featuriser.detect(&source.run.languages, upsert.title_normalised, upsert.text_normalised);
            Lang::from_tag(detected).unwrap_or(Lang::UND)
        });
        featuriser.features(tag.as_str(), bytes);
        if lang.is_none() {
            head.flags |= LANG_FILLED;
            lang = Some(tag);
        }
    }
    let lang = lang.unwrap_or(Lang::UND);
    head.lang = lang.bytes();
    head.content = words(upsert.content_hash(lang));
    review.features = (review.bytes.1, bytes.len());
}
