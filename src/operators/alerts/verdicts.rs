//! How the products that have changed stand against their past, given how many products there are.
//!
//! Limits rise with the number of products, which is known as of the epoch and taken up to a power of two, so that they
//! are made anew rarely. A verdict that says nothing tells nothing, unless it says nothing because negative reviews are gone.

use std::sync::Arc;

use super::{
    machine::Level,
    products::{Changed, Heard},
    readings::{Told, model, product_drop},
};
use crate::{
    engine::{Epoch, keyed::EpochStep},
    learning::outliers::{Limits, OutlierSettings, Standing, day_of, verdict},
    records::CaseKind,
};

/// Judges products on one worker.
pub(super) struct Verdicts {
    settings: OutlierSettings,
    scored_by: String,
    /// Products with accepted live reviews, on all workers.
    products: i64,
    /// The limits, and for how many products they are.
    limits: (u64, Limits),
}

impl Verdicts {
    pub(super) fn new(settings: &OutlierSettings, scored_by: &str) -> Self {
        let limits = (1, settings.limits(1));
        Self { settings: settings.clone(), scored_by: scored_by.to_owned(), products: 0, limits }
    }

    /// How a product stands; nothing where nobody has to hear of it.
    fn judge(&self, day: u32, changed: Changed) -> Option<Told> {
        let (_, limits) = &self.limits;
        let Changed { series, before, reviews, version, young, .. } = changed;
        let found = verdict(&series, day, limits);
        let is_clear = found.is_none_or(|found| found.standing == Standing::Clear);
        let gone = is_clear
            && before
                .and_then(|before| verdict(&before, day, limits))
                .is_some_and(|before| before.standing != Standing::Clear);
        let level = match found.map(|found| found.standing) {
            _ if gone => Level::Gone,
            Some(Standing::Firing) if young => Level::Firing,
            Some(Standing::Clear) => Level::Clear,
            Some(Standing::Firing | Standing::Between) | None => return None,
        };
        let firing = found
            .filter(|_| level == Level::Firing)
            .map(|found| Box::new(product_drop(&found, reviews, model(&self.scored_by, version))));
        let product_id: Arc<str> = String::from_utf8_lossy(series.name()).into();
        Some(Told { kind: CaseKind::ProductDrop, name: Arc::clone(&product_id), product_id, level, firing })
    }
}

impl EpochStep<Heard, Told> for Verdicts {
    fn close(&mut self, epoch: Epoch, heard: &mut Vec<Heard>, give: &mut dyn FnMut(Told)) {
        for heard in &*heard {
            if let Heard::Products(_, more) = heard {
                self.products += more;
            }
        }
        let tests = u64::try_from(self.products).unwrap_or(0).max(1).next_power_of_two();
        if tests != self.limits.0 {
            self.limits = (tests, self.settings.limits(tests));
        }
        let day = day_of(epoch.cast_signed());
        for heard in heard.drain(..) {
            match heard {
                Heard::Products(..) => {}
                Heard::Review(_, told) => give(*told),
                Heard::Changed(changed) => self.judge(day, *changed).into_iter().for_each(&mut *give),
            }
        }
    }
}
