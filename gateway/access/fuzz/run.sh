#!/bin/sh
# Does anything that strangers can send break what the parsers promise? Runs the fuzz targets on the stable compiler.
#
# usage: sh gateway/access/fuzz/run.sh SECONDS [TARGET…]
# Each target (all of them by default) runs for so many seconds, beginning with what it found worth keeping last time, in
# fuzz/corpus, and with what lies in fuzz/seeds. A finding ends the run with its input in the current folder.
# Exit codes: 0 nothing found · 1 found · 2 usage.
set -eu

case ${1:-} in
'' | *[!0-9]*) echo "usage: sh gateway/access/fuzz/run.sh SECONDS [TARGET...]" >&2 && exit 2 ;;
esac
seconds=$1 && shift
here=$(cd "$(dirname "$0")" && pwd)
triple=$(rustc -vV | sed -n 's/^host: //p')
: "${CARGO_TARGET_DIR:=$here/target}"
export CARGO_TARGET_DIR

# What cargo-fuzz sets, which would want the nightly compiler: coverage for libFuzzer, and the address sanitizer.
export RUSTC_BOOTSTRAP=1
sancov="-Cpasses=sancov-module"
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    sancov="$sancov -Cllvm-args=-sanitizer-coverage-$option"
done
export RUSTFLAGS="$sancov --cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions -Zsanitizer=address"
cargo build --quiet --manifest-path "$here/Cargo.toml" --bins --target "$triple" --config profile.dev.opt-level=2

[ $# -gt 0 ] || set -- $(cd "$here/fuzz_targets" && ls | sed 's/\.rs$//')
for target in "$@"; do
    mkdir -p "$here/corpus/$target"
    echo "$target: $seconds s"
    seeds=$here/seeds/$target
    [ -d "$seeds" ] || seeds=
    "$CARGO_TARGET_DIR/$triple/debug/$target" "$here/corpus/$target" ${seeds:+"$seeds"} -max_total_time="$seconds" \
        -max_len=2200 -print_final_stats=0 -verbosity=0 || exit 1
done
