
# Measured in turn on two machines, of which this one is number NODE; a launch is one torchrun on both of them.
results=$PWD/results/ci port=29500
launch() {
  port=$((port + 1))
  # not here, where the checkout would be what is measured
  (cd "$place" && "$place/$1/bin/torchrun" --nnodes 2 --node-rank "$NODE" --nproc-per-node %%{gpus_each} \
    --master-addr "$MASTER" --master-port "$port" --max-restarts 0 -m pipebench run "${options[@]}" \
    --output "$results/$1")
}
for side in base head head base base head head base; do launch "$side"; done
if [ "$NODE" = 0 ]; then  # its rank 0 has the records
  for side in base head; do "$place/head/bin/pipebench" merge "$results/$side" --output "$results/$side-merged"; done
  "$place/head/bin/pipebench" check "$results/head-merged" --against "$results/base-merged" --junit "$results/pipebench.xml"
fi
