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

# When the time is nearly over the engines drain: they end what they do, run the user's
# checkpoint, and end. They are told by this script's own clock: not every batch
# system says something beforehand, and those that do differ in what and when. Whoever
# wants them to drain earlier sends this script SIGUSR1.
MUSTER_JOB_END=$(($(timeout 10 flux job timeleft 2>/dev/null | grep -x '[0-9]*') + $(date +%s)))
[ "${MUSTER_JOB_END:-0}" -gt "$(date +%s)" ] 2>/dev/null || MUSTER_JOB_END=$(($(date +%s) + 1800))
export MUSTER_JOB_END
export MUSTER_JOB_GRACE=300 # from SIGTERM to SIGKILL, if the job is preempted
left=$((MUSTER_JOB_END - $(date +%s)))
lead=120
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

engine=$(command -v $HOME/muster/bin/ipengine)
# A program goes to the disks of the nodes with the MPI shims that lie beside it.
spread() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || sbcast "$file" "/tmp/${file##*/}" || return; done; }
gather() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || rm "/tmp/${file##*/}"; done; }

# On every way out the engines end before their controller.
teardown() {
	trap - EXIT TERM INT
	kill "$alarm" 2>/dev/null
	[ -z "${program:-}" ] || { kill -TERM "$program"; wait "$program"; } 2>/dev/null
	# By their controller engines are told to end in good order; many a launcher would kill them.
	if [ -n "${engines:-}" ] && kill -0 "$engines" 2>/dev/null && timeout 10 ipcluster stop >/dev/null 2>&1; then
		for _ in $(seq 30); do kill -0 "$engines" 2>/dev/null || break; sleep 0.1; done
	fi
	for p in ${engines:-} ${controller:-}; do kill -TERM "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	gather "$engine"
	rm -f "$security-client.json" "$security-engine.json"
}
trap teardown EXIT
trap 'exit 143' TERM INT
warned=
trap 'warned=1; warn "${engines:-}"; warn "${program:-}"' USR1

# Of all networks this is the best, where the node has it.
ip=0.0.0.0
[ ! -e /sys/class/net/hsn0 ] || ip=hsn0,0.0.0.0
$HOME/muster/bin/ipcontroller --profile-dir="$IPP_PROFILE_DIR" --cluster-id="$IPP_CLUSTER_ID" --ip="$ip" --location="$(hostname)" --log-level=warn &
controller=$!
until [ -s "$security-engine.json" ]; do
	kill -0 "$controller" 2>/dev/null || { echo "ipcluster: the controller did not start" >&2; exit 1; }
	sleep 0.1
done

spread "$engine" || { echo "ipcluster: the engine's program could not be copied to the nodes" >&2; exit 1; }
# By this Open MPI's mpirun takes the variables along to other nodes.
OMPI_MCA_mca_base_env_list='MUSTER_JOB_END;MUSTER_JOB_GRACE;FI_CXI_RX_MATCH_MODE' \
mpiexec -n 128 --ppn 64 /tmp/"${engine##*/}" --mpi --profile-dir="$IPP_PROFILE_DIR" --cluster-id="$IPP_CLUSTER_ID" --log-level=warn \
	${MUSTER_STARTUP:+"--startup=$MUSTER_STARTUP"} ${MUSTER_CHECKPOINT:+"--checkpoint=$MUSTER_CHECKPOINT"} &
engines=$!

if [ $# -gt 0 ]; then
	ipcluster wait -- "$@" & # until all engines are there, and is the program then
	program=$!
fi
# Whichever ends first ends the job. A wait is what a signal can interrupt.
wait -n ${program:-} "$controller" "$engines"
status=$?
if [ -n "$warned" ]; then # that ended the wait: the program is left to end by itself or, without one, the engines
	while wait "${program:-$engines}"; status=$?; kill -0 "${program:-$engines}" 2>/dev/null; do :; done
fi
exit "$status"
