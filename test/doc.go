// Package test tries Muster from outside: the real binaries, real mpirun of
// Open MPI and of MPICH, and real Python peers.
//
// Every test has a site of its own, an IPYTHONDIR in a temporary folder. When
// the test ends, also by failing, what still runs with that folder in its
// environment is ended and counts as a failure, as does a connection file that
// is left behind. A part that this machine lacks is a failure too, unless the
// environment says that the site has none: MUSTER_MPI=none, MUSTER_PYTHON=none;
// what is left out then is printed at the end of the run.
package test
