//! The quality of a learner in the metrics: of all labels, and by language.

use super::Learn;
use crate::{
    learning::quality::{ENOUGH_LABELS, Figures, Labels, Window},
    telemetry::SliceFigures,
};

/// How many languages the metrics show at most: tags come from outside.
const SHOW_LANGUAGES: usize = 16;

impl Learn {
    /// Shows the figures in the metrics: of all labels, and of the languages that have most of them.
    pub(super) fn show(&self) {
        let fading = self.kept.prequential.figures(Labels::All, Window::Fading);
        let mut langs: Vec<_> = fading
            .by_lang
            .into_iter()
            .map(|(lang, figures)| (self.kept.prequential.observations_of(&lang), lang, figures))
            .filter(|(labels, ..)| *labels >= ENOUGH_LABELS)
            .collect();
        langs.sort_by(|(a, x, _), (b, y, _)| b.cmp(a).then_with(|| x.cmp(y)));
        langs.truncate(SHOW_LANGUAGES);
        let slices = langs.into_iter().map(|(_, lang, figures)| (lang, figures));
        let slices = [(String::new(), fading.figures)].into_iter().chain(slices);
        self.shown.judged(slices.map(|(lang, figures)| slice(lang, &figures)).collect());
    }
}

fn slice(lang: String, figures: &Figures) -> SliceFigures {
    let Figures { accuracy, log_loss, brier, ece, .. } = *figures;
    SliceFigures { lang, accuracy, log_loss, brier, ece }
}
