//! The language of a text, among those a topology expects.
//!
//! Where only English and German are expected, function words decide: they are looked up among the hashes of words that
//! the features need anyway. Only where they do not decide, or where other languages are expected, a detector
//! (`whatlang`, a hundred times as dear) is asked, and believed only if it calls itself reliable. A text with fewer than
//! twenty letters, title and text together, has the language `und`.

use super::{english_or_german::EnglishOrGerman, tokens::Tokens, words::WordSet};
use whatlang::{Detector, Lang};

/// The language of a text that has none of those expected, or too few letters to tell.
pub const UNDETERMINED: &str = "und";

/// Fewer letters than this tell nothing.
const MIN_LETTERS: usize = 20;

/// The detector looks at trigrams, whose statistics have settled by then. In bytes.
const MAX_DETECTED: usize = 1000;

const ENGLISH: &[&str] = &[
    "the", "and", "is", "it", "this", "that", "of", "to", "for", "with", "you", "my", "i", "but", "very",
    "are", "have", "they", "had", "not", "on", "as", "be", "at", "from", "or", "we", "would", "has", "were",
    "been", "which", "what", "it's", "i'm", "don't", "your", "their", "our", "these", "those", "there",
    "when", "than", "them", "how", "can", "could", "should", "does", "doesn't", "didn't", "i've", "can't",
    "about", "because", "just", "really", "only", "after", "other", "more", "some", "like", "good", "great",
    "love", "me", "if", "by", "out", "all", "use", "do", "get", "one", "up", "no", "please", "much", "too",
    "well", "work", "works", "she", "he", "her", "his",
];

const GERMAN: &[&str] = &[
    "der", "das", "und", "ist", "nicht", "ich", "ein", "eine", "es", "zu", "mit", "den", "sich", "auf",
    "für", "im", "dem", "von", "auch", "aber", "wie", "bei", "sehr", "noch", "nach", "wir", "sind", "haben",
    "habe", "kein", "wenn", "oder", "zum", "zur", "einen", "einem", "einer", "als", "nur", "schon", "mir",
    "mich", "wird", "doch", "dass", "daß", "kann", "dann", "ihr", "euch", "sie", "er", "hier", "heute",
    "immer", "mal", "da", "nichts", "nie", "keine", "keinen", "gut", "aus", "vor", "über", "unter", "durch",
    "gegen", "ohne", "um", "vom", "beim", "ins", "diese", "dieser", "dieses", "meine", "mein", "ja", "nein",
    "wieder", "warum", "wurde", "werden", "wäre", "hatte", "müssen", "können", "muss", "alle", "alles",
    "mehr", "jetzt", "viel", "ganz", "leider", "danke", "bitte", "wo", "wer", "weil", "damit", "seit", "bis",
    "uns", "ihm", "ihn", "des", "einfach", "gibt", "hab", "nun", "eben",
];

/// The languages a topology expects.
#[derive(Debug)]
pub struct Languages {
    /// Tag and the detector's name for it, in the order given.
    expected: Vec<(String, Lang)>,
    /// Indices of English and German in `expected`, if nothing else is expected.
    by_words: Option<(Option<usize>, Option<usize>)>,
    english: WordSet,
    german: WordSet,
    detector: Detector,
    /// What says the same sooner, if both English and German are expected, and nothing else is.
    sooner: Option<EnglishOrGerman>,
}

/// A language that cannot be detected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no detection of the language `{0}`")]
pub struct UnknownLanguage(pub String);

impl Languages {
    /// From lower-case primary subtags of BCP 47, of two or three letters.
    ///
    /// # Errors
    /// A tag that the detector does not know.
    pub fn new(tags: &[String]) -> Result<Self, UnknownLanguage> {
        let expected = tags
            .iter()
            .map(|tag| Ok((tag.clone(), detectable(tag).ok_or_else(|| UnknownLanguage(tag.clone()))?)))
            .collect::<Result<Vec<_>, _>>()?;
        let at = |lang| expected.iter().position(|(_, other)| *other == lang);
        let (english, german) = (at(Lang::Eng), at(Lang::Deu));
        let only = expected.iter().all(|(_, lang)| matches!(lang, Lang::Eng | Lang::Deu));
        Ok(Self {
            by_words: only.then_some((english, german)),
            sooner: (only && english.is_some() && german.is_some()).then(EnglishOrGerman::new),
            detector: Detector::with_allowlist(expected.iter().map(|(_, lang)| *lang).collect()),
            english: WordSet::new(ENGLISH),
            german: WordSet::new(GERMAN),
            expected,
        })
    }

    /// The language of a review whose words were read from the same two normalised texts.
    pub fn detect(&self, tokens: &Tokens, title: &str, text: &str) -> &str {
        let letters = title.chars().chain(text.chars()).filter(|c| c.is_alphabetic());
        if self.expected.is_empty() || letters.take(MIN_LETTERS).count() < MIN_LETTERS {
            return UNDETERMINED;
        }
        match self.by_function_words(tokens) {
            Some(language) => language,
            None => self.by_detector(title, text),
        }
    }

    /// Decides if one language has at least twice the function words of the other, and two of them.
    fn by_function_words(&self, tokens: &Tokens) -> Option<&str> {
        let (english, german) = self.by_words?;
        let (mut of_english, mut of_german) = (0_u32, 0_u32);
        for &word in tokens.all() {
            of_english += u32::from(self.english.contains(word));
            of_german += u32::from(self.german.contains(word));
        }
        let winner = if of_english >= 2 && of_english >= 2 * of_german {
            english
        } else if of_german >= 2 && of_german >= 2 * of_english {
            german
        } else {
            return None;
        };
        Some(winner.map_or(UNDETERMINED, |at| &self.expected[at].0))
    }

    #[cold]
    fn by_detector(&self, title: &str, text: &str) -> &str {
        let mut sample = String::with_capacity(MAX_DETECTED + 4);
        sample.push_str(&title[..title.floor_char_boundary(MAX_DETECTED)]);
        sample.push('\n');
        let room = MAX_DETECTED.saturating_sub(sample.len());
        sample.push_str(&text[..text.floor_char_boundary(room)]);
        let found = match &self.sooner {
            Some(sooner) if EnglishOrGerman::can_tell(&sample) => sooner.tell(&sample),
            _ => self.detector.detect(&sample).filter(whatlang::Info::is_reliable).map(|found| found.lang()),
        };
        let Some(found) = found else { return UNDETERMINED };
        let expected = self.expected.iter().find(|(_, lang)| *lang == found);
        expected.map_or(UNDETERMINED, |(tag, _)| tag)
    }
}

/// The detector's name for a primary subtag: it uses ISO 639-3, tags the shortest code of ISO 639.
fn detectable(tag: &str) -> Option<Lang> {
    let code = match tag {
        "eo" => "epo",
        "en" => "eng",
        "ru" => "rus",
        "zh" => "cmn",
        "es" => "spa",
        "pt" => "por",
        "it" => "ita",
        "bn" => "ben",
        "fr" => "fra",
        "de" => "deu",
        "uk" => "ukr",
        "ka" => "kat",
        "ar" => "ara",
        "hi" => "hin",
        "ja" => "jpn",
        "he" => "heb",
        "yi" => "yid",
        "pl" => "pol",
        "am" => "amh",
        "jv" => "jav",
        "ko" => "kor",
        "nb" | "no" => "nob",
        "da" => "dan",
        "sv" => "swe",
        "fi" => "fin",
        "tr" => "tur",
        "nl" => "nld",
        "hu" => "hun",
        "cs" => "ces",
        "el" => "ell",
        "bg" => "bul",
        "be" => "bel",
        "mr" => "mar",
        "kn" => "kan",
        "ro" => "ron",
        "sl" => "slv",
        "hr" => "hrv",
        "sr" => "srp",
        "mk" => "mkd",
        "lt" => "lit",
        "lv" => "lav",
        "et" => "est",
        "ta" => "tam",
        "vi" => "vie",
        "ur" => "urd",
        "th" => "tha",
        "gu" => "guj",
        "uz" => "uzb",
        "pa" => "pan",
        "az" => "aze",
        "id" => "ind",
        "te" => "tel",
        "fa" => "pes",
        "ml" => "mal",
        "or" => "ori",
        "my" => "mya",
        "ne" => "nep",
        "si" => "sin",
        "km" => "khm",
        "tk" => "tuk",
        "ak" => "aka",
        "zu" => "zul",
        "sn" => "sna",
        "af" => "afr",
        "la" => "lat",
        "sk" => "slk",
        "ca" => "cat",
        "tl" => "tgl",
        "hy" => "hye",
        "cy" => "cym",
        other => other,
    };
    Lang::from_code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(tags: &[&str]) -> Languages {
        Languages::new(&tags.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    fn detect(tags: &[&str], title: &str, text: &str) -> String {
        let mut tokens = Tokens::new(false);
        tokens.read(title, text);
        languages(tags).detect(&tokens, title, text).to_owned()
    }

    #[test]
    fn function_words_decide_between_english_and_german() {
        assert_eq!(detect(&["en", "de"], "", "the battery is empty after two hours"), "en");
        assert_eq!(detect(&["en", "de"], "", "der akku ist nach zwei stunden leer"), "de");
        assert_eq!(detect(&["de", "en"], "der akku ist leer", "und das nach zwei stunden"), "de");
    }

    #[test]
    fn a_language_that_is_not_expected_is_undetermined() {
        assert_eq!(detect(&["en"], "", "der akku ist nach zwei stunden leer"), UNDETERMINED);
        assert_eq!(detect(&[], "", "the battery is empty after two hours"), UNDETERMINED);
    }

    #[test]
    fn fewer_than_twenty_letters_tell_nothing() {
        let nineteen = "this is not the end of it 123456";
        assert_eq!(detect(&["en", "de"], "", nineteen), UNDETERMINED);
        assert_eq!(detect(&["en", "de"], "", "this is not the end of its"), "en");
        assert_eq!(detect(&["en", "de"], "this is", "not the end of its"), "en", "title and text together");
    }

    #[test]
    fn the_detector_decides_where_function_words_do_not() {
        let text =
            "hervorragende verarbeitung, schnelle lieferung, günstiger preis, freundlicher kundendienst";
        assert_eq!(detect(&["en", "de"], "", text), "de");
        let french = "la batterie est vide après deux heures et le vendeur ne répond pas à mes messages";
        assert_eq!(detect(&["en", "de", "fr"], "", french), "fr");
        assert_eq!(detect(&["en", "ru"], "", "батарея разряжается через два часа"), "ru");
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let text = "ж".repeat(3000);
        assert_eq!(detect(&["ru", "en"], "", &text), "ru");
        assert_eq!(detect(&["ru", "en"], &text, &text), "ru");
    }

    #[test]
    fn tags_of_two_and_three_letters_are_known_and_others_refused() {
        assert_eq!(detect(&["eng", "deu"], "", "the battery is empty after two hours"), "eng");
        let error = Languages::new(&["en".to_owned(), "xx".to_owned()]).unwrap_err();
        assert_eq!(error, UnknownLanguage("xx".to_owned()));
    }
}
