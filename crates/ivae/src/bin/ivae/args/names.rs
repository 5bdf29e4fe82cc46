//! Options whose values are the names in a registry of the library.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
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

/// A likelihood p(x|z).
pub(super) fn likelihoods() -> impl TypedValueParser<Value = LikelihoodFamily> {
    registered(LikelihoodFamily::ALL)
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
