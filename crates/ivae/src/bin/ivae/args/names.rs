//! Options whose values are the names in a registry of the library.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};
use ivae::core::ModelKind;
use ivae::prelude::{Family, LikelihoodFamily};

/// A model.
pub(super) fn models() -> impl TypedValueParser<Value = ModelKind> {
    registered(ModelKind::all())
}

/// A family of p(z|u).
pub(super) fn priors() -> impl TypedValueParser<Value = Family> {
    registered(Family::ALL)
}

/// A likelihood p(x|z), or a list of likelihoods by columns, as text: what its columns are, the data say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Likelihoods;

impl TypedValueParser for Likelihoods {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(
            LikelihoodFamily::ALL.into_iter().map(|(_, name, help)| PossibleValue::new(name).help(help)),
        ))
    }
}

/// One of `entries`, each of a value, its name and what it is.
fn registered<T: Clone + Send + Sync + 'static>(
    entries: impl IntoIterator<Item = (T, &'static str, &'static str)>,
) -> impl TypedValueParser<Value = T> {
    let entries: Vec<_> = entries.into_iter().collect();
    let names: Vec<_> = entries.iter().map(|(_, name, help)| PossibleValue::new(*name).help(*help)).collect();
    PossibleValuesParser::new(names).try_map(move |given| {
        let entry = entries.iter().find(|(_, name, _)| *name == given);
        entry.map(|(value, ..)| value.clone()).ok_or("not one of the possible values")
    })
}
