//! What a language gives to the grammar: nouns with their gender, opinions with their strength, sentence templates.
//!
//! A template is text with slots in braces. `{asp}` and `{thing}` are the sentence's aspect and thing, `{asp2}` and
//! `{thing2}` its second ones; `{is}` and `{is2}` agree with the aspects. `{adj}` is an opinion of the sentence's polarity,
//! `{adj!}` one of the opposite polarity, with `.e` and `.k` behind it the ending that goes before the aspect, without an
//! article and after *kein*; `{int}` an intensifier, often nothing. `{own}` names the product; `{brand}`, `{model}`, `{name}` and
//! `{num}` are drawn. `{a}` is English *a* or *an*. Of an article in German, what follows the colon is the noun it
//! agrees with: `{der:asp}`, `{den:thing}`, `{dem:thing}`, `{ein:asp}`, `{kein:asp}`, `{mein:asp}`, `{einen:thing}`,
//! `{meinen:thing}`, `{meinem:thing}`.

/// Gender and number of a noun; English has `Neuter` for the singular and `Plural`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gender {
    /// `der Akku`
    Masculine,
    /// `die Lieferung`
    Feminine,
    /// `das Display`
    Neuter,
    /// `die Nähte`
    Plural,
}

/// Which language a review is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    /// English.
    English,
    /// German.
    German,
}

/// Opinions of one polarity, by strength: mild, plain, strong. German ones may give a stem for endings after `|`.
pub(super) type Opinions = [&'static [&'static str]; 3];

/// Nouns by gender: masculine, feminine, neuter, plural.
pub(super) type Nouns = [&'static [&'static str]; 4];

/// The nouns of all genders, each with its own.
pub(super) fn with_gender(nouns: Nouns) -> Vec<(&'static str, Gender)> {
    let genders = [Gender::Masculine, Gender::Feminine, Gender::Neuter, Gender::Plural];
    genders
        .into_iter()
        .zip(nouns)
        .flat_map(|(gender, list)| list.iter().map(move |&noun| (noun, gender)))
        .collect()
}

/// A language.
#[derive(Debug)]
pub(super) struct Language {
    /// Which one it is.
    pub(super) tongue: Tongue,
    /// Values of the field `lang`, the plain one first.
    pub(super) tags: &'static [&'static str],
    /// What is judged.
    pub(super) aspects: Nouns,
    /// Opinions: negative, positive.
    pub(super) opinions: [Opinions; 2],
    /// Before a mild, a plain, a strong opinion, with a space behind.
    pub(super) intensifiers: [&'static [&'static str]; 3],
    /// Judgements; their polarity is that of `{adj}`.
    pub(super) judgements: &'static [&'static str],
    /// Judgements by negation of the opposite.
    pub(super) negations: &'static [&'static str],
    /// Two aspects, the first of the sentence's polarity, the second of the other one.
    pub(super) contrasts: &'static [&'static str],
    /// Whole sentences without an opinion word of the lists: negative, positive.
    pub(super) phrases: [&'static [&'static str]; 2],
    /// What says nothing about quality.
    pub(super) facts: &'static [&'static str],
    /// Titles with an opinion.
    pub(super) titles: &'static [&'static str],
    /// Emoji: negative, positive.
    pub(super) emoji: [&'static [&'static str]; 2],
    /// First parts of composed words, joined as they stand.
    pub(super) modifiers: &'static [&'static str],
    /// Last parts of composed words.
    pub(super) heads: Nouns,
    /// Syllables of words that belong to no list.
    pub(super) syllables: &'static [&'static str],
    /// Endings of words made of syllables.
    pub(super) endings: &'static [(&'static str, Gender)],
}

impl Language {
    /// The copula for a noun of this gender.
    pub(super) fn is(&self, gender: Gender) -> &'static str {
        match (self.tongue, gender) {
            (Tongue::English, Gender::Plural) => "are",
            (Tongue::English, _) => "is",
            (Tongue::German, Gender::Plural) => "sind",
            (Tongue::German, _) => "ist",
        }
    }
}

/// First names, of those who give, receive or recommend.
pub(super) const NAMES: &[&str] = &[
    "Anna", "Ben", "Clara", "David", "Emma", "Felix", "Greta", "Hannah", "Ida", "Jonas", "Karla", "Leo",
    "Mia", "Noah", "Olivia", "Paul", "Rosa", "Samuel", "Tilda", "Viktor",
];

/// Syllables of brands.
pub(super) const BRAND_SYLLABLES: &[&str] = &[
    "al", "bra", "cor", "del", "en", "fi", "gor", "hal", "in", "jo", "kel", "lu", "mar", "nor", "ol", "pra",
    "qui", "ro", "sta", "tor", "ul", "vel", "wen", "xi", "yor", "zan", "li", "mo", "na", "dex", "tron",
    "via",
];
