#!/bin/bash
# A whole cluster as one Flux job: a controller on the first node, engines on all.
#
#   flux batch ipcluster.flux            until the time is over, or flux cancel
#   flux batch ipcluster.flux ./program  until the program ends, with its exit status
#
# MUSTER_BIN is the folder of the programs, where the PATH of jobs does not have it.
# Options of flux batch win over these lines. Clients outside the job connect by
# $SCRATCH/profile_muster/security/ipcontroller-JOBID-client.json
#flux: --job-name=digits
#flux: --nodes=2
#flux: --exclusive
#flux: --time-limit=1800s
#flux: --output=ipcluster-{{id}}.log
#flux: --setattr=bank=m1234
#flux: --queue=regular
#flux: --setattr=thp=always
module load PrgEnv-gnu cray-mpich
export PATH="$HOME/muster/bin:$PATH"
export FI_CXI_RX_MATCH_MODE=hybrid
set -u
PATH="${MUSTER_BIN:+$MUSTER_BIN:}$PATH"
job=$(flux job id --to=dec "$(flux getattr jobid)")
export IPP_PROFILE_DIR="${IPP_PROFILE_DIR:-$SCRATCH/profile_muster}"
export IPP_CLUSTER_ID="${IPP_CLUSTER_ID:-$job}"
security="$IPP_PROFILE_DIR/security/ipcontroller-$IPP_CLUSTER_ID"

engine=$(command -v $HOME/muster/bin/ipengine)
# A program goes to the disks of the nodes with the MPI shims that lie beside it.
spread() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || sbcast "$file" "/tmp/${file##*/}" || return; done; }
gather() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || rm "/tmp/${file##*/}"; done; }

# On every way out the engines end before their controller.
teardown() {
	trap - EXIT TERM INT
	for p in ${program:-} ${engines:-} ${controller:-}; do kill -TERM "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	gather "$engine"
	rm -f "$security-client.json" "$security-engine.json"
}
trap teardown EXIT
trap 'exit 143' TERM INT

$HOME/muster/bin/ipcontroller --profile-dir="$IPP_PROFILE_DIR" --cluster-id="$IPP_CLUSTER_ID" --ip=0.0.0.0 --location="$(hostname)" &
controller=$!
until [ -s "$security-engine.json" ]; do
	kill -0 "$controller" 2>/dev/null || { echo "ipcluster: the controller did not start" >&2; exit 1; }
	sleep 0.1
done

spread "$engine" || { echo "ipcluster: the engine's program could not be copied to the nodes" >&2; exit 1; }
mpiexec -n 128 --ppn 64 /tmp/"${engine##*/}" --mpi --profile-dir="$IPP_PROFILE_DIR" --cluster-id="$IPP_CLUSTER_ID" &
engines=$!

# Whichever ends first ends the job. A wait is what a signal can interrupt.
if [ $# -gt 0 ]; then
	"$@" &
	program=$!
fi
wait -n ${program:-} "$controller" "$engines"
