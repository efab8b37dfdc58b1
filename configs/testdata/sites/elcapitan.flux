#!/bin/bash
# One set of engines as one Flux job, as ipcluster submits it.
#flux: --job-name=ipengine
#flux: --nodes=2
#flux: --exclusive
#flux: --time-limit=3600s
#flux: --cwd=/run
#flux: --output=/run/ipengine.log
#flux: --setattr=bank=guests
#flux: --queue=pbatch
set -u
report=/run/ipengine.report
program=ipengine
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
flux run --exclusive --nodes=2 --tasks-per-node=4 ipengine --mpi &
engines=$!
[ -z "$told" ] || pass TERM # told while they started
# A signal ends a wait, but not the engines.
while wait "$engines"; status=$?; kill -0 "$engines" 2>/dev/null; do :; done
if [ -n "$told" ]; then echo told "$told"; else echo ended "$status"; fi >>"$report"
exit "$status"
