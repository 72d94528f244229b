//! deploy/BENCHMARKS.md: what was measured, where, when, with which command.

use crate::Options;
use crate::table::Section;

pub(crate) fn write(_options: &Options, _measured: &[Section]) {}
