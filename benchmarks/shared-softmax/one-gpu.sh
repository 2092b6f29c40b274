#!/usr/bin/env bash
# From the project's root, on a machine with one GPU: what a shared softmax computes there, records under the folder that is
# named. PIPEBENCH may say how pipebench is started. Where one GPU poses as several (../one-gpu/shared) times mean nothing.
set -u
out=${1:?a folder for the records}
here=$(dirname "$0")
failed=0
run() { ${PIPEBENCH:-pipebench} run --device cuda --quiet --json -o "$out" "$@" >/dev/null || { echo "FAILED: $*"; failed=1; }; }

# All stages on the one GPU: shards and loss beside the chain, by the wall clock, held against the same without sharing.
for sharing in "" "--softmax-devices all"; do
  run --gpus 1 --microbatches 4 --launches 3 --steps 4 $sharing
done
run --gpus 1 --preset talk8 --microbatches 4 --dtype float64 --launches 1 --steps 1 --softmax-devices all

once="--launches 1 --steps 1"
export PYTHONPATH="$here/../one-gpu/shared${PYTHONPATH:+:$PYTHONPATH}"
ONE_GPU_AS=2 run --gpus 2 --layers 2 --softmax-devices all $once
ONE_GPU_AS=4 run --gpus 4 --layers 4 --softmax-devices all --schedule wavefront $once
ONE_GPU_AS=4 run --gpus 4 --layers 2 --softmax-devices 2 --vocab 1003 --dtype float64 $once
ONE_GPU_AS=3 run --gpus 3 --layers 4 --softmax-devices 1 --schedule 1f1b --checkpoint always --dtype float64 \
  --partition balanced $once
exit $failed
