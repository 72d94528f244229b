//! People's pages: how does somebody sign in, and what do they read when they may not?

pub mod pages;
