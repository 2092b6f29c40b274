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

# Backwards in halves.
run --gpus 1 --preset talk8 --microbatches 4 --cell split --schedule zb-h1 --dtype float64 $once -o "$out/split"
run --gpus 1 --preset talk8-small --microbatches 1 --cell split --launches 2 --steps 4 -o "$out/split"
run --gpus 1 --model transformer --schedule zb-h1 --dtype float64 $once -o "$out/split"
python "$here/split_cells.py"

# Several ranks on one GPU: what they compute is checked, their times mean nothing.
export PYTHONPATH="$here/shared${PYTHONPATH:+:$PYTHONPATH}"
ONE_GPU_AS=2 run --gpus 2 --layers 2 $once -o "$out/ranks"
ONE_GPU_AS=4 run --gpus 4 --layers 4 --schedule wavefront $once -o "$out/ranks"
ONE_GPU_AS=2 run --gpus 2 --layers 4 --schedule 1f1b --checkpoint always --dtype float64 --partition balanced $once \
  -o "$out/ranks"

# The same by NCCL 2.30 or newer: NCCL names its library. More ranks than two took longer than we had.
[ -n "${NCCL:-}" ] || exit 0
export LD_PRELOAD="$NCCL" NCCL_MULTI_RANK_GPU_ENABLE=1 ONE_GPU_AS=2
run --gpus 2 --layers 2 --dtype float64 $once -o "$out/nccl"
run --gpus 2 --layers 4 --schedule 1f1b --checkpoint always --dtype float64 $once -o "$out/nccl"
run --gpus 2 --model transformer --schedule zb-h1 --dtype float64 $once -o "$out/nccl"
run --gpus 2 --model "$here/../../examples/own-model/model.py:build" --dtype float64 $once -o "$out/nccl"
