package configs

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/jobscripts"
	"muster/launcher/site"
	"muster/wire"
)

var update = flag.Bool("update", false, "rewrite the rendered scripts of sites")

// read loads a shipped profile of a machine.
func read(t *testing.T, name string) Config {
	t.Helper()
	var c Config
	if err := Load(wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_"+name)}, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// scripts renders what is submitted for a request: a set of engines, and a whole cluster.
func scripts(s site.Site, r site.Request) (engines, cluster string, err error) {
	plan, err := s.Plan(r)
	if err != nil {
		return "", "", err
	}
	e := plan.Engines()
	e.Name, e.Args, e.Dir, e.Log, e.Report = "ipengine", []string{"ipengine", "--mpi"}, "/run", "/run/ipengine.log", "/run/ipengine.report"
	if engines, err = jobscripts.RenderEngines(plan.System, e); err != nil {
		return "", "", err
	}
	if cluster, err = jobscripts.Render(plan.System, plan.Cluster()); err != nil {
		return "", "", err
	}
	return engines, cluster, errors.Join(s.Check(engines), s.Check(cluster))
}

// Every shipped site has its rules here, and follows them.
func TestSites(t *testing.T) {
	for _, name := range Sites() {
		rules, ok := ruled[name]
		if !ok {
			t.Errorf("site %s has no rules in this test", name)
		}
		t.Run(name, func(t *testing.T) {
			c := read(t, name)
			if c.Site.Name == "" || c.Site.AsOf == "" || len(c.Site.Source) == 0 {
				t.Errorf("it has to say its name, as_of and source: %q, %q, %q", c.Site.Name, c.Site.AsOf, c.Site.Source)
			}
			for _, s := range rules.submits {
				s.check(t, c.Site)
			}
			for _, r := range rules.refuses {
				r.check(t, c.Site)
			}
			checkLogin(t, c.Site, rules.submits[0].request)
			if i := c.Site.Network.Interface; i != "" {
				if _, cluster, err := scripts(c.Site, rules.submits[0].request); err != nil || !strings.Contains(cluster, "|| ip="+i+",0.0.0.0\n") {
					t.Errorf("a whole cluster does not prefer %s (%v):\n%s", i, err, cluster)
				}
			}
		})
	}
	if len(ruled) != len(Sites()) || len(ruled) < 18 {
		t.Errorf("rules of %d sites, and %d sites: want 18 at least, and rules of all", len(ruled), len(Sites()))
	}
}

// checkLogin asks for a job whose controller is on a login node: it is planned, unless
// compute nodes are known not to reach that; and the whole cluster as a job always is.
func checkLogin(t *testing.T, s site.Site, r site.Request) {
	t.Helper()
	for _, known := range []*bool{s.Network.Login, new(false), new(true)} {
		s.Network.Login = known
		for _, r.Outside = range []bool{false, true} {
			_, err := s.Plan(r)
			var refusal *site.Refusal
			if forbidden := r.Outside && known != nil && !*known; !forbidden && err != nil {
				t.Errorf("outside: %v: %v", r.Outside, err)
			} else if forbidden && (!errors.As(err, &refusal) || refusal.Rule != "network.login_reachable" || !strings.Contains(refusal.Remedy, "ipcluster script")) {
				t.Errorf("a controller on a login node that nodes do not reach: %v", err)
			}
		}
	}
}

// check holds the script to its twin, and to each rule by itself.
func (s submission) check(t *testing.T, of site.Site) {
	t.Helper()
	engines, cluster, err := scripts(of, s.request)
	if err != nil {
		t.Errorf("%+v: %v", s.request, err)
		return
	}
	file := filepath.Join("testdata", "sites", s.file)
	if *update {
		if err := os.WriteFile(file, []byte(engines), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || engines != string(want) {
		t.Errorf("%s (%v) is not what is rendered; -update rewrites it. Rendered:\n%s", file, err, engines)
	}
	lines := strings.Split(engines, "\n")
	for _, d := range s.demands {
		if !slices.Contains(lines, d.line) {
			t.Errorf("%s: %s: no line %q in\n%s", s.file, d.rule, d.line, engines)
		}
		if strings.HasPrefix(d.line, "#") && !strings.Contains(cluster, d.line+"\n") {
			t.Errorf("%s: %s: no line %q in the whole cluster's\n%s", s.file, d.rule, d.line, cluster)
		}
	}
	for _, never := range s.without {
		if strings.Contains(engines, never) || strings.Contains(cluster, never) {
			t.Errorf("%s has %q:\n%s", s.file, never, engines)
		}
	}
	for _, script := range []string{engines, cluster} {
		bash := exec.Command("bash", "-n")
		bash.Stdin = strings.NewReader(script)
		if out, err := bash.CombinedOutput(); err != nil {
			t.Errorf("%s: bash -n: %v\n%s\n%s", s.file, err, out, script)
		}
	}
}

// check holds the refusal to its rule, its reason and its remedy.
func (r refused) check(t *testing.T, of site.Site) {
	t.Helper()
	_, _, err := scripts(of, r.request)
	var refusal *site.Refusal
	if !errors.As(err, &refusal) {
		t.Errorf("%+v: error %v, want a refusal by rule %s", r.request, err, r.rule)
		return
	}
	if !slices.Contains(strings.Split(refusal.Rule, ", "), r.rule) && refusal.Rule != r.rule {
		t.Errorf("%+v is refused by rule %q, want %q", r.request, refusal.Rule, r.rule)
	}
	if !strings.Contains(refusal.Reason, r.says) || !strings.Contains(refusal.Remedy, r.remedy) || refusal.Remedy == "" {
		t.Errorf("%+v is refused as\n%v\nwant it to say %q, and %q", r.request, err, r.says, r.remedy)
	}
}

// A script that is somebody's own is held to the rules too.
func TestSitesCheckScripts(t *testing.T) {
	for name, cases := range map[string]map[string]string{
		"perlmutter": {
			"#SBATCH -A m1234\n#SBATCH -q debug\n#SBATCH -Ccpu\n#SBATCH -t 5\nsrun true\n":         "",
			"#SBATCH -A m1234\n#SBATCH -q debug\n#SBATCH -t 5\nsrun true\n":                        "required --constraint",
			"#SBATCH --qos=debug\n#SBATCH --constraint=cpu\n#SBATCH --time=5\n":                    "account.required",
			"#SBATCH --account=m\n#SBATCH --qos=debug\n#SBATCH --constraint cpu\n# --time=5\n":     "required --time",
			"#SBATCH --account=m\n#SBATCH --constraint=cpu\n#SBATCH --time=5\n##SBATCH -q debug\n": "required --qos",
		},
		"polaris": {
			"#PBS -A p\n#PBS -l select=1:system=polaris,walltime=1:00:00\n#PBS -l filesystems=home\n#PBS -k doe\n": "",
			"#PBS -A p\n#PBS -l select=1,walltime=1:00:00,filesystems=home\n#PBS -k oe\n":                          "fixed -k",
			"#PBS -A p\n#PBS -l nodes=1:ppn=4,walltime=1:00:00,filesystems=home\n#PBS -k doe\n":                    "forbidden -l nodes",
			"#PBS -A p\n#PBS -l select=1,walltime=1:00:00\n#PBS -k doe\n":                                          "required -l filesystems",
		},
		"fugaku": {
			"#PJM -L \"node=2,rscgrp=small,elapse=1:00\"\n#PJM -x PJM_LLIO_GFSCACHE=/vol0004\n": "",
			"#PJM -L \"node=2,elapse=1:00\"\n#PJM -x PJM_LLIO_GFSCACHE=/vol0004\n":              "required -L rscgrp",
		},
		"tuolumne": {
			"#flux: -N2 -x\n#flux: --nodes=2\n#flux: -x\n#flux: -t 5m\n#flux: -q pdebug\n#flux: -B guests\n": "",
			"#flux: --nodes=2\n#flux: -t 5m\n#flux: -q pdebug\n#flux: --setattr=bank=guests\n":               "required --exclusive",
			"#flux: --nodes=2\n#flux: --exclusive\n#flux: -t 5m\n#flux: -q pdebug\n":                         "account.required",
		},
	} {
		s := read(t, name).Site
		for script, rule := range cases {
			err := s.Check(script)
			var refusal *site.Refusal
			if got := ""; errors.As(err, &refusal) {
				if got = refusal.Rule; got != rule {
					t.Errorf("%s: %q is refused by rule %q, want %q", name, script, got, rule)
				}
			} else if err != nil || rule != "" {
				t.Errorf("%s: %q: %v, want rule %q", name, script, err, rule)
			}
		}
	}
}
