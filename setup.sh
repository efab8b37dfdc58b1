#!/bin/sh
# Sees to the system packages that Muster needs: `setup.sh run` for building and
# running, `setup.sh test` for the tests as well, `setup.sh slurm` and `setup.sh sge`
# for those under a batch system. What is there is left alone; what is missing is
# installed through apt-get where that is allowed, and named otherwise.
set -eu
want=${1:-run}

have() { command -v "$1" >/dev/null 2>&1; }
lack=""
need() { case " $lack " in *" $1 "*) ;; *) lack="$lack $1" ;; esac; }

# --- what is missing, by what it is needed for
have pkg-config || need pkg-config
{ have pkg-config && pkg-config --exists libzmq; } || need libzmq
{ have mpicc && have mpirun; } || need openmpi
if [ "$want" = test ]; then
	{ have ps && have pgrep; } || need procps
	have sqlite3 || need sqlite3
	have ssh || need openssh-client
	[ "$(uname)" != Linux ] || [ -x /usr/sbin/sshd ] || need openssh-server
	[ "$(uname)" != Linux ] || [ -x /usr/sbin/ip ] || have ip || need iproute2
	if [ -e /etc/debian_version ]; then
		{ have mpicc.openmpi && have mpirun.openmpi; } || need openmpi
		{ have mpicc.mpich && have mpirun.mpich; } || need mpich
		have zsh || need zsh # its completion is tried, and that of fish
		have fish || need fish
	fi
	for module in ipyparallel numpy mpi4py; do
		{ [ -x /usr/bin/python3 ] && /usr/bin/python3 -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$module') is None)"; } 2>/dev/null ||
			need "python3-$module"
	done
fi
# Batch systems are taken from Debian, and brought up by root; elsewhere the tests
# say that they were not tried.
case "$want" in slurm | sge)
	[ -e /etc/debian_version ] && [ "$(id -u)" = 0 ] || exit 0
	{ have mpicc.openmpi && have mpirun.openmpi; } || need openmpi ;;
esac
case "$want" in
slurm)
	{ have slurmctld && have slurmd && have sbatch; } || need slurm-wlm
	have munged || need munge
	# Slurm's plugin for srun --mpi=pmix opens the name that the -dev package has.
	ls /usr/lib/*/pmix2/lib/libpmix.so >/dev/null 2>&1 || need libpmix-dev
	;;
sge)
	[ -x /usr/lib/gridengine/sge_qmaster ] || need gridengine-master
	[ -x /usr/lib/gridengine/sge_execd ] || need gridengine-exec
	{ have qsub && [ -x /usr/lib/gridengine/qsub ]; } || need gridengine-client
	;;
esac
[ -n "$lack" ] || exit 0

# packages SYSTEM prints the packages of one system for all that is missing.
packages() {
	for item in $lack; do
		case "$1:$item" in
		apt:libzmq) echo libzmq3-dev ;;
		apt:openmpi) echo libopenmpi-dev openmpi-bin ;;
		apt:mpich) echo mpich libmpich-dev ;;
		dnf:libzmq) echo zeromq-devel ;;
		dnf:openmpi) echo openmpi-devel ;;
		dnf:mpich) echo mpich-devel ;;
		dnf:pkg-config) echo pkgconf-pkg-config ;;
		dnf:procps) echo procps-ng ;;
		dnf:iproute2) echo iproute ;;
		brew:procps | brew:openssh-* | brew:iproute2 | spack:openssh-server) ;;
		dnf:openssh-client) echo openssh-clients ;;
		spack:openssh-client) echo openssh ;;
		brew:libzmq) echo zeromq ;;
		brew:openmpi) echo open-mpi ;;
		dnf:sqlite3 | brew:sqlite3 | spack:sqlite3) echo sqlite ;;
		spack:pkg-config) echo pkgconf ;;
		spack:libzmq) echo libzmq ;;
		apt:* | dnf:*) echo "$item" ;;
		*:python3-mpi4py) [ "$1" = spack ] && echo py-mpi4py || echo mpi4py ;;
		*:python3-*) [ "$1" = spack ] && echo "py-${item#python3-}" || { [ "$item" = python3-numpy ] && echo numpy || echo "(pip) ${item#python3-}"; } ;;
		*) echo "$item" ;;
		esac
	done | tr '\n' ' '
}

sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
if have apt-get && { [ -z "$sudo" ] || sudo -n true 2>/dev/null; }; then
	list=$(packages apt)
	echo "setup: apt-get install $list"
	log=$(mktemp)
	# Packages of batch systems, and that of sshd, would start their own daemons.
	policy=/usr/sbin/policy-rc.d
	case "$want" in slurm | sge | test)
		if [ ! -e $policy ] && [ -z "$sudo" ]; then
			trap 'rm -f $policy' EXIT
			trap 'exit 1' INT TERM
			printf '#!/bin/sh\nexit 101\n' >$policy
			chmod 755 $policy
		fi ;;
	esac
	# shellcheck disable=SC2086
	if { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $list; } >"$log" 2>&1; then
		rm -f "$log"
		exit 0
	fi
	tail -n 20 "$log" >&2
	echo "setup: apt-get failed; its output is in $log" >&2
	exit 1
fi

{
	echo "setup: missing:$lack. This needs packages that may not be installed from here; please install them:"
	echo "  Debian, Ubuntu:  sudo apt-get install $(packages apt)"
	echo "  Fedora, RHEL:    sudo dnf install $(packages dnf)"
	echo "  macOS:           brew install $(packages brew)"
	echo "  no root at all:  spack install $(packages spack)   (then: spack load the same)"
} >&2
exit 1
