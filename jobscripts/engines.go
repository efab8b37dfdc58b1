package jobscripts

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Engines is a set of copies of one program that a batch system runs as one
// job: what the script of such a job is rendered for. All paths are absolute,
// and such that compute nodes see them.
type Engines struct {
	Name    string        // of the job
	N       int           // copies
	Nodes   int           // to ask for; 0 leaves it to the batch system
	PerNode int           // copies on each node; 0 leaves it to the batch system
	Time    time.Duration // longest run time
	Warning time.Duration // how long before its end the engines drain; 0 is [Warning] of the time
	Grace   time.Duration // from SIGTERM to SIGKILL where the job is preempted; 0 is not known
	After   string        // a job, by its id, which ends before this one starts; "" is none

	Account   string // whom to charge; "" is the user's default
	Partition string // Slurm: where to run; "" is the site's default
	Queue     string // the others: where to run; "" is the site's default, or any
	PE        string // Grid Engine: the parallel environment
	Chunk     string // PBS Pro: what select= asks for, as in "4:ncpus=64:mpiprocs=64"; "" is Torque's nodes=4:ppn=64

	Directives []string // more options, as in "--constraint=cpu"
	Setup      []string // lines of shell before anything starts, as in "module load openmpi"
	Env        []string // "NAME=value", exported to the copies
	Launch     []string // the words that start a program N times, as in srun -n 64
	Args       []string // the program and its arguments
	Broadcast  Broadcast
	Form       Form

	Dir    string // working directory
	Log    string // takes all output; created beforehand, with the mode it is to have
	Report string // the script adds a line here when it starts and when it ends
}

// The lines of a report. A script that was not killed outright ends with one
// of the last two.
const (
	ReportRunning = "running" // and the host
	ReportWarned  = "warned"  // that the time is nearly over: the engines drain
	ReportEnded   = "ended"   // and the exit status
	ReportTold    = "told"    // to end, and the signal by which the batch system said so
)

// OwnWords is added to the name of the log for what a batch system says itself,
// where it would bring the log only after the job's end: PBS and LSF.
const OwnWords = ".job"

var (
	// A directive's words are parted by spaces, and batch systems give some
	// characters in names of files a meaning of their own.
	directiveWord = regexp.MustCompile(`^[^\x00-\x20"'\x60\\$%*:;|&<>()]*$`)
	jobID         = regexp.MustCompile(`^[0-9f][\w.-]*$`)
	envName       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// Uneven reports whether the number of copies does not follow from that of nodes.
func (e Engines) Uneven() bool { return e.N != e.Nodes*e.PerNode }

// Command is the program where it is launched, and its arguments, as a line of the shell.
func (e Engines) Command() string {
	program := quote(e.Args[0])
	if e.Broadcast.Dir != "" {
		program = e.Broadcast.Dir + `/"${program##*/}"`
	}
	return strings.TrimRight(program+" "+Words(e.Args[1:]), " ")
}

// Taken names the variables that Open MPI's mpirun has to be told to take along to
// other hosts, as it has its setting mca_base_env_list: "A;B". Other launchers take
// everything. It is "" where the user tells mpirun by -x: that refuses both.
func (e Engines) Taken() string {
	isMPI := func(word string) bool { return strings.HasPrefix(path.Base(word), "mpi") }
	if !slices.ContainsFunc(e.Launch, isMPI) || slices.Contains(e.Launch, "-x") {
		return ""
	}
	names := []string{"MUSTER_JOB_END"}
	if e.Grace > 0 {
		names = append(names, "MUSTER_JOB_GRACE")
	}
	for _, v := range e.Env {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	return strings.Join(names, ";")
}

// RenderEngines returns the script of one job of engines for a batch system,
// one of [Systems].
func RenderEngines(system string, e Engines) (string, error) {
	if err := known(system); err != nil {
		return "", fmt.Errorf("jobscripts: engines: %w", err)
	}
	if err := e.validate(system); err != nil {
		return "", fmt.Errorf("jobscripts: %w", err)
	}
	e.Warning = cmp.Or(e.Warning, Warning(e.Time))
	return execute("engines", system, e.Form, e)
}

// noChain is why a batch system cannot be given a job that waits for another's end.
var noChain = map[string]string{
	"pjm":      "PJM orders nothing but the steps of one job, which have to be submitted as such",
	"htcondor": "HTCondor orders nothing but the nodes of a DAG, which has to be submitted as such",
}

// Chains says why jobs of a batch system cannot wait for the end of others; nil if they can.
func Chains(system string) error {
	if why := noChain[system]; why != "" {
		return errors.New(why)
	}
	return nil
}

func (e Engines) validate(system string) error {
	for _, f := range []struct{ what, value string }{
		{"name", e.Name}, {"account", e.Account}, {"partition", e.Partition}, {"queue", e.Queue},
		{"parallel environment", e.PE}, {"working directory", e.Dir}, {"log", e.Log},
	} {
		if !directiveWord.MatchString(f.value) {
			return fmt.Errorf("%s %q: it becomes part of a directive, in which spaces and any of \"'`\\$%%*:;|&<>() cannot stand", f.what, f.value)
		}
	}
	for _, d := range append(e.Directives[:len(e.Directives):len(e.Directives)], e.Chunk) {
		if !plain.MatchString(d) {
			return fmt.Errorf("directive %q: quotes, backslashes and line breaks cannot stand in a directive", d)
		}
	}
	for _, v := range e.Env {
		if !envName.MatchString(v) {
			return fmt.Errorf("environment %q: want NAME=value", v)
		}
	}
	if err := warnable(e.Time, e.Warning, e.Grace); err != nil {
		return err
	}
	switch {
	case e.After != "" && !jobID.MatchString(e.After):
		return fmt.Errorf("after job %q: that is no id of a job", e.After)
	case e.After != "" && noChain[system] != "":
		return fmt.Errorf("after job %s: %s", e.After, noChain[system])
	case e.N < 1 || e.Nodes < 0 || e.PerNode < 0:
		return fmt.Errorf("%d engines on %d nodes, %d on each: these cannot be negative, and there must be an engine", e.N, e.Nodes, e.PerNode)
	case (e.Nodes < 1 || e.PerNode < 1) && e.Chunk == "" && slices.Contains([]string{"pbs", "flux", "pjm"}, system):
		return fmt.Errorf("%d nodes, %d engines on each: %s has to be told both", e.Nodes, e.PerNode, system)
	case e.Time < time.Second:
		return fmt.Errorf("longest run time %v: want a second at least", e.Time)
	case e.Name == "" || e.Dir == "" || e.Log == "" || e.Report == "":
		return errors.New("name, working directory, log and report must be given")
	case len(e.Args) == 0 || len(e.Launch) == 0:
		return errors.New("a program, and the words that launch it, must be given")
	}
	return nil
}
