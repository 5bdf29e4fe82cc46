//! Reading and writing data sets: one file for each format, with dispatch by extension on top.

mod atomic;
mod aux_column;
mod format;
mod npy;
pub(crate) mod npz;
mod options;
mod read;
mod text;
mod write;

pub use atomic::write_atomically;
pub(crate) use format::Format;
pub use options::ReadOptions;
pub use read::{keys, read, read_array, read_blocks};
pub use write::{check_extension, write, write_array};
