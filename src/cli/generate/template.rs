//! Sentence templates, compiled: what `language` describes in braces becomes a list of pieces.
//!
//! A slot of an unknown name stays in the text with its braces; a test expands every template and finds none.

use super::language::Gender;

/// The first or the second noun of a kind in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    First,
    Second,
}

/// What an article agrees with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Referent {
    Aspect(Place),
    Thing(Place),
}

/// Endings of a German adjective before the aspect in the nominative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// None: after the verb.
    Bare,
    /// Without an article: `guter Akku`, `gute Nähte`.
    Strong,
    /// After `kein`: `kein guter Akku`, `keine guten Nähte`.
    Mixed,
}

impl Ending {
    /// The letters.
    pub(super) fn letters(self, gender: Gender) -> &'static str {
        match (self, gender) {
            (Self::Bare, _) => "",
            (_, Gender::Masculine) => "er",
            (_, Gender::Feminine) | (Self::Strong, Gender::Plural) => "e",
            (_, Gender::Neuter) => "es",
            (Self::Mixed, Gender::Plural) => "en",
        }
    }
}

/// An article's forms for masculine, feminine, neuter and plural.
pub(super) type Forms = [&'static str; 4];

/// German articles, by the name of their slot; the name is the masculine form.
const ARTICLES: &[Forms] = &[
    ["der", "die", "das", "die"],
    ["den", "die", "das", "die"],
    ["dem", "der", "dem", "den"],
    ["ein", "eine", "ein", "einige"],
    ["einen", "eine", "ein", "einige"],
    ["kein", "keine", "kein", "keine"],
    ["mein", "meine", "mein", "meine"],
    ["meinen", "meine", "mein", "meine"],
    ["meinem", "meiner", "meinem", "meinen"],
];

/// A piece of a sentence.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece {
    Text(&'static str),
    Noun(Referent),
    Is(Place),
    Article(&'static Forms, Referent),
    Adjective { opposite: bool, ending: Ending },
    Intensifier,
    IndefiniteArticle,
    Own,
    Brand,
    Model,
    Name,
    Number,
}

/// A compiled template.
pub(super) type Template = Vec<Piece>;

/// Compiles templates.
pub(super) fn compile_all(templates: &[&'static str]) -> Vec<Template> {
    templates.iter().map(|template| compile(template)).collect()
}

fn compile(template: &'static str) -> Template {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let Some((slot, behind)) = after.split_once('}') else { break };
        pieces.push(piece(slot).unwrap_or(Piece::Text(slot)));
        rest = behind;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

fn piece(slot: &str) -> Option<Piece> {
    if let Some((article, noun)) = slot.split_once(':') {
        let forms = ARTICLES.iter().find(|forms| forms[0] == article)?;
        return Some(Piece::Article(forms, referent(noun)?));
    }
    if let Some(form) = slot.strip_prefix("adj") {
        let (opposite, form) = form.strip_prefix('!').map_or((false, form), |form| (true, form));
        let ending = match form {
            "" => Ending::Bare,
            ".e" => Ending::Strong,
            ".k" => Ending::Mixed,
            _ => return None,
        };
        return Some(Piece::Adjective { opposite, ending });
    }
    Some(match slot {
        "is" => Piece::Is(Place::First),
        "is2" => Piece::Is(Place::Second),
        "int" => Piece::Intensifier,
        "a" => Piece::IndefiniteArticle,
        "own" => Piece::Own,
        "brand" => Piece::Brand,
        "model" => Piece::Model,
        "name" => Piece::Name,
        "num" => Piece::Number,
        noun => Piece::Noun(referent(noun)?),
    })
}

fn referent(noun: &str) -> Option<Referent> {
    Some(match noun {
        "asp" => Referent::Aspect(Place::First),
        "asp2" => Referent::Aspect(Place::Second),
        "thing" => Referent::Thing(Place::First),
        "thing2" => Referent::Thing(Place::Second),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{english::ENGLISH, german::GERMAN};
    use super::*;

    #[test]
    fn every_slot_of_every_template_is_known() {
        for language in [&ENGLISH, &GERMAN] {
            let lists = [
                language.judgements,
                language.negations,
                language.contrasts,
                language.phrases[0],
                language.phrases[1],
                language.facts,
                language.titles,
            ];
            for template in lists.into_iter().flatten() {
                for slot in template.split('{').skip(1) {
                    let (slot, _) = slot.split_once('}').expect("a closing brace");
                    assert!(piece(slot).is_some(), "{template}: {slot}");
                }
            }
        }
    }

    #[test]
    fn articles_and_endings_agree() {
        assert!(
            matches!(piece("den:asp2"), Some(Piece::Article(forms, Referent::Aspect(Place::Second))) if forms[2] == "das")
        );
        assert_eq!(Ending::Mixed.letters(Gender::Plural), "en");
        assert_eq!(Ending::Strong.letters(Gender::Plural), "e");
        assert_eq!(Ending::Bare.letters(Gender::Neuter), "");
    }
}
