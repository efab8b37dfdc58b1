package site

import (
	"regexp"
	"slices"
	"strings"
)

// A scheduler is how a batch system, in one of its dialects, writes options.
type scheduler struct {
	name   string
	system string // the scripts that it reads, one of jobscripts.Systems
	prefix string // of its lines in a script
	account,
	queue string // the options for these, as Key writes them; "" if there are no queues
	// short forms of options, by their long ones: Key speaks of the latter.
	long map[string]string
	// nested options have words of their own, parted by commas: "-l walltime=1:00:00,place=scatter".
	nested []string
}

var schedulers = []scheduler{
	{name: "slurm", system: "slurm", prefix: "#SBATCH", account: "--account", queue: "--partition", long: map[string]string{
		"-A": "--account", "-C": "--constraint", "-D": "--chdir", "-G": "--gpus", "-J": "--job-name", "-N": "--nodes", "-a": "--array",
		"-c": "--cpus-per-task", "-e": "--error", "-n": "--ntasks", "-o": "--output", "-p": "--partition", "-q": "--qos", "-t": "--time",
	}},
	{name: "pbspro", system: "pbs", prefix: "#PBS", account: "-A", queue: "-q", nested: []string{"-l", "-W"}},
	{name: "torque", system: "pbs", prefix: "#PBS", account: "-A", queue: "-q", nested: []string{"-l", "-W"}},
	{name: "sge", system: "sge", prefix: "#$", account: "-P", queue: "-q", nested: []string{"-l"}},
	{name: "lsf", system: "lsf", prefix: "#BSUB", account: "-P", queue: "-q"},
	{name: "flux", system: "flux", prefix: "#flux:", account: "--setattr=bank", queue: "--queue", nested: []string{"--setattr"}, long: map[string]string{
		"-N": "--nodes", "-n": "--nslots", "-q": "--queue", "-t": "--time-limit", "-x": "--exclusive", "-B": "--setattr=bank", "--bank": "--setattr=bank",
	}},
	{name: "pjm", system: "pjm", prefix: "#PJM", account: "-g", queue: "-L rscgrp", nested: []string{"-L", "-x", "--mpi"}},
	{name: "htcondor", system: "htcondor", prefix: "#CONDOR", account: "accounting_group"},
}

// Schedulers lists the schedulers, and dialects of them, that a Site can name.
func Schedulers() []string {
	names := make([]string, len(schedulers))
	for i, s := range schedulers {
		names[i] = s.name
	}
	return names
}

func (s Site) scheduler() scheduler {
	i := slices.IndexFunc(schedulers, func(sch scheduler) bool { return sch.name == s.Scheduler })
	if i < 0 {
		return scheduler{}
	}
	return schedulers[i]
}

// An option is one that a script, or the user, gives a scheduler.
type option struct{ key, value string }

var attached = regexp.MustCompile(`^(-[A-Za-z])(\S.*)$`)

// options reads a directive: "--mem=0", "-q debug" and "-qdebug", or the several
// words of "-l walltime=1:00:00,place=scatter".
func (s scheduler) options(directive string) []option {
	directive = strings.TrimSpace(directive)
	if s.system == "htcondor" {
		key, value, _ := strings.Cut(directive, "=")
		return []option{{strings.TrimSpace(key), strings.TrimSpace(value)}}
	}
	key, value, _ := strings.Cut(directive, " ")
	if strings.HasPrefix(key, "--") {
		if i := strings.IndexAny(directive, "= "); i >= 0 {
			key, value = directive[:i], directive[i+1:]
		}
	} else if m := attached.FindStringSubmatch(key); m != nil && s.system == "slurm" {
		key, value = m[1], strings.TrimPrefix(m[2], "=")
	}
	if l, ok := s.long[key]; ok {
		key = l
	}
	value = strings.Trim(strings.TrimSpace(value), `"`)
	if !slices.Contains(s.nested, key) {
		return []option{{key, value}}
	}
	between := " "
	if strings.HasPrefix(key, "--setattr") {
		between = "="
	}
	var all []option
	for word := range strings.SplitSeq(value, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(word), "=")
		all = append(all, option{key + between + k, v})
	}
	return all
}

// given reads the options of a script, in order.
func (s scheduler) given(script string) []option {
	var all []option
	for line := range strings.Lines(script) {
		if d, ok := strings.CutPrefix(line, s.prefix+" "); ok {
			all = append(all, s.options(d)...)
		}
	}
	return all
}
