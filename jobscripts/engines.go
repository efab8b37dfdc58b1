package jobscripts

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"text/template"
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

	Account   string // Slurm: whom to charge; "" is the user's default
	Partition string // Slurm: where to run; "" is the site's default
	Project   string // Grid Engine: whom to charge; "" is the user's default
	Queue     string // Grid Engine: where to run; "" is any
	PE        string // Grid Engine: the parallel environment

	Directives []string // more options, as in "--constraint=cpu"
	Setup      []string // lines of shell before anything starts, as in "module load openmpi"
	Env        []string // "NAME=value", exported to the copies
	Launch     []string // the words that, with "-n" and N, start a program N times
	Args       []string // the program and its arguments

	Dir    string // working directory
	Log    string // takes all output; created beforehand, with the mode it is to have
	Report string // the script adds a line here when it starts and when it ends
}

// The lines of a report. A script that was not killed outright ends with one
// of the last two.
const (
	ReportRunning = "running" // and the host
	ReportEnded   = "ended"   // and the exit status
	ReportTold    = "told"    // to end, and the signal by which the batch system said so
)

var (
	// A directive's words are parted by spaces, and batch systems give some
	// characters in names of files a meaning of their own.
	directiveWord = regexp.MustCompile(`^[^\x00-\x20"'\x60\\$%*:;|&<>()]*$`)
	envName       = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=`)
)

// RenderEngines returns the script of one job of engines for a batch system:
// "slurm" or "sge".
func RenderEngines(system string, e Engines) (string, error) {
	if err := e.validate(); err != nil {
		return "", fmt.Errorf("jobscripts: %w", err)
	}
	t, err := template.New("engines."+system).Funcs(template.FuncMap{
		"quote": quote, "words": words, "clock": clock, "seconds": func(d time.Duration) int { return int(d.Seconds()) },
	}).ParseFS(templates, "templates/engines."+system, "templates/engines.body")
	if err != nil {
		return "", fmt.Errorf("jobscripts: no script for engines under %q: there is one for slurm and sge", system)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, e); err != nil {
		return "", fmt.Errorf("jobscripts: render %s: %w", system, err)
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
}

func (e Engines) validate() error {
	for _, f := range []struct{ what, value string }{
		{"name", e.Name}, {"account", e.Account}, {"partition", e.Partition}, {"project", e.Project}, {"queue", e.Queue},
		{"parallel environment", e.PE}, {"working directory", e.Dir}, {"log", e.Log},
	} {
		if !directiveWord.MatchString(f.value) {
			return fmt.Errorf("%s %q: it becomes part of a directive, in which spaces and any of \"'`\\$%%*:;|&<>() cannot stand", f.what, f.value)
		}
	}
	for _, d := range e.Directives {
		if !plain.MatchString(d) {
			return fmt.Errorf("directive %q: quotes, backslashes and line breaks cannot stand in a directive", d)
		}
	}
	for _, v := range e.Env {
		if !envName.MatchString(v) {
			return fmt.Errorf("environment %q: want NAME=value", v)
		}
	}
	switch {
	case e.N < 1 || e.Nodes < 0 || e.PerNode < 0:
		return fmt.Errorf("%d engines on %d nodes, %d on each: these cannot be negative, and there must be an engine", e.N, e.Nodes, e.PerNode)
	case e.Time < time.Second:
		return fmt.Errorf("longest run time %v: want a second at least", e.Time)
	case e.Name == "" || e.Dir == "" || e.Log == "" || e.Report == "":
		return errors.New("name, working directory, log and report must be given")
	case len(e.Args) == 0 || len(e.Launch) == 0:
		return errors.New("a program, and the words that launch it, must be given")
	}
	return nil
}

// quote makes one word of the shell of any text.
func quote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./,:@%", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// words makes a line of the shell of words.
func words(list []string) string {
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// clock writes a time as batch systems do, hours:minutes:seconds, rounded up.
func clock(d time.Duration) string {
	s := int((d + time.Second - 1) / time.Second)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
