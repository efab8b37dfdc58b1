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
engines= told=
pass() { [ -z "$engines" ] || kill -"$1" "$engines"; }
trap 'pass INT' INT
trap 'pass HUP' HUP
trap 'pass USR1' USR1
# At flux cancel and at the time limit Flux sends SIGTERM.
trap 'told=TERM; pass TERM' TERM
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
mpirun --map-by node -n 8 /tmp/$USER/"${program##*/}" ipengine --profile-dir=/work/profile_default --cluster-id= --mpi &
engines=$!
[ -z "$told" ] || pass TERM # told while they started
# A signal ends a wait, but not the engines.
while wait "$engines"; status=$?; kill -0 "$engines" 2>/dev/null; do :; done
gather "$program"
if [ -n "$told" ]; then echo told "$told"; else echo ended "$status"; fi >>"$report"
exit "$status"
