//! Deploys the stacks, looks after them and removes them: what `scripts/deploy`, `scripts/doctor` and
//! `scripts/destroy` run, and what the local world deploys itself with.

pub mod account;
pub mod chatbot;
pub mod check;
pub mod config;
pub mod console;
pub mod deploy;
pub mod destroy;
pub mod doctor;
pub mod parameters;
pub mod preflight;
pub mod release;
pub mod slack_manifest;
pub mod stack;
pub mod template;

mod buckets;
#[cfg(test)]
mod scripted;
mod sonarqube;
