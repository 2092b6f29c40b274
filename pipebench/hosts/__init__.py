"""Several machines: the processes that torchrun or Slurm started, one a rank, make one launch.

Each of them starts its own rank's measuring process, as the launcher does on one machine. Rank 0 leads: it reads the
options, gives the others the job, and has the record. Over the store they tell each other what they do.
"""
