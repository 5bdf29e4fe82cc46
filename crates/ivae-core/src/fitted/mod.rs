//! [`Fitted`]: a model with its parameters; latents of data, and data of latents; saving and loading.

mod model;
mod save;
mod schema;

pub use model::Fitted;
pub use save::write_history;
pub use schema::Schema;
