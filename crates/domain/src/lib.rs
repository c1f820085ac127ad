//! What the product decides and says, as pure functions: no async, clock, environment, AWS or HTTP.

pub mod breaker;
pub mod bucket;
pub mod console;
pub mod digest;
pub mod finding;
pub mod policy;
pub mod quarantine;
pub mod remediation;
pub mod scan;
pub mod slack;
pub mod text;
