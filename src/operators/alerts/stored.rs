//! The machine of a case as a stored row: what can be looked at from outside in columns, and the whole as JSON.

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
