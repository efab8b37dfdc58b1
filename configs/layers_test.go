package configs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/launcher/site"
	"muster/wire"
)

// own makes profiles of the user's, by their names, and returns one of them.
func own(t *testing.T, name string, files map[string]string) wire.Profile {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		p := wire.Profile{Dir: filepath.Join(root, "profile_"+name)}
		if err := os.MkdirAll(p.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(p.Dir, FileName), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return wire.Profile{Dir: filepath.Join(root, "profile_"+name)}
}

func TestExtendsPutsLayersOnTopOfEachOther(t *testing.T) {
	p := own(t, "mine", map[string]string{
		"group": `
extends = "frontera"
[job]
account = "group"
time = "2h"
[[site.queues]]
name = "normal"
max_nodes = 100
[[site.queues]]
name = "reserved"
on_request = true
note = "of the group"
`,
		"mine": `
extends = "group"
[job]
account = "mine"
[site.mpi]
environment = ["I_MPI_DEBUG=5"]
[[site.forbidden]]
directive = "--hold"
why = "nobody would release it"
remedy = "leave it out"
`})
	var c Config
	if err := Load(p, &c); err != nil {
		t.Fatal(err)
	}
	if c.Job.Account != "mine" || c.Job.Time != 2*time.Hour || c.Site.Name != "Frontera (TACC)" || !slices.Contains(c.Site.MPI.Environment, "I_MPI_DEBUG=5") {
		t.Errorf("got %+v of %s, environment %v", c.Job, c.Site.Name, c.Site.MPI.Environment)
	}
	var names []string
	for _, q := range c.Site.Queues {
		names = append(names, q.Name)
		if q.Name == "normal" && (q.MaxNodes != 100 || q.MinNodes != 0 || q.MaxTime != 0) {
			t.Errorf("a queue of the same name is not replaced as a whole: %+v", q)
		}
	}
	if want := []string{"reserved", "small", "normal", "large", "development", "flex"}; !slices.Equal(names, want) {
		t.Errorf("queues %q, want %q", names, want)
	}
	if len(c.Site.Forbidden) != 3 || len(c.Site.Required) != 3 {
		t.Errorf("rules: %+v, %+v", c.Site.Forbidden, c.Site.Required)
	}
	layers, err := Layers(p)
	if err != nil || len(layers) != 3 || layers[0].Name != "configs/sites/frontera.toml" || !strings.HasSuffix(layers[2].Name, "profile_mine/ipcluster.toml") {
		t.Errorf("layers %v, %v", layers, err)
	}
}

// A profile may have the name of the shipped one that it extends.
func TestExtendsTheShippedProfileOfItsOwnName(t *testing.T) {
	p := own(t, "perlmutter", map[string]string{"perlmutter": "extends = \"perlmutter\"\n[job]\naccount = \"m1\"\n"})
	var c Config
	if err := Load(p, &c); err != nil || c.Job.Account != "m1" || c.Site.Scheduler != "slurm" {
		t.Errorf("%+v, %v", c.Job, err)
	}
}

func TestLayerErrors(t *testing.T) {
	for want, text := range map[string]string{
		`ipcluster.toml extends perlmuter: profile: "perlmuter": file does not exist (did you mean "perlmutter"?): ipcluster profile list`: `extends = "perlmuter"`,
		`key "extends": "../x": want the name of a profile, not a path`:                                                                    `extends = "../x"`,
		`profile_mine/ipcluster.toml is read already: profiles cannot extend each other`:                                                   `extends = "mine"`,
		`ipcluster.toml:3: unknown key "site.queues.max_node" (did you mean "site.queues.max_nodes"?)`:                                     "[[site.queues]]\nname = \"a\"\nmax_node = 4\n",
		`ipcluster.toml:5: unknown key "site.queues.limits.max_tim" (did you mean "site.queues.limits.max_time"?)`:                         "[[site.queues]]\nname = \"a\"\n[[site.queues.limits]]\nmax_nodes = 4\nmax_tim = \"2h\"\n",
		`ipcluster.toml:2: key "site.nodes.cores": want integer, found string`:                                                             "[[site.nodes]]\ncores = \"many\"\n",
		`ipcluster.toml:2: key "site.network.login_reachable": want boolean, found string`:                                                 "[site.network]\nlogin_reachable = \"perhaps\"\n",
		`ipcluster.toml:2: key "job.time": invalid duration: "2:00:00": want one such as "90s" or "1h30m"`:                                 "[job]\ntime = \"2:00:00\"\n",
		`ipcluster.toml:2: unknown key "job.acount" (did you mean "job.account"?)`:                                                         "[job]\nacount = \"m1\"\n",
		`ipcluster.toml: site: scheduler "slrum": known are slurm, pbspro`:                                                                 "[site]\nscheduler = \"slrum\"\n",
		`ipcluster.toml: site: queue "a" is said to have nodes of kind "x"`:                                                                "extends = \"frontera\"\n[[site.queues]]\nname = \"a\"\nnodes = [\"x\"]\n",
		`ipcluster.toml:1: key "site.mpi.environment": want array, found integer`:                                                          "site.mpi.environment = 4\n",
	} {
		err := Load(own(t, "mine", map[string]string{"mine": text}), new(Config))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\n got %v\nwant %s", text, err, want)
		}
	}
	p := own(t, "a", map[string]string{"a": `extends = "b"`, "b": `extends = "a"`})
	if err := Load(p, new(Config)); err == nil || !strings.Contains(err.Error(), "profiles cannot extend each other") {
		t.Errorf("two that extend each other: %v", err)
	}
}

// What is said counts more than the environment, that more than the profile.
func TestAccountBySourceOfTheWord(t *testing.T) {
	var c Config
	if err := Load(own(t, "mine", map[string]string{"mine": "extends = \"perlmutter\"\n[job]\naccount = \"profile\"\n"}), &c); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SBATCH_ACCOUNT", "")
	if got, err := c.Request(site.Request{}); err != nil || got.Account != "profile" {
		t.Errorf("account %q, %v, want the profile's", got.Account, err)
	}
	t.Setenv("SBATCH_ACCOUNT", "environment")
	if got, err := c.Request(site.Request{}); err != nil || got.Account != "environment" {
		t.Errorf("account %q, %v, want the environment's", got.Account, err)
	}
	if got, err := c.Request(site.Request{Account: "said"}); err != nil || got.Account != "said" {
		t.Errorf("account %q, %v, want the one that is said", got.Account, err)
	}
}

func TestPlace(t *testing.T) {
	t.Setenv("SBATCH_ACCOUNT", "")
	var c Config
	if err := Load(own(t, "perlmutter", nil), &c); err != nil {
		t.Fatal(err)
	}
	if err := c.Place(site.Request{Account: "m1", Nodes: 2, PerNode: 4}, 0); err != nil {
		t.Fatal(err)
	}
	if c.Engines.Launcher != "slurm" || c.Engines.N != 8 || c.Engines.Slurm.Site == nil {
		t.Errorf("got %+v", c.Engines)
	}
	e, err := c.Engines.Slurm.Site.Place(6)
	if err != nil || e.N != 6 || e.Account != "m1" || !slices.Contains(e.Directives, "--qos=regular") {
		t.Errorf("a job of six: %+v, %v", e, err)
	}
	c = Config{}
	if err := Load(own(t, "archer2", nil), &c); err != nil {
		t.Fatal(err)
	}
	if err := c.Place(site.Request{Account: "t01"}, 0); err != nil || c.Engines.Slurm.Poll != time.Minute {
		t.Errorf("ARCHER2 is asked every %v, %v: want a minute, its floor", c.Engines.Slurm.Poll, err)
	}
	c = Config{}
	if err := Load(own(t, "perlmutter", nil), &c); err != nil {
		t.Fatal(err)
	}
	if err := c.Place(site.Request{}, 4); err == nil || !strings.Contains(err.Error(), "Perlmutter (NERSC): every job names the account that is charged") {
		t.Errorf("without an account: %v", err)
	}
	// Each scheduler has its launcher.
	for name, launcher := range map[string]string{"polaris": "pbs", "tuolumne": "flux", "fugaku": "pjm"} {
		var c Config
		if err := Load(own(t, name, nil), &c); err != nil {
			t.Fatal(err)
		}
		r := site.Request{Account: "a", Directives: map[string][]string{"fugaku": {"-x PJM_LLIO_GFSCACHE=/vol0004"}}[name]}
		if err := c.Place(r, 4); err != nil || c.Engines.Launcher != launcher || c.Engines.Batch().Site == nil || c.Engines.N != 4 {
			t.Errorf("%s: launcher %q, %d engines, %v", name, c.Engines.Launcher, c.Engines.N, err)
		}
	}
}

// A profile that describes no site has the launcher's own section asked.
func TestPlaceWithoutASite(t *testing.T) {
	r := site.Request{Account: "a", Queue: "q", Time: time.Minute, Warning: time.Second, Chain: 2, Directives: []string{"-x"}, Setup: []string{"module load m"}, Launch: []string{"mpirun"}}
	var c Config
	c.Engines.Launcher, c.Engines.Slurm.Partition, c.Engines.Slurm.Directives = "slurm", "theirs", []string{"-y"}
	c.Job.Nodes, c.Job.PerNode = 2, 3
	if err := c.Place(r, 0); err != nil {
		t.Fatal(err)
	}
	s := c.Engines.Slurm
	if s.Account != "a" || s.Partition != "q" || s.Nodes != 2 || s.PerNode != 3 || s.Time != time.Minute || s.Warning != time.Second || s.Chain != 2 || !slices.Equal(s.Directives, []string{"-y", "-x"}) ||
		!slices.Equal(s.Setup, r.Setup) || !slices.Equal(s.Launch, r.Launch) {
		t.Errorf("got %+v", s)
	}
	c = Config{}
	c.Engines.Launcher = "sge"
	if err := c.Place(r, 0); err != nil || c.Engines.SGE.Project != "a" || c.Engines.SGE.Queue != "q" {
		t.Errorf("got %+v, %v", c.Engines.SGE, err)
	}
	if err := c.Place(site.Request{Nodes: 2}, 0); err == nil || !strings.Contains(err.Error(), "gives slots, not nodes") {
		t.Errorf("nodes of Grid Engine: %v", err)
	}
	if err := c.Place(site.Request{Kind: "gpu"}, 0); err == nil || !strings.Contains(err.Error(), "job.kind") {
		t.Errorf("a kind of nodes of no site: %v", err)
	}
	c = Config{Job: r}
	if err := c.Place(site.Request{}, 0); err != nil || c.Engines.Launcher != "" {
		t.Errorf("engines of this machine: %+v, %v", c.Engines, err)
	}
	if err := c.Place(r, 0); err == nil || !strings.Contains(err.Error(), `2 more jobs after the first: engines of launcher "local" are no job`) {
		t.Errorf("a chain of engines of this machine: %v", err)
	}
	c.Engines.Launcher = "htcondor"
	if err := c.Place(r, 4); err != nil {
		t.Fatal(err)
	}
	c.Engines.N = 4
	c.Engines.HTCondor.Queue = ""
	if err := c.Engines.Validate(); err == nil || !strings.Contains(err.Error(), "HTCondor orders nothing but the nodes of a DAG") {
		t.Errorf("a chain of HTCondor: %v", err)
	}
}

func TestWriteIsReadBack(t *testing.T) {
	r := site.Request{Nodes: 2, PerNode: 4, Time: 90 * time.Minute, Warning: 5 * time.Minute, Chain: 3, Kind: "gpu", Queue: "regular", Account: "m1_g", Directives: []string{"--exclusive"}, Setup: []string{`export A="b"`}, Broadcast: true}
	text, err := Write("perlmutter", r)
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	if err := Decode("f.toml", []byte(text), &c); err != nil {
		t.Fatal(err)
	}
	if again, err := Write(c.Extends, c.Job); err != nil || again != text || c.Job.Time != r.Time || c.Job.Warning != r.Warning || c.Job.Chain != r.Chain || c.Job.Setup[0] != r.Setup[0] {
		t.Errorf("%v\n%s\nis read as\n%s", err, text, again)
	}
	if text, err := Write("", site.Request{}); err != nil || text != "" {
		t.Errorf("a profile that says nothing: %q, %v", text, err)
	}
}

// A template lies beside the profile that names it, and what it makes is held to the rules.
func TestTemplateOfAProfile(t *testing.T) {
	t.Setenv("SBATCH_ACCOUNT", "")
	p := own(t, "mine", map[string]string{
		"base": "extends = \"perlmutter\"\n[job]\ntemplate = \"engines.slurm\"\naccount = \"m1\"\n",
		"mine": "extends = \"base\"\n[job]\ndrop = [\"--no-requeue\"]\n",
	})
	var c Config
	if err := Load(p, &c); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(filepath.Dir(p.Dir), "profile_base", "engines.slurm")
	if c.Job.Template != file {
		t.Errorf("template %s, want %s", c.Job.Template, file)
	}
	if err := c.Place(site.Request{}, 0); err == nil || !strings.Contains(err.Error(), "template of the job script: open "+file) {
		t.Errorf("a template that is not there: %v", err)
	}
	if err := os.WriteFile(file, []byte("#!/bin/bash\n#SBATCH --account={{.Account}}\n{{template \"engines.body\" .}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.Place(site.Request{}, 0); err != nil {
		t.Fatal(err)
	}
	e, err := c.Engines.Slurm.Site.Place(4)
	if err != nil || !strings.HasPrefix(e.Form.Template, "#!/bin/bash\n#SBATCH --account=") || !slices.Equal(e.Form.Drop, []string{"--no-requeue"}) {
		t.Errorf("%+v, %v", e.Form, err)
	}
	if err := c.Engines.Slurm.Site.Check("#!/bin/bash\n#SBATCH --account=m1\n"); err == nil || !strings.Contains(err.Error(), "(rule required --constraint)") {
		t.Errorf("a template without a constraint: %v", err)
	}
}
