package mpi

import (
	"os"
	"strconv"
)

// Job is what the environment tells of the job that this process belongs to.
type Job struct {
	Told       string // the variable that told it
	Rank, Size int    // Size is 0 if it is not told

	// Local is the number of ranks on this node; 0 if it is not told, and under
	// Open MPI, which sees to crowded nodes itself.
	Local int

	// Flavours are those of MPI that such a launcher can serve, the likeliest first.
	Flavours []string
}

func (j Job) sizeText() string {
	if j.Size == 0 {
		return "several"
	}
	return strconv.Itoa(j.Size)
}

var (
	openMPI = []string{"openmpi"}
	mpich   = []string{"mpich"}
	either  = []string{"openmpi", "mpich", "other"}
	pmi     = []string{"mpich", "openmpi", "other"}
)

// launchers are told from what they set for each process, the innermost first:
// an mpirun within a Slurm job has the variables of both.
var launchers = []struct {
	rank, size, local string
	flavours          []string
}{
	{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "", openMPI},                      // Open MPI's mpirun, and IBM's jsrun
	{"MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE", mpich}, // MVAPICH2's mpirun_rsh
	{"PMI_RANK", "PMI_SIZE", "MPI_LOCALNRANKS", pmi},                                   // MPICH's and Intel's Hydra; srun --mpi=pmi2
	{"PALS_RANKID", "", "", pmi},                                                       // HPE's mpiexec
	{"FLUX_TASK_RANK", "FLUX_JOB_SIZE", "", either},
	{"PMIX_RANK", "SLURM_STEP_NUM_TASKS", "", either}, // srun --mpi=pmix, prun
	{slurmRank, "SLURM_STEP_NUM_TASKS", "", either},   // srun without a PMI
}

// slurmRank is also set for the script of a job, which is no step of it and has
// no number of tasks.
const slurmRank = "SLURM_PROCID"

// Launched tells the job from the environment; false if no MPI launcher has
// started this process.
func Launched() (Job, bool) { return launched(os.LookupEnv) }

func launched(env func(string) (string, bool)) (Job, bool) {
	for _, l := range launchers {
		text, ok := env(l.rank)
		if !ok {
			continue
		}
		rank, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		number := func(name string) int {
			text, _ := env(name)
			n, err := strconv.Atoi(text)
			if err != nil || n < 0 {
				return 0 // not told
			}
			return n
		}
		job := Job{Told: l.rank, Rank: rank, Size: number(l.size), Local: number(l.local), Flavours: l.flavours}
		if l.rank == slurmRank && job.Size == 0 {
			continue
		}
		_, slurm := env(slurmRank)
		if l.rank == "PMI_RANK" && !slurm {
			job.Flavours = mpich
		}
		return job, true
	}
	return Job{Flavours: either}, false
}
