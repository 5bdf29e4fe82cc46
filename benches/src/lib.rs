//! Benchmarks of ivae.
