//! The grammar at work: sentences of one language that say what a mood asks for.
//!
//! A text is a row of sentences, some without an opinion, some with one: a judgement, the denial of its opposite, a
//! contrast or a whole phrase. Whether an opinion is good or bad is drawn for every sentence from the mood, so texts
//! of a clear mood are seldom of one voice, and a text without any opinion happens: the accuracy that a learner can
//! reach stays below 1. How much below is decided in [`Mood`].

use super::language::{Gender, Language, NAMES, Opinions, with_gender};
use super::random::{Random, mix};
use super::template::{Ending, Piece, Place, Referent, Template, compile_all};
use super::vocabulary::{Noun, Vocabulary};

/// What the writer felt, in stars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mood {
    /// 1 to 5.
    pub(super) stars: u8,
}

impl Mood {
    /// Draws the polarity of one sentence: true is positive.
    fn polarity(self, random: &mut Random) -> bool {
        random.chance([30, 90, 500, 910, 970][usize::from(self.stars.clamp(1, 5)) - 1])
    }

    /// Draws the strength of one opinion: 0 to 2.
    fn strength(self, random: &mut Random) -> usize {
        random.weighted(match self.stars {
            1 | 5 => &[1, 4, 5],
            3 => &[6, 3, 1],
            _ => &[3, 5, 2],
        })
    }
}

/// A language ready to write.
#[derive(Debug)]
pub(super) struct Grammar {
    language: &'static Language,
    vocabulary: Vocabulary,
    aspects: Vec<(&'static str, Gender)>,
    judgements: Vec<Template>,
    negations: Vec<Template>,
    contrasts: Vec<Template>,
    phrases: [Vec<Template>; 2],
    facts: Vec<Template>,
    titles: Vec<Template>,
}

/// What one sentence is about.
struct Sentence<'a> {
    positive: bool,
    mood: Mood,
    product: u32,
    brands: &'a [String],
    aspects: [(&'static str, Gender); 2],
    things: [Option<Noun<'a>>; 2],
}

impl Grammar {
    /// Compiles the language's templates and composes its vocabulary.
    pub(super) fn new(language: &'static Language, vocabulary: usize, seed: u64) -> Self {
        Self {
            language,
            vocabulary: Vocabulary::new(language, vocabulary, seed),
            aspects: with_gender(language.aspects),
            judgements: compile_all(language.judgements),
            negations: compile_all(language.negations),
            contrasts: compile_all(language.contrasts),
            phrases: language.phrases.map(compile_all),
            facts: compile_all(language.facts),
            titles: compile_all(language.titles),
        }
    }

    /// The language.
    pub(super) fn language(&self) -> &'static Language {
        self.language
    }

    /// Appends a text of about `words` words, from a quarter to seven quarters of it, at least one sentence.
    pub(super) fn text(
        &self,
        out: &mut String,
        random: &mut Random,
        mood: Mood,
        product: u32,
        brands: &[String],
        words: u32,
    ) {
        // A text ends with the sentence that passes its length: on average half a sentence of about 9 words too late.
        let target = u64::from(words) / 4 + random.below(u64::from(words) * 3 / 2 + 1);
        let target = target.saturating_sub(4).max(1) as usize;
        let lower_case = random.chance(60);
        let mut written = 0;
        while written < target {
            if !out.is_empty() {
                out.push(' ');
            }
            let start = out.len();
            let mut sentence = self.sentence(random, mood, product, brands);
            let template = self.choose(random, sentence.positive);
            self.expand(out, random, template, &mut sentence);
            if !lower_case {
                capitalise(out, start);
            }
            if random.chance(40) {
                out.push(' ');
                out.push_str(random.pick(self.language.emoji[usize::from(sentence.positive)]));
            }
            written += 1 + out.as_bytes()[start..].iter().filter(|&&byte| byte == b' ').count();
        }
    }

    /// Appends a title.
    pub(super) fn title(
        &self,
        out: &mut String,
        random: &mut Random,
        mood: Mood,
        product: u32,
        brands: &[String],
    ) {
        let start = out.len();
        let mut sentence = self.sentence(random, mood, product, brands);
        let template = &self.titles[random.index(self.titles.len())];
        self.expand(out, random, template, &mut sentence);
        capitalise(out, start);
    }

    fn sentence<'a>(
        &self,
        random: &mut Random,
        mood: Mood,
        product: u32,
        brands: &'a [String],
    ) -> Sentence<'a> {
        // A product is spoken of by some aspects more than by others: every product begins elsewhere in the list.
        let aspects = &self.aspects;
        let mut aspect = || {
            let near = random.below(12) * random.below(12) / 4;
            aspects[(mix(&[u64::from(product)]) % 64 + near) as usize % aspects.len()]
        };
        let aspects = [aspect(), aspect()];
        Sentence { positive: mood.polarity(random), mood, product, brands, aspects, things: [None, None] }
    }

    fn choose(&self, random: &mut Random, positive: bool) -> &Template {
        let list = match random.weighted(&[30, 38, 12, 4, 16]) {
            0 => &self.facts,
            1 => &self.judgements,
            2 => &self.negations,
            3 => &self.contrasts,
            _ => &self.phrases[usize::from(positive)],
        };
        &list[random.index(list.len())]
    }

    fn expand<'a>(
        &'a self,
        out: &mut String,
        random: &mut Random,
        template: &[Piece],
        sentence: &mut Sentence<'a>,
    ) {
        let mut article = None;
        for piece in template {
            match *piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Noun(referent) => out.push_str(self.noun(random, sentence, referent).text),
                Piece::Is(place) => {
                    let (_, gender) = sentence.aspects[place as usize];
                    out.push_str(self.language.is(gender));
                }
                Piece::Article(forms, referent) => {
                    out.push_str(forms[self.noun(random, sentence, referent).gender as usize]);
                }
                Piece::Adjective { opposite, ending } => {
                    let (_, gender) = sentence.aspects[Place::First as usize];
                    let opinions = &self.language.opinions[usize::from(sentence.positive != opposite)];
                    push_adjective(out, random, opinions, sentence.mood, ending, gender);
                }
                Piece::Intensifier => {
                    if random.chance(450) {
                        let strength = sentence.mood.strength(random);
                        out.push_str(random.pick(self.language.intensifiers[strength]));
                    }
                }
                Piece::IndefiniteArticle => {
                    out.push('a');
                    article = Some(out.len());
                }
                Piece::Own => push_product(out, sentence.product, sentence.brands),
                Piece::Brand => out.push_str(&sentence.brands[random.index(sentence.brands.len())]),
                Piece::Model => push_model(out, random.next()),
                Piece::Name => out.push_str(random.pick(NAMES)),
                Piece::Number => out.push_str(itoa::Buffer::new().format(2 + random.below(60))),
            }
        }
        if let Some(end) = article
            && out[end..].starts_with(' ')
            && out[end + 1..].starts_with(['a', 'e', 'i', 'o', 'u'])
        {
            out.insert(end, 'n');
        }
    }

    /// A noun of the sentence; things are drawn when they are first needed.
    fn noun<'a>(&'a self, random: &mut Random, sentence: &mut Sentence<'a>, referent: Referent) -> Noun<'a> {
        match referent {
            Referent::Aspect(place) => {
                let (text, gender) = sentence.aspects[place as usize];
                Noun { text, gender }
            }
            Referent::Thing(place) => {
                *sentence.things[place as usize].get_or_insert_with(|| self.vocabulary.draw(random))
            }
        }
    }
}

fn push_adjective(
    out: &mut String,
    random: &mut Random,
    opinions: &Opinions,
    mood: Mood,
    ending: Ending,
    gender: Gender,
) {
    let strength = mood.strength(random);
    let entry = random.pick(opinions[strength]);
    let (bare, stem) = entry.split_once('|').unwrap_or((entry, entry));
    out.push_str(if ending == Ending::Bare { bare } else { stem });
    out.push_str(ending.letters(gender));
}

/// The product's own name: a brand and a model that follow from its number.
fn push_product(out: &mut String, product: u32, brands: &[String]) {
    let name = mix(&[u64::from(product), 1]);
    out.push_str(&brands[(name % brands.len() as u64) as usize]);
    out.push(' ');
    push_model(out, name >> 16);
}

/// A letter and a number, `K-450`.
fn push_model(out: &mut String, number: u64) {
    out.push(char::from(b'A' + (number % 26) as u8));
    out.push('-');
    out.push_str(itoa::Buffer::new().format((number >> 8) % 90 * 10 + 100));
}

/// Makes the first letter of what was written from `start` on a capital.
fn capitalise(out: &mut String, start: usize) {
    if let Some(first) = out[start..].chars().next()
        && first.is_lowercase()
    {
        let end = start + first.len_utf8();
        let capital: String = first.to_uppercase().collect();
        out.replace_range(start..end, &capital);
    }
}
