//! The in-process harness: the real gateway on free ports.
