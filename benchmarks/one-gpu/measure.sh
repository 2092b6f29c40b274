#!/usr/bin/env bash
# From the project's root, on a machine with one GPU: all runs of the table, records under the folder that is named.
# PIPEBENCH may say how pipebench is started.
set -eu
out=${1:?a folder for the records}
here=$(dirname "$0")
run() { ${PIPEBENCH:-pipebench} run --device cuda --quiet --json "$@" >/dev/null; }

for preset in talk8-small talk8; do
  for microbatches in 1 4 16; do
    run --gpus 1 --preset $preset --microbatches $microbatches --launches 3 --steps 4 -o "$out/slices"
  done
done

once="--launches 1 --steps 1"
run --gpus 1 --preset talk8 --microbatches 4 --dtype float64 $once -o "$out/double"

# Several ranks on one GPU: what they compute is checked, their times mean nothing.
export PYTHONPATH="$here/shared${PYTHONPATH:+:$PYTHONPATH}"
ONE_GPU_AS=2 run --gpus 2 --layers 2 $once -o "$out/ranks"
ONE_GPU_AS=4 run --gpus 4 --layers 4 --schedule wavefront $once -o "$out/ranks"
ONE_GPU_AS=2 run --gpus 2 --layers 4 --schedule 1f1b --checkpoint always --dtype float64 --partition balanced $once \
  -o "$out/ranks"
