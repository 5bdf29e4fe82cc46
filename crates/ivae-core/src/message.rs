//! Serialising an enum with values so that its text stands beside them, under `message`.

use std::fmt::Display;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value and its text.
#[derive(Serialize, Deserialize)]
struct WithMessage<T> {
    #[serde(flatten)]
    value: T,
    #[serde(default)]
    message: String,
}

/// For one value: `#[serde(with = "message::one")]`.
pub(crate) mod one {
    use super::{Deserialize, Deserializer, Display, Serialize, Serializer, WithMessage};

    pub(crate) fn serialize<T: Serialize + Display, S: Serializer>(
        value: &T,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        WithMessage { value, message: value.to_string() }.serialize(out)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<T, D::Error> {
        Ok(WithMessage::deserialize(from)?.value)
    }
}

/// For several: `#[serde(with = "message::list")]`.
pub(crate) mod list {
    use super::{Deserialize, Deserializer, Display, Serialize, Serializer, WithMessage};

    pub(crate) fn serialize<T: Serialize + Display, S: Serializer>(
        values: &[T],
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.collect_seq(values.iter().map(|value| WithMessage { value, message: value.to_string() }))
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<T>, D::Error> {
        let values = Vec::<WithMessage<T>>::deserialize(from)?;
        Ok(values.into_iter().map(|v| v.value).collect())
    }
}
