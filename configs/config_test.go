package configs

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"muster/launcher"
	"muster/wire"
)

// The shipped profiles are read as they are: what they say must be known.
func TestShippedProfiles(t *testing.T) {
	want := make(map[string]string) // each launcher has the one of its name
	for _, name := range launcher.Names {
		want[name] = name
	}
	for _, name := range Shipped() {
		var c Config
		if err := Load(wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_"+name)}, &c); err != nil {
			t.Error(err)
		}
		if c.Engines.Launcher != want[name] {
			t.Errorf("profile %s: launcher %q, want %q", name, c.Engines.Launcher, want[name])
		}
		if c.Engines.Timeout != time.Minute {
			t.Errorf("profile %s: timeout %v", name, c.Engines.Timeout)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not shipped: %v", want)
	}
}

func TestLoadPrefersTheUsersFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "profile_mpi")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("[engines]\nn = 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Config{}
	c.Engines.Launcher = "local"
	if err := Load(wire.Profile{Dir: dir}, &c); err != nil {
		t.Fatal(err)
	}
	if c.Engines.N != 7 || c.Engines.Launcher != "local" {
		t.Errorf("got %+v, want 7 engines and the launcher left alone", c.Engines)
	}
}

func TestLoadOfAnUnknownNameReadsNothing(t *testing.T) {
	var c Config
	if err := Load(wire.Profile{Dir: filepath.Join(t.TempDir(), "profile_mine")}, &c); err != nil {
		t.Fatal(err)
	}
	if c.Engines.N != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"[controller]\nport = \"1\"\n", `f.toml:2: unknown key "controller.port" (did you mean "controller.ports"?)`},
		{"[controller]\nports = \"x\"\n", `f.toml:2: key "controller.ports": ports "x": want ports and ranges from 1 to 65535, such as 10101-10120,10200`},
		{"[controller]\nheart_period = \"3 s\"\n", `f.toml:2: key "controller.heart_period": invalid duration: "3 s": want one such as "90s" or "1h30m"`},
		{"# a comment\n[engine]\nnn = 3\n", `f.toml:2: unknown key "engine" (did you mean "engines"?)`},
		{"engine.nn = 3\n", `f.toml:1: unknown key "engine.nn" (did you mean "engines.n"?)`},
		{"\n\n[engines]\nn = 2\nlauncer = \"mpi\"\n", `f.toml:5: unknown key "engines.launcer" (did you mean "engines.launcher"?)`},
		{"[engines.mpi]\ncomand = [\"mpirun\"]\n", `f.toml:2: unknown key "engines.mpi.comand" (did you mean "engines.mpi.command"?)`},
		{"[engines]\nentirely_something_else = 1\n", `f.toml:2: unknown key "engines.entirely_something_else"`},
		{"[engines]\nN = 4\n", `f.toml:2: unknown key "engines.N" (did you mean "engines.n"?)`},
		{"[engines.slurm]\npartion = \"x\"\n", `f.toml:2: unknown key "engines.slurm.partion" (did you mean "engines.slurm.partition"?)`},
		{"[engines.sge]\nset_up = []\n", `f.toml:2: unknown key "engines.sge.set_up" (did you mean "engines.sge.setup"?)`},
		{"[engines.slurm]\ntime = \"01:00:00\"\n", `f.toml:2: key "engines.slurm.time": invalid duration: "01:00:00": want one such as "90s" or "1h30m"`},
		{"[engines]\n\"another key\" = 1\n", `f.toml:2: unknown key "engines.\"another key\""`},
		{"[engines]\nn = \"four\"\n", `f.toml:2: key "engines.n": want integer, found string`},
		{"[engines]\n\nlauncher = 4\n", `f.toml:3: key "engines.launcher": want string, found integer`},
		{"[engines]\ntimeout = \"soon\"\n", `f.toml:2: key "engines.timeout": invalid duration: "soon": want one such as "90s" or "1h30m"`},
		{"engines = 4\n", `f.toml:1: key "engines": want table, found integer`},
		{"[engines]\nn = \n", `f.toml:2: key "engines.n": expected value but found '\n' instead`},
		{"[engines]\nn = 1\nn = 2\n", `f.toml:3: key "engines.n": Key 'engines.n' has already been defined.`},
		{"[engines]\nn = 99999999999999999999\n", `f.toml:2: key "engines.n": 99999999999999999999 is out of range for int64`},
	} {
		var c Config
		err := Decode("f.toml", []byte(tt.text), &c)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q:\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestNearest(t *testing.T) {
	all := []string{"engines", "engines.n", "engines.launcher", "controller.ip"}
	for key, want := range map[string]string{
		"engine.nn": "engines.n", "engines.N": "engines.n", "controler.ip": "controller.ip", "wholly.unlike": "", "": "",
	} {
		if got := Nearest(key, all); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", key, got, want)
		}
	}
}

// The four layers, one at a time: each counts more than those before it.
func TestFlagOverEnvironmentOverProfileOverDefault(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, FileName), []byte("[engines]\nn = 3\n[engines.mpi]\ncommand = [\"a\", \"b\"]\n[controller]\nip = \"0.0.0.0\"\nports = \"1-2\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	parse := func(args ...string) (Config, Selection, error) {
		c := Config{}
		c.Engines.N = 1
		var sel Selection
		fs := pflag.NewFlagSet("t", pflag.ContinueOnError)
		sel.AddFlags(fs)
		fs.IntVarP(&c.Engines.N, "n", "n", c.Engines.N, "")
		fs.StringSliceVar(&c.Engines.MPI.Command, "mpirun", nil, "")
		fs.TextVar(&c.Controller.Ports, "ports", c.Controller.Ports, "")
		calls := 0
		fs.BoolFunc("once", "", func(string) error { calls++; return nil })
		err := Parse(fs, args, func() error {
			p, err := sel.Profile()
			if err != nil {
				return err
			}
			return Load(p, &c)
		})
		if calls > 1 {
			t.Errorf("--once acted %d times", calls)
		}
		return c, sel, err
	}
	t.Setenv("IPYTHONDIR", t.TempDir())
	t.Setenv("IPP_PROFILE_DIR", "")
	t.Setenv("IPP_CLUSTER_ID", "")
	if c, _, err := parse(); err != nil || c.Engines.N != 1 {
		t.Errorf("default: %d, %v", c.Engines.N, err)
	}
	t.Setenv("IPP_PROFILE_DIR", dir)
	t.Setenv("IPP_CLUSTER_ID", "e")
	if c, sel, err := parse(); err != nil || c.Engines.N != 3 || sel.ClusterID != "e" {
		t.Errorf("profile from the environment: %d, id %q, %v", c.Engines.N, sel.ClusterID, err)
	}
	c, sel, err := parse("-n", "5", "--mpirun", "x,y", "--cluster-id=", "--ports", "7-9", "--once")
	if err != nil || c.Engines.N != 5 || !slices.Equal(c.Engines.MPI.Command, []string{"x", "y"}) || sel.ClusterID != "" {
		t.Errorf("flags: %+v, id %q, %v", c.Engines, sel.ClusterID, err)
	}
	if c.Controller.IP != "0.0.0.0" || !slices.Equal(c.Controller.Ports, []int{7, 8, 9}) {
		t.Errorf("controller: %+v", c.Controller)
	}
	// A named profile on the command line is not overruled by a directory in the environment.
	if c, _, err := parse("--profile", "mine"); err != nil || c.Engines.N != 1 {
		t.Errorf("--profile: %d, %v", c.Engines.N, err)
	}
	for _, args := range [][]string{{"--profile", "x", "--profile-dir", "y"}, {"--profile", "../x"}, {"-n", "many"}} {
		if _, _, err := parse(args...); err == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("[engines]\nn = 4\n"))
	f.Add([]byte("[[engines]]\nx.y.\"z w\" = {a = 1}\n"))
	f.Add([]byte("a.b.c = [1, {d = 2}]\n[a]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var c Config
		if err := Decode("f.toml", text, &c); err != nil && len(err.Error()) < len("f.toml") {
			t.Errorf("%q: an error without the file's name: %v", text, err)
		}
	})
}
