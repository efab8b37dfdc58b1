package configs

import (
	"time"

	"muster/launcher/site"
)

// A demand is a rule of a site's documents, and the line of the script that
// follows it.
type demand struct{ rule, line string }

// A submission is a job that the site's documents describe.
type submission struct {
	file    string // its script, in testdata/sites
	request site.Request
	demands []demand
	without []string // what no line of it may contain
}

// A refused job is one that the site's documents forbid.
type refused struct {
	request site.Request
	rule    string // as the error names it
	says    string // the reason, or a part of it
	remedy  string // a part of it
}

var ruled = map[string]struct {
	submits []submission
	refuses []refused
}{
	"perlmutter": {
		[]submission{
			{"perlmutter.slurm", site.Request{Nodes: 2, Time: 30 * time.Minute, Account: "m1234"}, []demand{
				{"the account is named", "#SBATCH --account=m1234"},
				{"a constraint says which nodes", "#SBATCH --constraint=cpu"},
				{"a QOS is named, for debug is the default", "#SBATCH --qos=regular"},
				{"the time is given", "#SBATCH --time=00:30:00"},
				{"srun binds to cores, and -c counts hardware threads", "srun -n 256 -c 2 --cpu-bind=cores ipengine --mpi &"},
			}, []string{"--partition"}},
			{"perlmutter-gpu.slurm", site.Request{Nodes: 2, Time: time.Hour, Account: "m1234_g", Kind: "gpu"}, []demand{
				{"GPU nodes are charged to an account that ends in _g", "#SBATCH --account=m1234_g"},
				{"a constraint says which nodes", "#SBATCH --constraint=gpu"},
				{"four engines for four GPUs", "#SBATCH --ntasks-per-node=4"},
				{"all GPUs are asked for", "#SBATCH --gpus-per-node=4"},
				{"16 cores, of two threads, for each GPU", "srun -n 8 -c 32 --cpu-bind=cores ipengine --mpi &"},
			}, nil},
		}, []refused{
			{site.Request{Nodes: 2}, "account.required", "every job names the account", "--account"},
			{site.Request{Nodes: 2, Kind: "gpu", Account: "m1234"}, "nodes.gpu.account_suffix", `account "m1234"`, "try m1234_g"},
			{site.Request{Nodes: 2, Kind: "knl", Account: "m1234"}, "nodes", `no nodes of kind "knl", but cpu, gpu`, "one of these"},
			{site.Request{Nodes: 2, Queue: "express", Account: "m1234"}, "queues", `no queue "express", but regular, debug`, "one of these"},
		},
	},
	"frontera": {
		[]submission{
			{"frontera.slurm", site.Request{Nodes: 4, Time: 2 * time.Hour, Account: "A-xyz"}, []demand{
				{"three nodes and more are for normal", "#SBATCH --partition=normal"},
				{"nodes are given", "#SBATCH --nodes=4"},
				{"and tasks on each", "#SBATCH --ntasks-per-node=56"},
				{"ibrun takes all of it from the directives", "ibrun ipengine --mpi &"},
			}, []string{"srun -", "--mem", "--export="}},
			{"frontera-small.slurm", site.Request{Nodes: 2, Time: 48 * time.Hour, Broadcast: true}, []demand{
				{"one and two nodes are for small", "#SBATCH --partition=small"},
				{"the program is copied first", `spread() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || sbcast -f "$file" "/tmp/${file##*/}" || return; done; }`},
				{"and started where it is then", `ibrun /tmp/"${program##*/}" --mpi &`},
			}, nil},
		}, []refused{
			{site.Request{Nodes: 3000}, "queues.large.max_nodes", "large gives no more than 2048 nodes", "within these limits"},
			{site.Request{Nodes: 4, Time: 50 * time.Hour}, "queues.normal.max_time", "normal gives no more than 48h", "within these limits"},
			{site.Request{Nodes: 2, Queue: "normal"}, "queues.normal.min_nodes", "normal takes no job of less than 3 nodes", "within these limits"},
			{site.Request{Nodes: 4, Queue: "development", Time: 3 * time.Hour}, "queues.development.max_time", "development gives no more than 2h", ""},
			{site.Request{Nodes: 4, Directives: []string{"--mem=4G"}}, "forbidden --mem", "does not accept the job", "leave it out"},
			{site.Request{Nodes: 4, Directives: []string{"--export=ALL"}}, "forbidden --export", "interferes", "lines of setup"},
		},
	},
	"stampede3": {
		[]submission{
			{"stampede3.slurm", site.Request{Nodes: 4, Time: 2 * time.Hour}, []demand{
				{"nodes are given", "#SBATCH --nodes=4"},
				{"and tasks on each", "#SBATCH --ntasks-per-node=48"},
				{"the time is given", "#SBATCH --time=02:00:00"},
				{"the queue is named", "#SBATCH --partition=skx"},
				{"ibrun takes all of it from the directives", "ibrun ipengine --mpi &"},
			}, []string{"--mem", "--gres", "--gpus-per-task", "--export="}},
			{"stampede3-spr.slurm", site.Request{Nodes: 2, Kind: "spr"}, []demand{
				{"nodes of kind spr have a queue of their own", "#SBATCH --partition=spr"},
				{"and 112 cores", "#SBATCH --ntasks-per-node=112"},
			}, nil},
		}, []refused{
			{site.Request{Nodes: 4, Directives: []string{"--mem=10G"}}, "forbidden --mem", "does not accept", "leave it out"},
			{site.Request{Nodes: 4, Directives: []string{"--gres=gpu:1"}}, "forbidden --gres", "rejects the script", "leave it out"},
			{site.Request{Nodes: 4, Directives: []string{"--gpus-per-task=1"}}, "forbidden --gpus-per-task", "rejects the script", "leave it out"},
			{site.Request{Nodes: 33, Kind: "icx"}, "queues.icx.max_nodes", "icx gives no more than 32 nodes", ""},
			{site.Request{Nodes: 2, Kind: "spr", Queue: "skx"}, "queues.skx.nodes", "queue skx has no nodes of kind spr", "leave the kind out"},
		},
	},
	"lonestar6": {
		[]submission{{"lonestar6.slurm", site.Request{Nodes: 4, Time: 2 * time.Hour}, []demand{
			{"the queue is named", "#SBATCH --partition=normal"},
			{"nodes are given", "#SBATCH --nodes=4"},
			{"ibrun takes all of it from the directives", "ibrun ipengine --mpi &"},
		}, []string{"--mem", "--gres"}}},
		[]refused{
			{site.Request{Nodes: 100}, "queues.normal.max_nodes", "normal gives no more than 64 nodes", "by name: large (for those whom"},
			{site.Request{Nodes: 1, Directives: []string{"-w", "--nodelist=c301"}}, "forbidden --nodelist", "is deleted", "leave it out"},
		},
	},
	"vista": {
		[]submission{
			{"vista.slurm", site.Request{Nodes: 4, Time: 2 * time.Hour}, []demand{
				{"nodes without GPUs are for gg", "#SBATCH --partition=gg"},
				{"ibrun takes all of it from the directives", "ibrun ipengine --mpi &"},
			}, []string{"--mem", "--gres"}},
			{"vista-gh.slurm", site.Request{Nodes: 8, Kind: "gh", PerNode: 4}, []demand{
				{"nodes with GPUs are for gh", "#SBATCH --partition=gh"},
				{"engines on each as asked for", "#SBATCH --ntasks-per-node=4"},
			}, []string{"--gres", "--gpus"}},
		}, []refused{
			{site.Request{Nodes: 33}, "queues.gg.max_nodes", "gg gives no more than 32 nodes", ""},
			{site.Request{Nodes: 1, Kind: "gh", Directives: []string{"--gres=gpu:1"}}, "forbidden --gres", "rejects", "all the GPUs"},
		},
	},
	"horizon": {
		[]submission{
			{"horizon.slurm", site.Request{Nodes: 300}, []demand{{"more than 256 nodes are for vv-large", "#SBATCH --partition=vv-large"}}, nil},
			{"horizon-gb.slurm", site.Request{Nodes: 8, Kind: "gb"}, []demand{
				{"nodes with GPUs are for gb", "#SBATCH --partition=gb"},
				{"two engines for two GPUs", "#SBATCH --ntasks-per-node=2"},
			}, nil},
		}, []refused{
			{site.Request{Nodes: 2000}, "queues.vv.max_nodes, queues.vv-large.max_nodes", "vv-large gives no more than 1024 nodes", ""},
			{site.Request{Nodes: 2, Directives: []string{"--mem=1G"}}, "forbidden --mem", "does not accept", "leave it out"},
		},
	},
	"polaris": {
		[]submission{
			{"polaris.pbs", site.Request{Nodes: 10, Time: 2 * time.Hour, Account: "Catalyst"}, []demand{
				{"the project is named", "#PBS -A Catalyst"},
				{"the time is given", "#PBS -l walltime=02:00:00"},
				{"file systems are named", "#PBS -l filesystems=home:eagle"},
				{"output is written where it is to be", "#PBS -k doe"},
				{"nodes are chunks of this machine", "#PBS -l select=10:system=polaris"},
				{"each chunk on a node of its own", "#PBS -l place=scatter"},
				{"jobs of ten nodes and more go to prod, which routes them", "#PBS -q prod"},
				{"PALS places ranks and threads", "mpiexec -n 40 --ppn 4 --depth 8 --cpu-bind depth ipengine --mpi &"},
				{"modules lie in a folder of the site", "module use /soft/modulefiles"},
			}, nil},
			{"polaris-debug.pbs", site.Request{Nodes: 1, Time: 30 * time.Minute, Account: "Catalyst", Queue: "debug", Directives: []string{"-l filesystems=eagle"}}, []demand{
				{"debug is asked for by name", "#PBS -q debug"},
				{"file systems may be others", "#PBS -l filesystems=eagle"},
			}, []string{"home:eagle"}},
		}, []refused{
			{site.Request{Nodes: 10}, "account.required", "every job names the account", "--account"},
			{site.Request{Nodes: 20, Time: 4 * time.Hour, Account: "p"}, "queues.prod.small.max_time", "prod (small, for 10 to 24 nodes) gives no more than 3h", "within these limits"},
			{site.Request{Nodes: 8, Time: 2 * time.Hour, Account: "p"}, "queues.prod.min_nodes", "prod takes no job of less than 10 nodes", "by name: preemptable (may be killed"},
			{site.Request{Nodes: 20, Account: "p", Queue: "small"}, "queues.prod.limits", "nothing can be submitted to small directly", "ask for prod"},
			{site.Request{Nodes: 10, Account: "p", Directives: []string{"-k oe"}}, "fixed -k", "the site sets -k doe, and refuses any other", "leave it out"},
			{site.Request{Nodes: 10, Account: "p", Directives: []string{"-t 0-3"}}, "forbidden -t", "job array", "leave it out"},
			{site.Request{Nodes: 10, Account: "p", Directives: []string{"-l nodes=10:ppn=4"}}, "forbidden -l nodes", "Torque", "--nodes"},
			{site.Request{Nodes: 10, Account: "p", Time: time.Minute}, "queues.prod.min_time", "less than 5m", ""},
		},
	},
	"aurora": {
		[]submission{{"aurora.pbs", site.Request{Nodes: 8, Time: 2 * time.Hour, Account: "Catalyst", Setup: []string{"module load frameworks"}}, []demand{
			{"file systems are named", "#PBS -l filesystems=home:flare"},
			{"nodes are chunks of this machine", "#PBS -l select=8:system=aurora"},
			{"up to 16 nodes are for capacity", "#PBS -q capacity"},
			{"modules are loaded in the script", "module load frameworks"},
			{"the first core of each socket is the system's, and each engine has the tile that is near", "mpiexec -n 96 --ppn 12 --depth 8 " +
				"--cpu-bind=list:1-8:9-16:17-24:25-32:33-40:41-48:53-60:61-68:69-76:77-84:85-92:93-100 " +
				"--gpu-bind=list:0.0:0.1:1.0:1.1:2.0:2.1:3.0:3.1:4.0:4.1:5.0:5.1 ipengine --mpi &"},
		}, nil}},
		[]refused{
			{site.Request{Nodes: 1500, Time: 20 * time.Hour, Account: "p"}, "queues.prod.medium.max_time", "for 1025 to 1999 nodes) gives no more than 18h", ""},
			{site.Request{Nodes: 100, Account: "p"}, "queues.prod.min_nodes", "prod takes no job of less than 256 nodes", "debug-scaling"},
			{site.Request{Nodes: 2000, Account: "p", Queue: "large"}, "queues.prod.limits", "nothing can be submitted to large directly", "ask for prod"},
		},
	},
	"crux": {
		[]submission{{"crux.pbs", site.Request{Nodes: 4, Time: 2 * time.Hour, Account: "Catalyst", PerNode: 64}, []demand{
			{"nodes are chunks of this machine", "#PBS -l select=4:system=crux"},
			{"jobs go to the queue that routes", "#PBS -q workq-route"},
			{"64 ranks on 128 cores have a depth of two", "mpiexec -n 256 --ppn 64 --depth 2 --cpu-bind depth ipengine --mpi &"},
		}, nil}},
		[]refused{{site.Request{Nodes: 200, Account: "p"}, "queues.workq-route.max_nodes", "no more than 184 nodes", ""}},
	},
	"derecho": {
		[]submission{
			{"derecho.pbs", site.Request{Nodes: 2, Time: 2 * time.Hour, Account: "UABC0001", PerNode: 64}, []demand{
				{"the account is named", "#PBS -A UABC0001"},
				{"chunks say cores, ranks and threads", "#PBS -l select=2:ncpus=128:mpiprocs=64:ompthreads=2"},
				{"the priority is not a queue", "#PBS -l job_priority=regular"},
				{"the network is told how to match", "export FI_CXI_RX_MATCH_MODE=hybrid"},
				{"mpiexec places ranks", "mpiexec -n 128 --ppn 64 ipengine --mpi &"},
			}, nil},
			{"derecho-gpu.pbs", site.Request{Nodes: 1, Account: "UABC0001", Kind: "gpu", Directives: []string{"-l job_priority=economy"}}, []demand{
				{"GPUs are a part of the chunk", "#PBS -l select=1:ncpus=64:mpiprocs=4:ompthreads=16:ngpus=4"},
				{"the priority can be asked for", "#PBS -l job_priority=economy"},
			}, []string{"job_priority=regular"}},
		}, []refused{
			{site.Request{Nodes: 2, Time: 13 * time.Hour, Account: "u"}, "queues.main.max_time", "main gives no more than 12h", "by name: preempt (may be ended"},
			{site.Request{Nodes: 2}, "account.required", "every job names", "--account"},
		},
	},
	"frontier": {
		[]submission{{"frontier.slurm", site.Request{Nodes: 2, Time: 2 * time.Hour, Account: "ABC123"}, []demand{
			{"the account is named", "#SBATCH --account=ABC123"},
			{"nodes are given", "#SBATCH --nodes=2"},
			{"the time is given", "#SBATCH --time=02:00:00"},
			{"seven of the eight cores of a region are for jobs, and each engine has the GPU that is near",
				"srun -N 2 -n 16 -c 7 --gpus-per-task=1 --gpu-bind=closest ipengine --mpi &"},
		}, nil}},
		[]refused{
			{site.Request{Nodes: 92, Time: 7 * time.Hour, Account: "a"}, "queues.batch.bin 4.max_time", "batch (bin 4, for 92 to 183 nodes) gives no more than 6h", ""},
			{site.Request{Nodes: 64, Time: 25 * time.Hour, Account: "a"}, "queues.extended.max_time", "extended gives no more than 24h", ""},
			{site.Request{Nodes: 2, Time: 3 * time.Hour, Account: "a", Queue: "debug"}, "queues.debug.max_time", "debug gives no more than 2h", ""},
			{site.Request{Nodes: 2, Account: "a", PerNode: 64}, "nodes.gpu.cores", "64 engines on a node of 56 cores", "56 at most"},
		},
	},
	"archer2": {
		[]submission{
			{"archer2.slurm", site.Request{Nodes: 4, Time: 2 * time.Hour, Account: "t01", Run: "/work/t01/t01/me/profile"}, []demand{
				{"the budget is named", "#SBATCH --account=t01"},
				{"the partition is named", "#SBATCH --partition=standard"},
				{"the QOS is named", "#SBATCH --qos=standard"},
				{"the time is given", "#SBATCH --time=02:00:00"},
				{"srun is told the cores of each task", `[ -z "${SLURM_CPUS_PER_TASK:-}" ] || export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"`},
				{"for which there is something to tell", "#SBATCH --cpus-per-task=1"},
				{"ranks are placed in order, and not on threads", "srun -n 512 --distribution=block:block --hint=nomultithread ipengine --mpi &"},
			}, nil},
			{"archer2-long.slurm", site.Request{Nodes: 4, Time: 48 * time.Hour, Account: "t01"}, []demand{{"more than a day is for long", "#SBATCH --qos=long"}}, nil},
		}, []refused{
			{site.Request{Nodes: 4, Account: "t01", Run: "/home/t01/t01/me/profile"}, "files.hidden", "compute nodes do not see /home", "put the profile under /work"},
			{site.Request{Nodes: 4, Account: "t01", Poll: 10 * time.Second}, "poll", "asks for 1m at least", "leave job.poll out"},
			{site.Request{Nodes: 1, Account: "t01", Queue: "short"}, "queues.short.max_time", "short gives no more than 20m", ""},
			{site.Request{Nodes: 4, Account: "t01", Queue: "long"}, "queues.long.min_time", "long takes no job of less than 24h", ""},
			{site.Request{Nodes: 100, Time: 48 * time.Hour, Account: "t01"}, "queues.standard.max_time, queues.largescale.min_nodes, queues.long.max_nodes", "long gives no more than 64 nodes", ""},
		},
	},
	"lumi": {
		[]submission{
			{"lumi.slurm", site.Request{Nodes: 2, Time: 2 * time.Hour, Account: "project_465000001"}, []demand{
				{"the project is named", "#SBATCH --account=project_465000001"},
				{"the partition is named", "#SBATCH --partition=standard"},
				{"all memory of the nodes", "#SBATCH --mem=0"},
				{"srun, and not mpirun", "srun -n 256 ipengine --mpi &"},
				{"libfabric watches memory another way", "export FI_MR_CACHE_MONITOR=memhooks"},
			}, nil},
			{"lumi-g.slurm", site.Request{Nodes: 2, Account: "project_465000001", Kind: "g"}, []demand{
				{"GPU nodes are for standard-g", "#SBATCH --partition=standard-g"},
				{"GPUs are asked for", "#SBATCH --gpus-per-node=8"},
				{"each engine on the cores near its GPU", "srun -n 16 --cpu-bind=map_cpu:49,57,17,25,1,9,33,41 ipengine --mpi &"},
			}, nil},
		}, []refused{
			{site.Request{Nodes: 2, Account: "465000001"}, "account.prefix", "begin with project_", "name the project's account"},
			{site.Request{Nodes: 600, Account: "project_1"}, "queues.standard.max_nodes", "standard gives no more than 512 nodes", ""},
			{site.Request{Nodes: 2, Time: 72 * time.Hour, Account: "project_1"}, "queues.standard.max_time", "standard gives no more than 48h", "by name: small (nodes are shared)"},
			{site.Request{Nodes: 2, Account: "project_1", Queue: "debug"}, "queues.debug.max_time", "debug gives no more than 30m", ""},
		},
	},
	"marenostrum5": {
		[]submission{{"marenostrum5.slurm", site.Request{Nodes: 2, PerNode: 112, Time: 2 * time.Hour, Account: "ehpc01", Setup: []string{"module load intel/2023.2.0 impi/2021.10.0"}}, []demand{
			{"the account is named", "#SBATCH --account=ehpc01"},
			{"the QOS is named", "#SBATCH --qos=gp_ehpc"},
			{"ranks are started by mpirun", "mpirun -n 224 ipengine --mpi &"},
			{"Open MPI goes by UCX", "export OMPI_MCA_pml=ucx"},
		}, []string{"--mem"}}},
		[]refused{
			{site.Request{Nodes: 2, PerNode: 112, Account: "ehpc01", Directives: []string{"--mem=100G"}}, "forbidden --mem", "memory cannot be asked for", "leave it out"},
			{site.Request{Nodes: 2, Account: "ehpc01"}, "nodes", "how many cores its nodes have is not known", "--per-node"},
		},
	},
	"leonardo": {
		[]submission{{"leonardo.slurm", site.Request{Nodes: 2, Time: 2 * time.Hour, Account: "EUHPC_A01"}, []demand{
			{"the account is named", "#SBATCH --account=EUHPC_A01"},
			{"the partition is named", "#SBATCH --partition=boost_usr_prod"},
			{"GPUs are asked for", "#SBATCH --gres=gpu:4"},
			{"memory is asked for", "#SBATCH --mem=494000"},
			{"ranks are started by srun", "srun -n 8 ipengine --mpi &"},
		}, nil}},
		[]refused{{site.Request{Nodes: 2}, "account.required", "every job names", "$SBATCH_ACCOUNT"}},
	},
	"juwels-booster": {
		[]submission{{"juwels-booster.slurm", site.Request{Nodes: 2, Account: "exalab"}, []demand{
			{"the partition is named", "#SBATCH --partition=booster"},
			{"GPUs are asked for", "#SBATCH --gres=gpu:4"},
			{"ranks are bound to sockets", "srun -n 8 --cpu-bind=sockets ipengine --mpi &"},
		}, nil}},
		[]refused{{site.Request{Nodes: 2}, "account.required", "every job names", "--account"}},
	},
	"daint": {
		[]submission{{"daint.slurm", site.Request{Nodes: 2, Account: "g123"}, []demand{
			{"the account is named", "#SBATCH --account=g123"},
			{"jobs for work are for normal", "#SBATCH --partition=normal"},
			{"one GPU for each rank", "srun -n 8 -c 72 --gpus-per-task=1 ipengine --mpi &"},
		}, nil}},
		[]refused{
			{site.Request{Nodes: 2, Account: "g123", Time: 25 * time.Hour}, "queues.normal.max_time", "normal gives no more than 24h", ""},
			{site.Request{Nodes: 3, Account: "g123", Queue: "debug", Time: time.Minute}, "queues.debug.max_nodes", "debug gives no more than 2 nodes", ""},
		},
	},
	"eiger": {
		[]submission{{"eiger.slurm", site.Request{Nodes: 2}, []demand{
			{"jobs for work are for normal", "#SBATCH --partition=normal"},
			{"ranks are not put on threads", "srun -n 256 -c 1 --hint=nomultithread ipengine --mpi &"},
		}, []string{"#SBATCH --account", "--constraint"}}},
		[]refused{{site.Request{Nodes: 2, Queue: "debug", Time: time.Minute}, "queues.debug.max_nodes", "debug gives no more than 1 node", ""}},
	},
	"fugaku": {
		[]submission{{"fugaku.pjm", site.Request{Nodes: 48, PerNode: 12, Time: 30 * time.Minute, Account: "hp200000", Directives: []string{"-x PJM_LLIO_GFSCACHE=/vol0004:/vol0003"}}, []demand{
			{"nodes are given", "#PJM -L node=48"},
			{"the group of resources is named", "#PJM -L rscgrp=small"},
			{"the time is given", "#PJM -L elapse=00:30:00"},
			{"ranks on each node", "#PJM --mpi max-proc-per-node=12"},
			{"volumes are named", "#PJM -x PJM_LLIO_GFSCACHE=/vol0004:/vol0003"},
			{"the group is named", "#PJM -g hp200000"},
			{"the program is brought to the nodes first", `spread() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || llio_transfer "$file" || return; done; }`},
			{"and taken away afterwards", `gather() { for file in "$1" "${1%/*}"/libmuster-mpi-*.so; do [ ! -e "$file" ] || llio_transfer --purge "$file"; done; }`},
			{"ranks are started by mpiexec", "mpiexec -n 576 ipengine --mpi &"},
		}, nil}},
		[]refused{
			{site.Request{Nodes: 48}, "required -x PJM_LLIO_GFSCACHE", "would not see the volumes", "--directive='-x PJM_LLIO_GFSCACHE="},
			{site.Request{Nodes: 400}, "queues.small.max_nodes", "small gives no more than 384 nodes", ""},
		},
	},
	"tuolumne": {
		[]submission{{"tuolumne.flux", site.Request{Nodes: 2, Time: 30 * time.Minute, Account: "guests"}, []demand{
			{"the bank is named", "#flux: --setattr=bank=guests"},
			{"nodes are given", "#flux: --nodes=2"},
			{"whole", "#flux: --exclusive"},
			{"the time is given", "#flux: --time-limit=1800s"},
			{"the queue is named", "#flux: --queue=pbatch"},
			{"ranks are started by flux run", "flux run --exclusive --nodes=2 --tasks-per-node=4 ipengine --mpi &"},
		}, nil}},
		[]refused{
			{site.Request{Nodes: 2}, "account.required", "every job names", "--account"},
			{site.Request{Nodes: 2, Account: "b", PerNode: 96}, "nodes.mi300a.cores", "96 engines on a node of 84 cores", "84 at most"},
		},
	},
	"elcapitan": {
		[]submission{{"elcapitan.flux", site.Request{Nodes: 2, Account: "guests"}, []demand{{"as on Tuolumne", "#flux: --queue=pbatch"}}, nil}},
		[]refused{{site.Request{Nodes: 2, Account: "b", Queue: "pall"}, "queues", `no queue "pall", but pbatch, pdebug`, "one of these"}},
	},
	"karolina": {
		[]submission{
			{"karolina.slurm", site.Request{Nodes: 2, Account: "OPEN-00-00"}, []demand{
				{"the partition is named", "#SBATCH --partition=qcpu"},
				{"the account is named", "#SBATCH --account=OPEN-00-00"},
				{"Open MPI stays away from libfabric", "export 'OMPI_MCA_mtl=^ofi'"},
				{"ranks are started by mpirun", "mpirun -n 256 ipengine --mpi &"},
			}, nil},
			{"karolina-gpu.slurm", site.Request{Nodes: 2, Account: "OPEN-00-00", Kind: "gpu"}, []demand{
				{"GPU nodes are for qgpu", "#SBATCH --partition=qgpu"},
				{"GPUs are asked for", "#SBATCH --gpus-per-node=8"},
			}, nil},
		}, []refused{
			{site.Request{Nodes: 9, Account: "a", Queue: "qcpu_exp"}, "queues.qcpu_exp.max_nodes", "qcpu_exp gives no more than 8 nodes", ""},
			{site.Request{Nodes: 2}, "account.required", "every job names", "--account"},
		},
	},
	"snellius": {
		[]submission{{"snellius.slurm", site.Request{Nodes: 2, Kind: "genoa"}, []demand{
			{"the partition is named", "#SBATCH --partition=genoa"},
			{"nodes are whole", "#SBATCH --exclusive"},
			{"192 cores", "#SBATCH --ntasks-per-node=192"},
			{"ranks are started by mpirun", "mpirun -n 384 ipengine --mpi &"},
		}, nil}},
		[]refused{{site.Request{Nodes: 2, Time: 121 * time.Hour}, "queues.rome.max_time", "rome gives no more than 120h", ""}},
	},
}
