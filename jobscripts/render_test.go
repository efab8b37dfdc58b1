package jobscripts

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the rendered scripts")

// Each template's twins: as shipped, and with every field filled in.
func TestRenderedTwins(t *testing.T) {
	full := Cluster{
		Name: "digits", Nodes: 2, PerNode: 64, Time: "00:30:00", Account: "m1234", Partition: "regular",
		Directives: []string{"--constraint=cpu", "--exclusive"},
		Setup:      []string{"module load PrgEnv-gnu cray-mpich", `export PATH="$HOME/muster/bin:$PATH"`},
		ProfileDir: "$SCRATCH/profile_muster", Controller: "$HOME/muster/bin/ipcontroller", Engine: "$HOME/muster/bin/ipengine",
		Launch: "srun --cpu-bind=cores",
	}
	for file, c := range map[string]Cluster{
		"ipcluster.slurm":          {},
		"testdata/ipcluster.slurm": full,
	} {
		got, err := Render("slurm", c)
		if err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s is not what its template renders to; -update rewrites it. Rendered:\n%s", file, got)
		}
	}
}

func TestRenderErrors(t *testing.T) {
	for _, tt := range []struct {
		system string
		c      Cluster
		want   string
	}{
		{"cron", Cluster{}, `no script for "cron": there is one for slurm`},
		{"slurm", Cluster{Account: "a\n#SBATCH --nodes=1000"}, "account"},
		{"slurm", Cluster{ProfileDir: `a"; rm -rf b`}, "profile directory"},
		{"slurm", Cluster{Nodes: -1}, "-1 nodes"},
	} {
		if _, err := Render(tt.system, tt.c); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %v, want one with %q", tt.c, err, tt.want)
		}
	}
}

// site is a directory with stand-ins for the programs of the script, each of
// which writes what happens to it into events.
type site struct {
	t   *testing.T
	dir string
}

func newSite(t *testing.T) site {
	s := site{t, t.TempDir()}
	for name, text := range map[string]string{
		"ipcontroller": `
			[ -e "$EVENTS.fail" ] && { echo "port in use" >&2; exit 1; }
			trap 'echo controller ends >> "$EVENTS"; exit 0' TERM
			mkdir -p "$IPP_PROFILE_DIR/security"
			echo "controller $*" >> "$EVENTS"
			for k in client engine; do echo {} > "$IPP_PROFILE_DIR/security/ipcontroller-$IPP_CLUSTER_ID-$k.json"; done
			while :; do sleep 0.02; done`,
		"srun": `exec "$@"`,
		"ipengine": `
			trap 'echo engine ends >> "$EVENTS"; exit 0' TERM
			echo "engine $*" >> "$EVENTS"
			while :; do sleep 0.02; done`,
		"driver": `
			until grep -q "^engine " "$EVENTS"; do sleep 0.02; done
			echo "driver $*" >> "$EVENTS"; exit 7`,
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte("#!/bin/bash\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s site) events() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "events"))
	return strings.ReplaceAll(string(b), s.dir, "DIR")
}

// job starts the script as shipped, as Slurm would start it on the first node.
func (s site) job(args ...string) (*exec.Cmd, *bytes.Buffer) {
	script, err := Render("slurm", Cluster{})
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command("bash", append([]string{"-c", script, "ipcluster.slurm"}, args...)...)
	cmd.Env = append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"), "SLURM_JOB_ID=42", "SLURM_SUBMIT_DIR="+s.dir,
		"EVENTS="+filepath.Join(s.dir, "events"), "IPP_PROFILE_DIR=", "IPP_CLUSTER_ID=")
	out := new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	return cmd, out
}

func (s site) leftovers() []string {
	left, err := filepath.Glob(filepath.Join(s.dir, "profile_slurm/security/*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return left
}

const started = `controller --profile-dir=DIR/profile_slurm --cluster-id=42 --ip=0.0.0.0 --location=HOST
engine --mpi --profile-dir=DIR/profile_slurm --cluster-id=42
`

func TestScriptRunsADriverAndTearsDown(t *testing.T) {
	s := newSite(t)
	cmd, out := s.job("driver", "one", "two")
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("the job ended with %v, want the driver's exit status 7\n%s", err, out)
	}
	host, _ := exec.Command("hostname").Output()
	want := strings.Replace(started, "HOST", strings.TrimSpace(string(host)), 1) + "driver one two\nengine ends\ncontroller ends\n"
	if got := s.events(); got != want {
		t.Errorf("events:\n%s\nwant:\n%s", got, want)
	}
	if left := s.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestScriptEndsOnScancel(t *testing.T) {
	s := newSite(t)
	cmd, out := s.job()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(s.events(), "engine "); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no engine started: %s\n%s", s.events(), out)
		}
	}
	cmd.Process.Signal(syscall.SIGTERM)
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 143 {
		t.Errorf("the job ended with %v, want exit status 143\n%s", err, out)
	}
	if got := s.events(); !strings.HasSuffix(got, "engine ends\ncontroller ends\n") {
		t.Errorf("events:\n%s", got)
	}
	if left := s.leftovers(); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestScriptSaysThatTheControllerFailed(t *testing.T) {
	s := newSite(t)
	if err := os.WriteFile(filepath.Join(s.dir, "events.fail"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, out := s.job("driver")
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("the job ended with %v, want exit status 1", err)
	}
	if got, want := out.String(), "port in use\nipcluster.slurm: the controller did not start\n"; got != want {
		t.Errorf("output %q, want %q", got, want)
	}
}
