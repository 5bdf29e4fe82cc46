//! The families of densities, one file or folder for each.

pub mod bernoulli;
pub mod beta;
pub mod categorical;
pub mod concrete;
pub mod custom;
pub mod exponential;
pub mod exponential_power;
pub mod gamma;
pub mod gaussian;
pub mod generalised_normal;
pub mod heteroscedastic;
pub mod hyperbolic_secant;
pub mod laplace;
pub mod log_normal;
pub mod negative_binomial;
pub mod poisson;
pub mod student_t;
pub mod von_mises;

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use categorical::Categorical;
pub use concrete::{BinaryConcrete, Concrete, UnitConcrete};
pub use custom::{Custom, CustomError, Marginal, Statistics, implicit_derivative};
pub use exponential::Exponential;
pub use exponential_power::ExponentialPower;
pub use gamma::Gamma;
pub use gaussian::{Gaussian, GaussianForm, gaussian_kl, gaussian_kl_backward};
pub use generalised_normal::GeneralisedNormal;
pub use heteroscedastic::HeteroscedasticGaussian;
pub use hyperbolic_secant::HyperbolicSecant;
pub use laplace::Laplace;
pub use log_normal::LogNormal;
pub use negative_binomial::NegativeBinomial;
pub use poisson::Poisson;
pub use student_t::StudentT;
pub use von_mises::VonMises;
