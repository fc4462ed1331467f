//! The machine of a case as a stored row: what can be looked at from outside in columns, and the whole as JSON.

use xxhash_rust::xxh3::xxh3_64;

use super::{machine::Machine, readings::key};
use crate::{
    engine::checkpoint::{Column, ColumnType::Text, RowReader, RowWriter, Stored, StoredError},
    records::CaseKind,
};

/// What is known of one kind and subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCase {
    /// `kind:subject`.
    key: Box<str>,
    /// What it is about and how far it is.
    machine: Machine,
}

impl StoredCase {
    pub(super) fn of(machine: &Machine) -> Self {
        let subject = machine.subject();
        Self { key: key(subject.kind, &subject.name).into(), machine: machine.clone() }
    }

    /// The hash of the product whose drop it is about, if it is about one.
    pub(super) fn product_drop(&self) -> Option<u64> {
        let subject = self.machine.subject();
        (subject.kind == CaseKind::ProductDrop).then(|| xxh3_64(subject.name.as_bytes()))
    }

    pub(super) fn into_machine(self) -> Machine {
        self.machine
    }
}

impl Stored for StoredCase {
    const ID: &'static str = "cases";
    const VERSION: u32 = 1;
    const COLUMNS: &'static [Column] = &[
        Column::new("subject", Text),
        Column::new("kind", Text).few(),
        Column::new("case_id", Text).nullable(),
        Column::new("state", Text).nullable().few(),
        Column::new("machine", Text),
    ];

    fn key(&self) -> &[u8] {
        self.key.as_bytes()
    }

    fn put(&self, row: &mut RowWriter<'_>) {
        let case = self.machine.case();
        row.text(&*self.key);
        row.text(self.machine.subject().kind.as_str());
        row.text(case.map(|case| &*case.case_id));
        row.text(case.map(|case| case.state.as_str()));
        // nothing in it can fail to serialize: keys are strings, numbers are finite
        let machine = serde_json::to_string(&self.machine).unwrap_or_default();
        row.text(&*machine);
    }

    fn take(row: &mut RowReader<'_>) -> Result<Self, StoredError> {
        let stored_key: Box<str> = row.text()?.into();
        let kind = row.text()?;
        if !CaseKind::ALL.iter().any(|known| known.as_str() == kind) {
            return Err(row.fault("no kind of case"));
        }
        // what it says again is in the machine
        let (_case_id, _state) = (row.text_or_null()?, row.text_or_null()?);
        let machine: Option<Machine> = serde_json::from_str(row.text()?).ok();
        let machine = machine.ok_or_else(|| row.fault("no state of a case"))?;
        let subject = machine.subject();
        if *stored_key != *key(subject.kind, &subject.name) {
            return Err(row.fault("the state of another subject's case"));
        }
        Ok(Self { key: stored_key, machine })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::checkpoint::{Change, FileContext, decode, encode},
        operators::alerts::{AlertsSettings, Command, Level, Reading, Subject},
        records::{CaseAction, Evidence, Severity, number::Fraction},
    };

    /// A machine after some epochs.
    fn machine(name: &str, epochs: u64) -> Machine {
        let subject = Subject {
            kind: CaseKind::ProductDrop,
            name: name.to_owned(),
            product_id: Some(name.to_owned()),
            review_id: None,
        };
        let mut machine = Machine::new(subject);
        for epoch in 1..=epochs {
            let evidence = Evidence { z: Some(Fraction(3_250_001)), ..Evidence::default() };
            let reading = Reading { level: Level::Firing, severity: Severity::Critical, evidence };
            let command = Command {
                command_id: epoch.to_string(),
                case_id: machine.case().map_or_else(String::new, |case| case.case_id.clone()),
                action: CaseAction::Ack,
                by: Some("ann".to_owned()),
                note: Some("\"T-1\"\n".to_owned()),
            };
            let settings = AlertsSettings::default();
            machine.step(epoch, Some(reading), &[command], &[], &settings.product_drop.case);
        }
        machine
    }

    #[test]
    fn a_machine_comes_back_whole() {
        let machines = [machine("a:b", 0), machine("a:c", 1), machine("ä", 7)];
        let changes: Vec<_> = machines.iter().map(|machine| Change::Put(StoredCase::of(machine))).collect();
        let context = FileContext { step: "alerts".to_owned(), shard: 0, epoch: 7 };
        let decoded = decode::<StoredCase>(encode(&changes, &context).unwrap().into()).unwrap();
        assert_eq!(decoded, changes);
    }
}
