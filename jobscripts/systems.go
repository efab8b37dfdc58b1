package jobscripts

import (
	"embed"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed templates
var templates embed.FS

// systems are the batch systems that there are scripts for. PBS is PBS Pro,
// OpenPBS and Torque, SGE is every Grid Engine, PJM is Fujitsu's.
var systems = []string{"slurm", "pbs", "sge", "lsf", "flux", "pjm"}

// Systems lists the batch systems that there are scripts for.
func Systems() []string { return slices.Clone(systems) }

// known refuses a batch system that there are no scripts for.
func known(system string) error {
	if !slices.Contains(systems, system) {
		return fmt.Errorf("no script for %q: there is one for %s", system, strings.Join(systems, ", "))
	}
	return nil
}

// execute renders a template of templates with the body that it shares with those
// of the other systems.
func execute(kind, system string, data any) (string, error) {
	t, err := template.New(kind+"."+system).Funcs(template.FuncMap{
		"quote": quote, "words": Words, "clock": clock, "seconds": seconds, "minutes": minutes,
	}).ParseFS(templates, "templates/"+kind+"."+system, "templates/"+kind+".body")
	if err != nil {
		return "", fmt.Errorf("jobscripts: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("jobscripts: render %s: %w", system, err)
	}
	return strings.TrimRight(b.String(), "\n") + "\n", nil
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

// Words makes a line of the shell of words.
func Words(list []string) string {
	quoted := make([]string, len(list))
	for i, w := range list {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

// seconds is a time in whole seconds, rounded up; minutes likewise.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

// clock writes a time as batch systems do, hours:minutes:seconds, rounded up.
func clock(d time.Duration) string {
	s := seconds(d)
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
