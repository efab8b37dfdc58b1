// Package test tries Muster from outside: the real binaries, real mpirun of
// Open MPI and of MPICH, and real Python peers.
//
// Every test has a site of its own, an IPYTHONDIR in a temporary folder. When
// the test ends, also by failing, what still runs with that folder in its
// environment is ended and counts as a failure, as does a connection file that
// is left behind. A part that this machine lacks is a failure too, unless the
// environment says that the site has none: MUSTER_MPI=none, MUSTER_PYTHON=none,
// MUSTER_NETNS=none (network namespaces, which root can make); what is left out then is printed at the end of the run.
//
// The tests TestCrash… kill controllers at points that a seed chooses, three or
// one of each kind. MUSTER_CRASH_POINTS=n has more of them (make soak has 50), and
// MUSTER_CRASH_SEED=n begins with the seed that a failure names.
package test
