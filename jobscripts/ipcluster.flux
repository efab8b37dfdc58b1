#!/bin/bash
# A whole cluster as one Flux job: a controller on the first node, engines on all.
#
#   flux batch --setattr=bank=BANK ipcluster.flux            until the time is over, or flux cancel
#   flux batch --setattr=bank=BANK ipcluster.flux ./program  until the program ends, with its exit status
#
# MUSTER_BIN is the folder of the programs, where the PATH of jobs does not have it.
# Options of flux batch win over these lines. Clients outside the job connect by
# $PWD/profile_flux/security/ipcontroller-JOBID-client.json
#flux: --job-name=ipcluster
#flux: --nodes=1
#flux: --exclusive
#flux: --time-limit=3600s
#flux: --output=ipcluster-{{id}}.log
set -u
PATH="${MUSTER_BIN:+$MUSTER_BIN:}$PATH"
job=$(flux job id --to=dec "$(flux getattr jobid)")
export IPP_PROFILE_DIR="${IPP_PROFILE_DIR:-$PWD/profile_flux}"
export IPP_CLUSTER_ID="${IPP_CLUSTER_ID:-$job}"
security="$IPP_PROFILE_DIR/security/ipcontroller-$IPP_CLUSTER_ID"

# On every way out the engines end before their controller.
teardown() {
	trap - EXIT TERM INT
	for p in ${program:-} ${engines:-} ${controller:-}; do kill -TERM "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	rm -f "$security-client.json" "$security-engine.json"
}
trap teardown EXIT
trap 'exit 143' TERM INT

ipcontroller --profile-dir="$IPP_PROFILE_DIR" --cluster-id="$IPP_CLUSTER_ID" --ip=0.0.0.0 --location="$(hostname)" &
controller=$!
until [ -s "$security-engine.json" ]; do
	kill -0 "$controller" 2>/dev/null || { echo "ipcluster: the controller did not start" >&2; exit 1; }
	sleep 0.1
done

flux run --nodes=1 --tasks-per-node=4 ipengine --mpi --profile-dir="$IPP_PROFILE_DIR" --cluster-id="$IPP_CLUSTER_ID" &
engines=$!

# Whichever ends first ends the job. A wait is what a signal can interrupt.
if [ $# -gt 0 ]; then
	"$@" &
	program=$!
fi
wait -n ${program:-} "$controller" "$engines"
