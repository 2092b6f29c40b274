#!/usr/bin/env bash
# From the project's root, on a machine with one GPU: what the encoder-decoder computes there, records under the folder that
# is named. PIPEBENCH may say how pipebench is started. Where one GPU poses as several (../one-gpu/shared) times mean nothing.
set -u
out=${1:?a folder for the records}
here=$(dirname "$0")
failed=0
run() {
  timeout 150 ${PIPEBENCH:-pipebench} run --model seq2seq --device cuda --quiet --json -o "$out" "$@" >/dev/null ||
    { echo "FAILED: $*"; failed=1; }
}

once="--launches 1 --steps 1"
# All stages on the one GPU, by the wall clock: sparse gradients, sentences of unequal length, the norm clipped.
run --gpus 1 --microbatches 4 --launches 3 --steps 2
run --gpus 1 --preset seq2seq-tiny --dtype float64 --no-bucket --microbatches 4 --chunks 5 --softmax-devices all $once

export PYTHONPATH="$here/../one-gpu/shared${PYTHONPATH:+:$PYTHONPATH}"
ONE_GPU_AS=2 run --gpus 2 --preset seq2seq-tiny --dtype float64 --no-bucket --schedule wavefront --microbatches 4 $once
ONE_GPU_AS=4 run --gpus 4 --softmax-devices 2 --partition 2,2 --schedule wavefront --microbatches 2 --chunks 6 $once
ONE_GPU_AS=3 run --gpus 3 --preset seq2seq-tiny --partition 2,2,0 --dtype float64 --schedule 1f1b --checkpoint always $once
exit $failed
