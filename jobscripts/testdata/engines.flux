#!/bin/bash
# One set of engines as one Flux job, as ipcluster submits it.
#flux: --job-name=ipengine-digits
#flux: --nodes=2
#flux: --exclusive
#flux: --time-limit=5400s
#flux: --cwd=/work/run
#flux: --output=/work/profile_default/log/ipengine-slurm.log
#flux: --setattr=bank=m1234
#flux: --queue=all.q
#flux: --dependency=afterany:1717
#flux: --setattr=thp=always
module load PrgEnv-gnu cray-mpich
export OMP_NUM_THREADS="1"
export MUSTER_JOB=0123
export 'GREETING=it'\''s me'
set -u
report=/work/profile_default/log/ipengine-slurm.report
program='/work/my programs/heat'
command -v "$program" >/dev/null || {
	echo "$program is not on $(hostname): put it where compute nodes see it" >&2
	echo ended 127 >>"$report"
	exit 127
}
# When the time is nearly over the engines drain: they end what they do, run the user's
# checkpoint, and end. They are told by this script's own clock: not every batch
# system says something beforehand, and those that do differ in what and when. Whoever
# wants them to drain earlier sends this script SIGUSR1.
MUSTER_JOB_END=
[ "${MUSTER_JOB_END:-0}" -gt "$(date +%s)" ] 2>/dev/null || MUSTER_JOB_END=$(($(date +%s) + 5400))
export MUSTER_JOB_END
export MUSTER_JOB_GRACE=120 # from SIGTERM to SIGKILL, if the job is preempted
left=$((MUSTER_JOB_END - $(date +%s)))
lead=300
[ "$lead" -lt $((left / 2)) ] || lead=$((left / 2)) # a job that was given less time
(
	trap 'kill "$!" 2>/dev/null; exit' TERM
	sleep $((left - lead)) &
	wait "$!" && kill -USR1 $$
) &
alarm=$!
# srun, mpirun, mpiexec and flux take SIGUSR1, and pass it on to all ranks. A launcher that
# does not take it, as ibrun, would die of it: then it goes to what that has started.
warn() {
	[ -n "$1" ] || return 0
	set -- "$1" $(sed -n 's/^Sig\(Blk\|Cgt\):\s*/0x/p' "/proc/$1/status" 2>/dev/null)
	if [ $# -eq 3 ] && [ $((($2 | $3) >> 9 & 1)) -eq 1 ]; then
		kill -USR1 "$1"
	else
		for child in $(pgrep -P "$1"); do warn "$child"; done
	fi
}
engines= told=
pass() { [ -z "$engines" ] || kill -"$1" "$engines"; }
trap 'kill "$alarm" 2>/dev/null' EXIT
trap 'pass INT' INT
trap 'pass HUP' HUP
trap 'echo warned >>"$report"; [ -n "$engines" ] || { echo ended 0 >>"$report"; exit 0; }; warn "$engines"' USR1
# At flux cancel and at the time limit Flux sends SIGTERM.
trap 'told=TERM; warn "$engines"' TERM
trap 'pass USR2' USR2

echo running "$(hostname)" >>"$report"
program=$(command -v "$program")
# A program goes to the disks of the nodes with the MPI shims that lie beside it.
spread() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || sbcast "$file" "/tmp/${file##*/}" || return; done; }
gather() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || rm "/tmp/${file##*/}"; done; }
spread "$program" || {
	echo "$program could not be copied to the nodes" >&2
	echo ended 1 >>"$report"
	exit 1
}
# By this Open MPI's mpirun takes the variables along to other nodes.
OMPI_MCA_mca_base_env_list='MUSTER_JOB_END;MUSTER_JOB_GRACE;MUSTER_JOB;GREETING' \
mpirun --map-by node -n 8 /tmp/$USER/"${program##*/}" ipengine --profile-dir=/work/profile_default --cluster-id= --mpi &
engines=$!
[ -z "$told" ] || pass TERM # told while they started
# A signal ends a wait, but not the engines.
while wait "$engines"; status=$?; kill -0 "$engines" 2>/dev/null; do :; done
gather "$program"
if [ -n "$told" ]; then echo told "$told"; else echo ended "$status"; fi >>"$report"
exit "$status"
