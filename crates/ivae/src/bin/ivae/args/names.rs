//! Options whose values are the names in a registry of the library.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command, Error};
use ivae::core::ModelKind;
use ivae::prelude::{Families, Family, LikelihoodFamily};

/// A model.
pub(super) fn models() -> impl TypedValueParser<Value = ModelKind> {
    registered(ModelKind::all())
}

/// A family of p(z|u), or one for each latent with commas between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Priors;

impl TypedValueParser for Priors {
    type Value = Families;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Families, Error> {
        let value = value.to_string_lossy();
        value.parse().map_err(|unknown: ivae::core::prior::UnknownPrior| {
            let mut error = Error::new(ErrorKind::InvalidValue).with_cmd(command);
            if let Some(arg) = arg {
                error.insert(ContextKind::InvalidArg, ContextValue::String(arg.to_string()));
            }
            error.insert(ContextKind::InvalidValue, ContextValue::String(unknown.name.clone()));
            let names = Family::ALL.iter().map(|(_, name, _)| (*name).to_owned());
            let names: Vec<String> = names.chain([Family::WITH_SHAPE.0.to_owned()]).collect();
            error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let (with_shape, help) = Family::WITH_SHAPE;
        let named = Family::ALL.into_iter().map(|(_, name, help)| PossibleValue::new(name).help(help));
        Some(Box::new(named.chain([PossibleValue::new(with_shape).help(help)])))
    }
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
