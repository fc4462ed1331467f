//! A scored review's line.

use super::json::{escape, integer, list, micro, optional, put, string};
use crate::records::lang::Lang;
use crate::records::scored_review::{Filled, Sentiment, Status};

/// The fields of a [`ScoredReview`](crate::records::ScoredReview). Fractions are in units of 1e-6.
#[derive(Clone, Copy, Debug)]
pub struct ScoredView<'a> {
    /// Names the review.
    pub review_id: &'a str,
    /// The product it is about.
    pub product_id: &'a str,
    /// Who wrote it.
    pub user_id: Option<&'a str>,
    /// Stars.
    pub rating: Option<u32>,
    /// Language.
    pub lang: Lang,
    /// Milliseconds since 1970.
    pub ts: i64,
    /// Probability of positive.
    pub sentiment: Option<u32>,
    /// What it counts as.
    pub label: Option<Sentiment>,
    /// The feedback that set the label.
    pub labelled_by: Option<&'a str>,
    /// Probability of spam.
    pub spam: Option<u32>,
    /// Why spam.
    pub spam_reasons: Option<&'a [&'a str]>,
    /// Whether the model could not decide.
    pub unsure: Option<bool>,
    /// What the review counts as.
    pub status: Status,
    /// The review that it duplicates.
    pub of: Option<&'a str>,
    /// What was scored by which model and version, by name of the score: `("sentiment", "sentiment", 17)`.
    pub model: &'a [(&'a str, &'a str, u64)],
    /// Which of `lang` and `ts` were filled in.
    pub filled: Filled,
    /// What else was filled in, by name.
    pub also_filled: &'a [&'a str],
    /// The epoch that publishes this.
    pub epoch: u64,
    /// The source component's id.
    pub source: &'a str,
    /// Partition of the source.
    pub partition: u32,
    /// Offset in the partition.
    pub offset: u64,
}

/// Appends a scored review.
pub fn scored_review(view: &ScoredView<'_>, out: &mut Vec<u8>) {
    put(out, "{\"review_id\":");
    string(out, view.review_id);
    put(out, ",\"product_id\":");
    string(out, view.product_id);
    put(out, ",\"user_id\":");
    optional(out, view.user_id, string);
    put(out, ",\"rating\":");
    optional(out, view.rating, micro);
    put(out, ",\"lang\":\"");
    put(out, view.lang.as_str());
    put(out, "\",\"ts\":");
    integer(out, view.ts);
    put(out, ",\"sentiment\":");
    optional(out, view.sentiment, micro);
    put(out, ",\"label\":");
    optional(out, view.label.map(Sentiment::as_str), string);
    put(out, ",\"labelled_by\":");
    optional(out, view.labelled_by, string);
    put(out, ",\"spam\":");
    optional(out, view.spam, micro);
    put(out, ",\"spam_reasons\":");
    optional(out, view.spam_reasons, |out, reasons| list(out, reasons.iter().copied()));
    put(out, ",\"unsure\":");
    optional(out, view.unsure, |out, unsure| put(out, if unsure { "true" } else { "false" }));
    put(out, ",\"status\":\"");
    put(out, view.status.as_str());
    put(out, "\",\"of\":");
    optional(out, view.of, string);
    put(out, ",\"model\":{");
    for (index, (score, model, version)) in view.model.iter().enumerate() {
        put(out, if index == 0 { "" } else { "," });
        string(out, score);
        put(out, ":\"");
        escape(out, model);
        put(out, "@");
        integer(out, *version);
        put(out, "\"");
    }
    put(out, "},\"filled\":");
    let filled = [view.filled.lang.then_some("lang"), view.filled.ts.then_some("ts")];
    list(out, filled.into_iter().flatten().chain(view.also_filled.iter().copied()));
    put(out, ",\"epoch\":");
    integer(out, view.epoch);
    put(out, ",\"origin\":{\"source\":");
    string(out, view.source);
    put(out, ",\"partition\":");
    integer(out, view.partition);
    put(out, ",\"offset\":");
    integer(out, view.offset);
    put(out, "}}");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::written;
    use super::*;
    use crate::records::number::micro_to_f64;
    use crate::records::{Origin, ScoredReview};

    fn stars(units: Option<u32>) -> Option<f64> {
        units.map(|units| micro_to_f64(units.into()))
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn scored_struct(view: &ScoredView<'_>) -> ScoredReview {
        let model =
            |(score, model, version): &(&str, &str, u64)| ((*score).to_owned(), format!("{model}@{version}"));
        let mut filled = Vec::new();
        if view.filled.lang {
            filled.push("lang");
        }
        if view.filled.ts {
            filled.push("ts");
        }
        filled.extend(view.also_filled);
        ScoredReview {
            review_id: view.review_id.to_owned(),
            product_id: view.product_id.to_owned(),
            user_id: view.user_id.map(str::to_owned),
            rating: stars(view.rating),
            lang: view.lang.to_string(),
            ts: view.ts,
            sentiment: stars(view.sentiment),
            label: view.label,
            labelled_by: view.labelled_by.map(str::to_owned),
            spam: stars(view.spam),
            spam_reasons: view.spam_reasons.map(owned),
            unsure: view.unsure,
            status: view.status,
            of: view.of.map(str::to_owned),
            model: view.model.iter().map(model).collect(),
            filled: owned(&filled),
            epoch: view.epoch,
            origin: Origin { source: view.source.to_owned(), partition: view.partition, offset: view.offset },
        }
    }

    const BARE: ScoredView<'_> = ScoredView {
        review_id: "r1",
        product_id: "p1",
        user_id: None,
        rating: None,
        lang: Lang::UND,
        ts: 0,
        sentiment: None,
        label: None,
        labelled_by: None,
        spam: None,
        spam_reasons: None,
        unsure: None,
        status: Status::Accepted,
        of: None,
        model: &[],
        filled: Filled { lang: false, ts: false },
        also_filled: &[],
        epoch: 1,
        source: "reviews",
        partition: 0,
        offset: 0,
    };

    #[test]
    fn a_scored_review_has_every_field_in_order() {
        let line = written(|out| scored_review(&BARE, out));
        assert_eq!(
            line,
            "{\"review_id\":\"r1\",\"product_id\":\"p1\",\"user_id\":null,\"rating\":null,\"lang\":\"und\",\"ts\":0,\
             \"sentiment\":null,\"label\":null,\"labelled_by\":null,\"spam\":null,\"spam_reasons\":null,\"unsure\":null,\
             \"status\":\"accepted\",\"of\":null,\"model\":{},\"filled\":[],\"epoch\":1,\
             \"origin\":{\"source\":\"reviews\",\"partition\":0,\"offset\":0}}"
        );
        assert_eq!(line, serde_json::to_string(&scored_struct(&BARE)).unwrap());
    }

    proptest! {
        #[test]
        fn scored_reviews_are_as_serde_writes_them(
            texts in proptest::collection::vec(any::<String>(), 6),
            numbers in proptest::collection::vec(proptest::option::of(0_u32..=5_000_000), 3),
            flags in 0_u8..64,
            places in (any::<i64>(), any::<u64>(), any::<u32>(), any::<u64>()),
        ) {
            let flag = |bit: u8| flags & (1 << bit) != 0;
            let reasons = [texts[3].as_str(), "burst"];
            let model = [("sentiment", texts[4].as_str(), places.1), ("spam", "s", 0)];
            let view = ScoredView {
                review_id: &texts[0],
                product_id: &texts[1],
                user_id: flag(0).then_some(texts[2].as_str()),
                rating: numbers[0],
                lang: Lang::from_tag("de-AT").unwrap(),
                ts: places.0,
                sentiment: numbers[1],
                label: flag(1).then_some(Sentiment::Negative),
                labelled_by: flag(1).then_some(texts[3].as_str()),
                spam: numbers[2],
                spam_reasons: flag(2).then_some(&reasons[..]),
                unsure: flag(2).then_some(flag(3)),
                status: if flag(4) { Status::NearDuplicate } else { Status::Spam },
                of: flag(4).then_some(texts[5].as_str()),
                model: &model[..usize::from(flags % 3)],
                filled: Filled { lang: flag(3), ts: flag(5) },
                also_filled: &reasons[..usize::from(flag(4))],
                epoch: places.1,
                source: &texts[4],
                partition: places.2,
                offset: places.3,
            };
            prop_assert_eq!(
                written(|out| scored_review(&view, out)),
                serde_json::to_string(&scored_struct(&view)).unwrap()
            );
        }
    }
}
