//! The lexicon as a file has it, and what is found in texts.

use proptest::prelude::*;

use super::*;

fn normalised(text: &str) -> String {
    let (mut cleaned, mut out) = (String::new(), String::new());
    clean_into(text, &mut String::new(), &mut cleaned);
    normalise_into(&cleaned, &mut out);
    out
}

fn found(lexicon: &Lexicon, text: &str) -> Vec<String> {
    lexicon.names(lexicon.sections(&normalised(text))).map(str::to_owned).collect()
}

#[test]
fn words_phrases_and_stems_are_found_at_words() {
    let lexicon =
        Lexicon::parse("[b]\nCaught  Fire # phrase\nverletz*\n\n[a]\nstraße\nscam\n[b]\nscam").unwrap();
    for (text, expected) in [
        ("It CAUGHT FIRE!", &["b"][..]),
        ("caught fires", &[]),
        ("uncaught fire", &[]),
        ("„Verletzungsgefahr“", &["b"]),
        ("unverletzt", &[]),
        ("STRASSE", &["a"]),
        ("a scam.", &["a", "b"]),
        ("scammed, scamß", &[]),
        ("caught", &[]),
        ("", &[]),
    ] {
        assert_eq!(found(&lexicon, text), expected, "{text}");
    }
}

#[test]
fn the_standard_lexicon_tells_grave_reviews_from_harmless_ones() {
    let lexicon = Lexicon::parse(STANDARD).unwrap();
    for (text, expected) in [
        ("The charger caught fire and I had to go to the hospital", &["fire", "injury"][..]),
        (
            "Der Akku ist explodiert, mein Sohn wurde verletzt. Mein Anwalt meldet sich.",
            &["fire", "injury", "legal"],
        ),
        ("Achtung Betrüger, Ware gefälscht", &["fraud"]),
        ("Stromschlag bekommen, lebensgefährlich!", &["safety"]),
        ("a wonderful gift from a known brand, the fire tablet is great", &[]),
        ("Die Anzeige ist hell, das Geschenk kam gut an", &[]),
    ] {
        assert_eq!(found(&lexicon, text), expected, "{text}");
    }
    let names: Vec<&str> = lexicon.names(Sections(u16::MAX)).collect();
    assert_eq!(names, ["fire", "fraud", "injury", "legal", "safety"]);
}

#[test]
fn errors_name_their_line_and_what_to_do() {
    for (text, line, message) in [
        ("scam\n[a]", 1, "stands before the first section"),
        ("[a]\n\n[b c]\nword", 3, "is no header"),
        ("[a\nword", 1, "is no header"),
        ("[a]\nab", 2, "too short"),
        ("[a]\nfi*re", 2, "not at its end"),
        ("[a]\n\"fire\"", 2, "begin and end with a letter"),
        ("# nothing\n[a]\n", 2, "no entries"),
        ("", 1, "no entries"),
    ] {
        let error = Lexicon::parse(text).unwrap_err();
        assert_eq!(error.line, line, "{text}");
        assert!(error.to_string().contains(message), "{error}");
    }
    let many: String = (0..17).map(|n| format!("[s{n}]\nword\n")).collect();
    assert_eq!(Lexicon::parse(&many).unwrap_err().line, 33);
}

proptest! {
    #[test]
    fn agrees_with_a_search_for_each_entry(
        words in proptest::collection::vec(("[abä]{3,4}( [ab]{1,3})?", any::<bool>(), 0_usize..4), 1..12),
        text in "[abä .…]{0,120}",
    ) {
        let mut lines = String::new();
        for (word, stem, section) in &words {
            lines += &format!("[s{section}]\n{word}{}\n", if *stem { "*" } else { "" });
        }
        let lexicon = Lexicon::parse(&lines).unwrap();
        let text = normalised(&text);
        let letter = |c: Option<char>| c.is_some_and(char::is_alphabetic);
        let mut expected: Vec<String> = words
            .iter()
            .filter(|(word, stem, _)| {
                (0..text.len()).filter(|at| text.is_char_boundary(*at) && text[*at..].starts_with(&**word)).any(|at| {
                    let after = text[at + word.len()..].chars().next();
                    !letter(text[..at].chars().next_back()) && (*stem || !letter(after))
                })
            })
            .map(|(_, _, section)| format!("s{section}"))
            .collect();
        expected.sort();
        expected.dedup();
        let found: Vec<String> = lexicon.names(lexicon.sections(&text)).map(str::to_owned).collect();
        prop_assert_eq!(found, expected);
    }
}
