// Package schedulers tries Muster under a real Slurm and a real Grid Engine,
// which its tests bring up on this machine from Debian's packages and take down
// again:
//
//	make test-slurm
//	make test-sge
//
// Slurm has two nodes, n1 and n2, of eight claimed CPUs, each with a host name of
// its own; Grid Engine has eight slots and the parallel environment mpi. Both keep
// everything in a temporary folder, listen on free ports, and leave the machine's
// own configuration alone. Jobs are stopped by the tests, also by those that fail; the
// daemons are children of the test process and end with it, however it ends. A job that
// runs when the test process is killed outlives it, as batch systems have it.
//
// Without MUSTER_SLURM=run, or MUSTER_SGE=run, the tests say that they were not
// tried. With it, what is missing is a failure; only where there is no Debian or
// no root they are skipped, aloud.
package schedulers
