#!/usr/bin/env bash
# Trains under Slurm for as long as it takes, a time limit after the other:
#   sbatch docs/clusters/slurm.sh --gin_file=gin/mbn_alp.gin --gin_file=gin/scale/imagenet_8gpu.gin \
#       --model_dir=/shared/runs/mbn_alp
# The folder must be on a disk that every node sees. For several nodes add
# Distribution.kind = 'multi_worker' and Distribution.cluster = 'slurm' as --gin_bindings.
#SBATCH --job-name=tfadv
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
# To the training, not to this shell, so long before the time is over:
#SBATCH --signal=TERM@180

grace="Training.grace_seconds = 150.0" # less than what Slurm leaves
most_starts=100

trap : TERM # this shell waits for the training, which saves and ends with 143
srun python -m tfadv.train --gin_bindings="$grace" "$@"
code=$?

# 143: stopped by SIGTERM, saved. 3: another worker was lost. Both resume where they were saved.
if ((code == 143 || code == 3)) && ((${SLURM_RESTART_COUNT:-0} < most_starts)); then
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
