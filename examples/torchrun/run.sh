#!/bin/sh
# One launch on NODES machines with RANKS processes each. Start it on every machine, with that machine's number in NODE:
#
#   NODES=2 NODE=0 RANKS=8 MASTER=node0 examples/torchrun/run.sh --schedule wavefront
#   NODES=2 NODE=1 RANKS=8 MASTER=node0 examples/torchrun/run.sh --schedule wavefront
#
# MASTER is a name or an address of machine 0, as all machines see it. What follows goes to pipebench run. The record lies
# where rank 0 is, on machine 0. For an interval start it a few times, and join the records: pipebench merge results/runs
set -eu
exec "${PYTHON:-python}" -m torch.distributed.run --max-restarts 0 \
  --nnodes "${NODES:?how many machines}" --node-rank "${NODE:?the number of this one, from 0}" \
  --nproc-per-node "${RANKS:-gpu}" --master-addr "${MASTER:?machine 0}" --master-port "${PORT:-29500}" \
  -m pipebench run "$@"
