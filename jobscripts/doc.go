// Package jobscripts holds the batch scripts that run a whole cluster as one
// job, and those that run a set of engines as one, and renders them for a site.
//
// The folder's own ipcluster.slurm, .pbs, .sge, .lsf, .flux, .pjm and .htcondor are the
// templates rendered with defaults, to be used as they stand:
//
//	sbatch --account=ACCOUNT --nodes=4 jobscripts/ipcluster.slurm ./my-program
//	qsub -A ACCOUNT -l select=4:ncpus=64:mpiprocs=64 -v MUSTER_PROGRAM=./my-program jobscripts/ipcluster.pbs
//
// Such a job starts a controller on the first node and engines on all nodes, runs the
// program that is given, if one is, and ends everything on every way out. The
// program finds the cluster by IPP_PROFILE_DIR and IPP_CLUSTER_ID.
//
// The script of a set of engines (RenderEngines) is what launchers submit for a
// cluster whose controller stays on the login node. It adds a line to a file when
// it starts and when it ends, so that nobody has to ask the batch system.
//
// The rule of this room: each template has its rendered twin in testdata.
package jobscripts
