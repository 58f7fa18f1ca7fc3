#!/usr/bin/env bash
# One shard of a batch in each task of a Slurm array; the merge waits for all of them:
#
#   id=$(sbatch --parsable --array=1-16 slurm-array.sh /shared/traces /shared/results -m vm.yaml)
#   sbatch --dependency="afterany:$id" --wrap 'npx dmalab merge /shared/results'
#
# Tasks may be started again, as SHARDS=16 sbatch --array=3,7 slurm-array.sh ...: what is complete is kept.
#SBATCH --job-name=dmalab
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem-per-cpu=512M
#SBATCH --requeue
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: sbatch --array=1-N slurm-array.sh TRACES OUT [OPTIONS OF dmalab batch...]" >&2
  exit 2
fi
traces=$1
out=$2
shift 2

# Of an array that was started in full the largest number is that of the shards.
shards=${SHARDS:-${SLURM_ARRAY_TASK_MAX:?start it with sbatch --array=1-N}}

read -ra dmalab <<<"${DMALAB:-npx dmalab}"
exec "${dmalab[@]}" batch "$traces" -o "$out" --shard "$SLURM_ARRAY_TASK_ID/$shards" \
  --jobs "${SLURM_CPUS_PER_TASK:-1}" --progress none "$@"
