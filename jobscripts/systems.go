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
// Scripts for HTCondor, which reads none, have its submit description in lines of their own.
var systems = []string{"slurm", "pbs", "sge", "lsf", "flux", "pjm", "htcondor"}

// prefixes are what lines of directives begin with.
var prefixes = map[string]string{"slurm": "#SBATCH ", "pbs": "#PBS ", "sge": "#$ ", "lsf": "#BSUB ", "flux": "#flux: ", "pjm": "#PJM ", "htcondor": "#CONDOR "}

// Systems lists the batch systems that there are scripts for.
func Systems() []string { return slices.Clone(systems) }

// A Form changes a script beyond what its fields say.
type Form struct {
	// Template takes the place of the shipped one, which is in the folder templates. It may
	// use what that defines: {{template "engines.body" .}} is all that follows the
	// directives.
	Template string
	// Drop is directives to leave out, as in "--open-mode" or "-l place".
	Drop []string
}

// drop leaves directives out of a script.
func (f Form) drop(system, script string) string {
	if len(f.Drop) == 0 {
		return script
	}
	var kept strings.Builder
	for line := range strings.Lines(script) {
		directive, ok := strings.CutPrefix(line, prefixes[system])
		if !ok || !slices.ContainsFunc(f.Drop, func(d string) bool {
			rest, ok := strings.CutPrefix(directive, d)
			return ok && strings.ContainsAny(rest[:1], "= \n")
		}) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// known refuses a batch system that there are no scripts for.
func known(system string) error {
	if !slices.Contains(systems, system) {
		return fmt.Errorf("no script for %q: there is one for %s", system, strings.Join(systems, ", "))
	}
	return nil
}

// execute renders a template of templates with the body that it shares with those
// of the other systems.
func execute(kind, system string, form Form, data any) (string, error) {
	t, err := template.New(kind+"."+system).Funcs(template.FuncMap{
		"quote": quote, "words": Words, "clock": clock, "seconds": seconds, "minutes": minutes,
	}).ParseFS(templates, "templates/broadcast", "templates/warning", "templates/pmi", "templates/"+kind+".body", "templates/"+kind+"."+system)
	if err != nil {
		return "", fmt.Errorf("jobscripts: %w", err)
	}
	if form.Template != "" {
		if t, err = t.Parse(form.Template); err != nil {
			return "", fmt.Errorf("jobscripts: template for %s: %w", system, err)
		}
	}
	var b strings.Builder
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("jobscripts: render %s: %w", system, err)
	}
	return form.drop(system, strings.TrimRight(b.String(), "\n")+"\n"), nil
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
