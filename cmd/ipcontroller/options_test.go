package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/controller"
)

// parse reads arguments in an empty environment.
func parse(t *testing.T, args ...string) (controller.Config, []string, error) {
	t.Helper()
	for _, name := range []string{"IPP_PROFILE_DIR", "IPP_CLUSTER_ID", "IPP_ENABLE_CURVE", "IPP_CURVE_PUBLICKEY", "IPP_CURVE_SECRETKEY"} {
		t.Setenv(name, os.Getenv("TEST_"+name))
	}
	t.Setenv("IPYTHONDIR", "/ipython")
	o := newOptions()
	warnings, err := o.parse(args)
	return o.controller, warnings, err
}

// What Python's launchers and users pass arrives, in every spelling.
func TestArguments(t *testing.T) {
	for _, c := range []struct {
		args  string
		holds func(controller.Config) bool
	}{
		{"", func(c controller.Config) bool { return c.Profile.Dir == "/ipython/profile_default" && c.IP == "" }},
		{"--profile=x --cluster-id= --ip=", func(c controller.Config) bool {
			return c.Profile.Dir == "/ipython/profile_x" && c.ClusterID == "" && c.IP == ""
		}},
		{"--profile x --ipython-dir /y --cluster-id z", func(c controller.Config) bool {
			return c.Profile.Dir == "/y/profile_x" && c.ClusterID == "z"
		}},
		{"--profile-dir /p --ip=10.0.0.1 --location head --ssh=a --enginessh b", func(c controller.Config) bool {
			return c.Profile.Dir == "/p" && c.IP == "10.0.0.1" && c.Location == "head" && c.SSH == "a" && c.EngineSSH == "b"
		}},
		{"--IPController.ip=0.0.0.0 --IPController.location head", func(c controller.Config) bool { return c.IP == "0.0.0.0" && c.Location == "head" }},
		{"--HubFactory.client_ip=10.0.0.2 --IPControllerApp.reuse_files=True", func(c controller.Config) bool { return c.ClientIP == "10.0.0.2" && c.Reuse }},
		{"--HeartMonitor.period=200 --HeartMonitor.max_heartmonitor_misses 5", func(c controller.Config) bool {
			return c.HeartPeriod == 200*time.Millisecond && c.HeartMisses == 5
		}},
		{"--ping 1000 --scheme=lru --hwm 0", func(c controller.Config) bool {
			return c.HeartPeriod == time.Second && c.Scheme == "lru" && c.HWM == -1
		}},
		{"--crash-limit=-1 --scheme none", func(c controller.Config) bool {
			return c.CrashLimit == -1 && c.Scheme == "none" && c.HWM == 0
		}},
		{"--on-client-lost=cancel", func(c controller.Config) bool { return c.OnClientLost == controller.Cancel }},
		{"--TaskScheduler.hwm=3", func(c controller.Config) bool { return c.HWM == 3 }},
		{"--port 5000 --ports 7001-7003,8000 --IPController.engine_ports=6000", func(c controller.Config) bool {
			return slices.Equal(c.EnginePorts, controller.Ports{5000, 6000}) && slices.Equal(c.Ports, controller.Ports{7001, 7002, 7003, 8000})
		}},
		{"--nodb", func(c controller.Config) bool { return c.DB == controller.None }},
		{"--sqlitedb --SQLiteDB.filename=/scratch/t.db", func(c controller.Config) bool {
			return c.DB == controller.SQLite && c.DBFile == "/scratch/t.db"
		}},
		{"--sqlitedb=False", func(c controller.Config) bool { return c.DB == "" }},
		{"--IPController.db_class=ipyparallel.controller.sqlitedb.SQLiteDB", func(c controller.Config) bool { return c.DB == controller.SQLite }},
		{"--DictDB.record_limit=50 --DictDB.size_limit=1000", func(c controller.Config) bool { return c.Records == 50 && c.RecordBytes == 1000 }},
		{"--no-secure", func(c controller.Config) bool { return c.Unsigned }},
		{"--Session.key=abc", func(c controller.Config) bool { return c.Key == "abc" }},
		{"--reuse --usethreads --dictdb --init --secure --debug --quiet --clean-logs --transport=tcp --log-url= --config x --ident y --user z", func(c controller.Config) bool { return c.Reuse }},
		{"--log-to-file True --log-level=DEBUG --IPController.log_level=10", func(c controller.Config) bool { return !c.Reuse }},
		{"--reuse False", func(c controller.Config) bool { return !c.Reuse }},
		{"--IPController.enable_curve=True", func(c controller.Config) bool { return c.Curve }},
	} {
		cfg, warnings, err := parse(t, strings.Fields(c.args)...)
		if err != nil || len(warnings) > 0 || !c.holds(cfg) {
			t.Errorf("%s: %v %v %+v", c.args, err, warnings, cfg)
		}
	}
}

func TestWarnings(t *testing.T) {
	_, warnings, err := parse(t, "--TaskScheduler.hwm=1", "--Hub.registration_timeout", "30", "--IPController.use_threads=True")
	if err != nil || len(warnings) != 2 || !strings.Contains(warnings[0], "--Hub.registration_timeout changes nothing") {
		t.Errorf("%v, %v", warnings, err)
	}
}

func TestArgumentErrors(t *testing.T) {
	for args, want := range map[string]string{
		"--locatoin=x":                "did you mean --location?",
		"--entirely-something":        "ipcontroller --help",
		"--Hubb.x=1":                  "no such class",
		"start":                       `unexpected argument "start"`,
		"--hwm=many":                  "hwm",
		"--ports=x":                   "want ports and ranges",
		"--transport=ipc":             "tcp is the only transport",
		"--mongodb":                   "in SQLite (--sqlitedb)",
		"--db=postgres":               `"postgres" is no database`,
		"--keyfile=/no/such":          "/no/such",
		"--profile=a --profile-dir=b": "--profile-dir",
	} {
		if _, _, err := parse(t, strings.Fields(args)...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", args, err, want)
		}
	}
}

// The environment and the profile fill in what flags leave open.
func TestLayers(t *testing.T) {
	dir := t.TempDir()
	text := "[controller]\nip = \"0.0.0.0\"\nports = \"7001-7002\"\nheart_period = \"5s\"\nhwm = 4\n"
	if err := os.WriteFile(filepath.Join(dir, "ipcluster.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_IPP_PROFILE_DIR", dir)
	t.Setenv("TEST_IPP_CLUSTER_ID", "id")
	t.Setenv("TEST_IPP_ENABLE_CURVE", "1")
	t.Setenv("IPP_SESSION_KEY", "of the environment")
	cfg, _, err := parse(t, "--ip=10.0.0.1", "--hwm=2")
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Profile.Dir != dir || cfg.ClusterID != "id" || !cfg.Curve || cfg.Key != "of the environment" ||
		cfg.IP != "10.0.0.1" || cfg.HWM != 2 || cfg.HeartPeriod != 5*time.Second || len(cfg.Ports) != 2 {
		t.Errorf("%+v", cfg)
	}
	if cfg, _, err = parse(t, "--keyfile", key); err != nil || cfg.Key != "from a file" || cfg.HWM != 4 {
		t.Errorf("%+v, %v", cfg, err)
	}
	t.Setenv("TEST_IPP_ENABLE_CURVE", "")
	t.Setenv("IPP_SESSION_KEY", "")
	if _, _, err = parse(t); err == nil || !strings.Contains(err.Error(), "IPP_SESSION_KEY is empty") {
		t.Error(err)
	}
}
