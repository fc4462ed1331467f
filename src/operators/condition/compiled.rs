//! A condition compiled: every fault is found before a run, and a test of a review allocates nothing.

use std::cmp::Ordering;

use regex::Regex;
use serde_json::Value;

use super::{Condition, Field, FieldValue, Fields};
use crate::operators::registry::SettingsFault;

/// A compiled condition.
#[derive(Clone, Debug)]
pub enum Test {
    /// All hold.
    All(Vec<Test>),
    /// At least one holds.
    Any(Vec<Test>),
    /// It does not hold.
    Not(Box<Test>),
    /// Equal to one of these.
    In(Field, Vec<Value>),
    /// Of this order to the value.
    Compare(Field, Ordering, Value),
    /// Matches somewhere.
    Matches(Field, Regex),
}

/// Makes the test of one operator, once the field is known.
type FieldTest<'a> = Box<dyn Fn(Field) -> Result<Test, SettingsFault> + 'a>;

impl Test {
    /// Compiles a condition that stands at a JSON pointer.
    ///
    /// # Errors
    /// All its faults.
    pub fn compile(condition: &Condition, pointer: &str) -> Result<Self, Vec<SettingsFault>> {
        let mut faults = Vec::new();
        let mut tests = Vec::new();
        let fault = |part: &str, message: String, hint: &str| SettingsFault {
            pointer: format!("{pointer}{part}"),
            message,
            hint: hint.into(),
        };
        let groups = [("/all", &condition.all), ("/any", &condition.any)];
        for (name, group) in
            groups.into_iter().filter_map(|(name, group)| group.as_ref().map(|group| (name, group)))
        {
            let mut parts = Vec::new();
            for (n, part) in group.iter().enumerate() {
                match Self::compile(part, &format!("{pointer}{name}/{n}")) {
                    Ok(test) => parts.push(test),
                    Err(more) => faults.extend(more),
                }
            }
            tests.push(if name == "/all" { Self::All(parts) } else { Self::Any(parts) });
        }
        if let Some(part) = &condition.not {
            match Self::compile(part, &format!("{pointer}/not")) {
                Ok(test) => tests.push(Self::Not(Box::new(test))),
                Err(more) => faults.extend(more),
            }
        }
        let mut field_tests: Vec<(&str, FieldTest<'_>)> = Vec::new();
        let scalar = |name: &'static str, value: &Value| match FieldValue::of_json(value) {
            Some(_) => Ok(value.clone()),
            None => Err(fault(
                name,
                "a list or a map is no value of a field".into(),
                "give a string, a number, true, false or null",
            )),
        };
        if let Some(value) = &condition.eq {
            field_tests.push(("eq", Box::new(move |field| Ok(Self::In(field, vec![scalar("/eq", value)?])))));
        }
        if let Some(value) = &condition.ne {
            field_tests.push((
                "ne",
                Box::new(move |field| Ok(Self::Not(Box::new(Self::In(field, vec![scalar("/ne", value)?]))))),
            ));
        }
        if let Some(values) = &condition.one_of {
            field_tests.push((
                "in",
                Box::new(move |field| {
                    Ok(Self::In(field, values.iter().map(|v| scalar("/in", v)).collect::<Result<_, _>>()?))
                }),
            ));
        }
        let ordered = |name: &'static str, value: &Value| match value {
            Value::Number(_) | Value::String(_) => Ok(value.clone()),
            _ => {
                Err(fault(name, "only numbers and strings have an order".into(), "give a number or a string"))
            }
        };
        if let Some(value) = &condition.lt {
            field_tests.push((
                "lt",
                Box::new(move |field| Ok(Self::Compare(field, Ordering::Less, ordered("/lt", value)?))),
            ));
        }
        if let Some(value) = &condition.gt {
            field_tests.push((
                "gt",
                Box::new(move |field| Ok(Self::Compare(field, Ordering::Greater, ordered("/gt", value)?))),
            ));
        }
        if let Some(pattern) = &condition.matches {
            let compile = move |field| match Regex::new(pattern) {
                Ok(regex) => Ok(Self::Matches(field, regex)),
                Err(error) => Err(fault(
                    "/matches",
                    format!("`{pattern}` is not a regular expression: {error}"),
                    "escape special characters with a backslash",
                )),
            };
            field_tests.push(("matches", Box::new(compile)));
        }
        match condition.field {
            Some(_) if field_tests.is_empty() => {
                faults.push(fault(
                    "/field",
                    "a field without a test".into(),
                    "add one of eq, ne, lt, gt, in, matches",
                ));
            }
            Some(field) => {
                for (_, test) in &field_tests {
                    match test(field) {
                        Ok(test) => tests.push(test),
                        Err(one) => faults.push(one),
                    }
                }
            }
            None => faults.extend(field_tests.iter().map(|(name, _)| {
                fault(&format!("/{name}"), format!("`{name}` without a field"), "add `field:` beside it")
            })),
        }
        drop(field_tests);
        if tests.is_empty() && faults.is_empty() {
            faults.push(fault(
                "",
                "a condition that tests nothing".into(),
                "give a field with eq, ne, lt, gt, in or matches; or all, any or not",
            ));
        }
        if faults.is_empty() { Ok(Self::All(tests)) } else { Err(faults) }
    }

    /// Whether it holds.
    #[must_use]
    pub fn passes(&self, fields: &impl Fields) -> bool {
        match self {
            Self::All(tests) => tests.iter().all(|test| test.passes(fields)),
            Self::Any(tests) => tests.iter().any(|test| test.passes(fields)),
            Self::Not(test) => !test.passes(fields),
            Self::In(field, values) => {
                let value = fields.get(*field);
                values.iter().any(|other| FieldValue::of_json(other) == Some(value))
            }
            Self::Compare(field, order, other) => {
                FieldValue::of_json(other).and_then(|other| fields.get(*field).order(other)) == Some(*order)
            }
            Self::Matches(field, regex) => {
                matches!(fields.get(*field), FieldValue::Text(text) if regex.is_match(text))
            }
        }
    }

    /// Whether it looks at a field.
    #[must_use]
    pub fn reads(&self, wanted: Field) -> bool {
        match self {
            Self::All(tests) | Self::Any(tests) => tests.iter().any(|test| test.reads(wanted)),
            Self::Not(test) => test.reads(wanted),
            Self::In(field, _) | Self::Compare(field, ..) | Self::Matches(field, _) => *field == wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct One(Field, FieldValue<'static>);

    impl Fields for One {
        fn get(&self, field: Field) -> FieldValue<'_> {
            if field == self.0 { self.1 } else { FieldValue::Null }
        }
    }

    fn test(condition: Value) -> Result<Test, Vec<SettingsFault>> {
        Test::compile(&serde_json::from_value(condition).expect("a condition"), "/condition")
    }

    #[test]
    fn compares() {
        let four = One(Field::Rating, FieldValue::Number(4.0));
        for (condition, expected) in [
            (json!({"field": "rating", "gt": 3}), true),
            (json!({"field": "rating", "gt": 4}), false),
            (json!({"field": "rating", "lt": 4.5, "ne": 3}), true),
            (json!({"field": "rating", "in": [1, 4.0]}), true),
            (json!({"field": "lang", "eq": null}), true),
            (json!({"field": "lang", "ne": null}), false),
            (json!({"field": "lang", "lt": "z"}), false),
            (json!({"not": {"field": "rating", "eq": 4}}), false),
            (json!({"any": [{"field": "rating", "eq": 1}, {"field": "rating", "eq": 4}]}), true),
            (json!({"all": [{"field": "rating", "eq": 1}, {"field": "rating", "eq": 4}]}), false),
        ] {
            assert_eq!(test(condition.clone()).expect("compiles").passes(&four), expected, "{condition}");
        }
        let german = One(Field::Lang, FieldValue::Text("de"));
        assert!(test(json!({"field": "lang", "matches": "^d"})).expect("compiles").passes(&german));
    }

    #[test]
    fn says_all_that_is_wrong_and_where() {
        let faults =
            test(json!({"any": [{"field": "text", "matches": "("}, {"eq": 1}, {"field": "lang"}, {}]}))
                .expect_err("four faults");
        let pointers: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(
            pointers,
            ["/condition/any/0/matches", "/condition/any/1/eq", "/condition/any/2/field", "/condition/any/3"]
        );
    }
}
