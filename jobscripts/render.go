package jobscripts

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"
)

// A Cluster is what a script is rendered for. The zero values of fields are
// replaced by those of [Defaults].
type Cluster struct {
	Name       string   // of the job
	Nodes      int      // to ask for
	PerNode    int      // engines on each node
	Time       string   // longest run time, as the batch system writes it
	Account    string   // "" leaves it to the user
	Partition  string   // "" leaves it to the site
	Directives []string // more options, as in "--constraint=cpu"
	Setup      []string // lines of shell before anything starts, as in "module load openmpi"
	ProfileDir string   // a directory that all nodes see; may name variables of the shell
	Controller string   // the program, as the shell of the first node finds it
	Engine     string   // the program, as each node finds it
	Launch     string   // the words that start a program once for each engine
}

// Defaults returns what ipcluster.slurm as shipped is rendered with: a node
// of four engines for an hour, and a profile directory in the one the job was
// submitted from, which compute nodes see where they may not see the home directory.
func Defaults() Cluster {
	return Cluster{
		Name: "ipcluster", Nodes: 1, PerNode: 4, Time: "01:00:00",
		ProfileDir: "$SLURM_SUBMIT_DIR/profile_slurm", Controller: "ipcontroller", Engine: "ipengine", Launch: "srun",
	}
}

//go:embed templates
var templates embed.FS

// Systems lists the batch systems that there is a script for.
func Systems() []string { return []string{"slurm"} }

// plain is what may stand on a line of directives: no line break, no quoting.
var plain = regexp.MustCompile(`^[^\x00-\x1f"'\x60\\]*$`)

// Render returns the script for a batch system.
func Render(system string, c Cluster) (string, error) {
	d := Defaults()
	for _, f := range []struct {
		to   *string
		from string
	}{
		{&c.Name, d.Name}, {&c.Time, d.Time}, {&c.ProfileDir, d.ProfileDir},
		{&c.Controller, d.Controller}, {&c.Engine, d.Engine}, {&c.Launch, d.Launch},
	} {
		if *f.to == "" {
			*f.to = f.from
		}
	}
	if c.Nodes == 0 {
		c.Nodes = d.Nodes
	}
	if c.PerNode == 0 {
		c.PerNode = d.PerNode
	}
	for name, v := range map[string]string{
		"name": c.Name, "time": c.Time, "account": c.Account, "partition": c.Partition,
		"profile directory": c.ProfileDir, "directive": strings.Join(c.Directives, ""),
	} {
		if !plain.MatchString(v) {
			return "", fmt.Errorf("jobscripts: %s %q: quotes, backslashes and line breaks cannot stand in a directive", name, v)
		}
	}
	if c.Nodes < 0 || c.PerNode < 0 {
		return "", fmt.Errorf("jobscripts: %d nodes of %d engines: both must be positive", c.Nodes, c.PerNode)
	}
	t, err := template.ParseFS(templates, "templates/ipcluster."+system)
	if err != nil {
		return "", fmt.Errorf("jobscripts: no script for %q: there is one for %s", system, strings.Join(Systems(), ", "))
	}
	var b bytes.Buffer
	if err := t.Execute(&b, c); err != nil {
		return "", fmt.Errorf("jobscripts: render %s: %w", system, err)
	}
	return b.String(), nil
}
