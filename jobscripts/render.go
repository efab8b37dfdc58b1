package jobscripts

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A Cluster is what the script of a whole cluster is rendered for. The zero values
// of fields are replaced by those of [Defaults].
type Cluster struct {
	Name       string        // of the job
	Nodes      int           // to ask for
	PerNode    int           // engines on each node
	Time       time.Duration // longest run time
	Warning    time.Duration // how long before its end the engines drain and the program is told; 0 is [Warning] of the time
	Grace      time.Duration // from SIGTERM to SIGKILL where the job is preempted; 0 is not known
	Account    string        // "" leaves it to the user
	Partition  string        // Slurm: "" leaves it to the site
	Queue      string        // the others: likewise
	PE         string        // Grid Engine: the parallel environment
	Chunk      string        // PBS Pro: what select= asks for; Torque's nodes=4:ppn=64 if Launch is given and this is not
	Directives []string      // more options, as in "--constraint=cpu"
	Setup      []string      // lines of shell before anything starts, as in "module load openmpi"
	Env        []string      // "NAME=value", exported
	ProfileDir string        // a directory that all nodes see; may name variables of the shell
	Interface  string        // by which nodes reach each other best, as in "hsn0"; "" leaves it to them
	Controller string        // the program, as the shell of the first node finds it
	Engine     string        // the program, as each node finds it
	Launch     string        // the words of the shell that start a program once for each engine
	Broadcast  Broadcast
	Form       Form
}

// Ranks is the number of engines.
func (c Cluster) Ranks() int { return c.Nodes * c.PerNode }

// Defaults returns what the scripts of this folder are rendered with: a node
// of four engines for an hour, and a profile directory in the one the job was
// submitted from, which compute nodes see where they may not see the home directory.
func Defaults(system string) Cluster {
	c := Cluster{
		Name: "ipcluster", Nodes: 1, PerNode: 4, Time: time.Hour,
		ProfileDir: "$PWD/profile_" + system, Controller: "ipcontroller", Engine: "ipengine",
	}
	switch system {
	case "slurm":
		c.ProfileDir, c.Launch = "$SLURM_SUBMIT_DIR/profile_slurm", "srun"
	case "pbs":
		// The file has a line for each rank: as many as there are, whatever qsub was told.
		c.Launch = `mpiexec -n "$(wc -l <"$PBS_NODEFILE")" --hostfile "$PBS_NODEFILE"`
	case "sge":
		c.PE, c.Launch = "mpi", `mpirun -n "$NSLOTS"`
	case "lsf":
		c.Launch = `mpirun -n "$LSB_DJOB_NUMPROC"`
	}
	return c
}

// plain is what may stand on a line of directives: no line break, no quoting.
var plain = regexp.MustCompile(`^[^\x00-\x1f"'\x60\\]*$`)

var interfaceName = regexp.MustCompile(`^[\w.-]*$`)

// Taken is [Engines.Taken], of what the engines of a whole cluster have.
func (c Cluster) Taken() string {
	return Engines{Launch: strings.Fields(c.Launch), Env: c.Env, Grace: c.Grace}.Taken()
}

// Render returns the script of a whole cluster as one job of a batch system, one
// of [Systems].
func Render(system string, c Cluster) (string, error) {
	if err := known(system); err != nil {
		return "", fmt.Errorf("jobscripts: %w", err)
	}
	if c.Nodes < 0 || c.PerNode < 0 {
		return "", fmt.Errorf("jobscripts: %d nodes of %d engines: both must be positive", c.Nodes, c.PerNode)
	}
	c.fill(system)
	if err := warnable(c.Time, c.Warning, c.Grace); err != nil {
		return "", fmt.Errorf("jobscripts: %w", err)
	}
	for name, v := range map[string]string{
		"name": c.Name, "account": c.Account, "partition": c.Partition, "queue": c.Queue, "parallel environment": c.PE,
		"profile directory": c.ProfileDir, "directive": strings.Join(append(c.Directives[:len(c.Directives):len(c.Directives)], c.Chunk), ""),
	} {
		if !plain.MatchString(v) {
			return "", fmt.Errorf("jobscripts: %s %q: quotes, backslashes and line breaks cannot stand in a directive", name, v)
		}
	}
	if !interfaceName.MatchString(c.Interface) {
		return "", fmt.Errorf("jobscripts: interface %q: want a name such as hsn0", c.Interface)
	}
	for _, v := range c.Env {
		if !envName.MatchString(v) {
			return "", fmt.Errorf("jobscripts: environment %q: want NAME=value", v)
		}
	}
	return execute("ipcluster", system, c.Form, c)
}

// fill puts defaults in the place of zero values.
func (c *Cluster) fill(system string) {
	d := Defaults(system)
	c.Name, c.ProfileDir = cmp.Or(c.Name, d.Name), cmp.Or(c.ProfileDir, d.ProfileDir)
	c.Controller, c.Engine = cmp.Or(c.Controller, d.Controller), cmp.Or(c.Engine, d.Engine)
	c.Nodes, c.PerNode = cmp.Or(c.Nodes, d.Nodes), cmp.Or(c.PerNode, d.PerNode)
	c.Time, c.PE = cmp.Or(c.Time, d.Time), cmp.Or(c.PE, d.PE)
	c.Warning = cmp.Or(c.Warning, Warning(c.Time))
	if system == "pbs" && c.Chunk == "" && c.Launch == "" {
		c.Chunk = fmt.Sprintf("%d:ncpus=%d:mpiprocs=%d", c.Nodes, c.PerNode, c.PerNode)
	}
	switch {
	case c.Launch != "":
	case system == "flux":
		c.Launch = fmt.Sprintf("flux run --nodes=%d --tasks-per-node=%d", c.Nodes, c.PerNode)
	case system == "htcondor":
		c.Launch = fmt.Sprintf("mpirun -n %d", c.Ranks())
	case system == "pjm":
		c.Launch = fmt.Sprintf("mpiexec -n %d", c.Ranks())
	default:
		c.Launch = d.Launch
	}
}
