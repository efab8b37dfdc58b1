package launcher

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden command lines")

// The command lines for each dialect and each kind of host, in
// testdata/mpirun.txt.
func TestMPICommandLines(t *testing.T) {
	var b strings.Builder
	for _, d := range []dialect{openMPI, hydra, other} {
		for _, h := range []host{{cores: 2}, {cores: 64}, {cores: 64, root: true}, {cores: 2, allocated: true}} {
			words, env := d.words(4, h)
			line := slices.Concat(env, []string{"mpirun", "-n", "4"}, words, []string{"ipengine", "--mpi"})
			fmt.Fprintf(&b, "# %s, %+v\n%s\n", d, h, strings.Join(line, " "))
		}
	}
	const file = "testdata/mpirun.txt"
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("not as in %s, -update rewrites it:\n%s", file, b.String())
	}
}

// recorder is a Runner that runs nothing.
type recorder struct {
	version string // what mpirun --version says
	err     error
	started []Command
}

func (r *recorder) Start(c Command) (Program, error) {
	r.started = append(r.started, c)
	return ended{}, nil
}

func (r *recorder) Output(context.Context, Command) (string, error) { return r.version, r.err }

type ended struct{}

func (ended) Process() Process { return Process{} }
func (ended) Wait() error      { return nil }

func TestDialectIsKnownByItsVersion(t *testing.T) {
	for _, tt := range []struct {
		name, version string
		err           error
		want          dialect
	}{
		{"Debian 12", "mpirun.openmpi (OpenRTE) 4.1.4\n\nReport bugs to http://www.open-mpi.org/community/help/\n", nil, openMPI},
		{"alternatives", "mpirun (Open MPI) 4.1.4\n", nil, openMPI},
		{"Open MPI 5", "mpirun (Open MPI) 5.0.3\n", nil, openMPI},
		{"PRRTE", "prterun (PRRTE) 3.0.5\n", nil, openMPI},
		{"MPICH", "HYDRA build details:\n    Version:                                 4.0.2\n", nil, hydra},
		{"Intel", "Intel(R) MPI Library for Linux* OS, Version 2021.10 Build 20230619\n", nil, hydra},
		{"PALS", "mpiexec version 1.3.0 (PALS)\n", nil, other},
		{"one that knows no --version", "unrecognized option\n", errors.New("exit status 1"), other},
	} {
		got, err := askDialect(t.Context(), &recorder{version: tt.version, err: tt.err}, "mpirun")
		if got != tt.want || err != nil {
			t.Errorf("%s: %q, %v, want %q", tt.name, got, err, tt.want)
		}
	}
	for _, absent := range []error{exec.ErrNotFound, os.ErrNotExist} {
		_, err := askDialect(t.Context(), &recorder{err: absent}, "mpiexec.hydra")
		if err == nil || !strings.Contains(err.Error(), "mpiexec.hydra is not there") {
			t.Errorf("%v: %v", absent, err)
		}
	}
}

func TestMPIIsOneJobWithTheWordsOfTheProfile(t *testing.T) {
	r := &recorder{version: "HYDRA build details:"}
	l, err := Config{Launcher: "mpi", MPI: MPIConfig{Command: []string{"mpirun.mpich", "-f", "hosts"}}}.New(
		Command{Args: []string{"ipengine", "--cluster-id="}, Env: []string{"A=b"}, Log: "e-*.log", Mark: "m"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := l.(MPI)
	m.Runner = r
	if _, err := m.Start(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if len(r.started) != 1 {
		t.Fatalf("%d commands for one job", len(r.started))
	}
	c := r.started[0]
	if got, want := strings.Join(c.Args, " "), "mpirun.mpich -f hosts -n 3 -prepend-rank ipengine --cluster-id= --mpi"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if c.Log != "e-mpi.log" || !slices.Equal(c.Env, []string{"A=b", "MUSTER_JOB=m"}) {
		t.Errorf("log %q, environment %q", c.Log, c.Env)
	}
}

func TestConfigErrors(t *testing.T) {
	for _, tt := range []struct {
		config Config
		want   string
	}{
		{Config{N: -1}, "engines.n is -1"},
		{Config{Launcher: "slrum"}, `engines.launcher is "slrum": known are local, mpi`},
		{Config{Timeout: -1}, "engines.timeout"},
		{Config{Connection: "mail"}, `engines.connection is "mail": known are file, environment`},
		{Config{Connection: "file", Launcher: "ssh"}, `hosts that ssh goes to may not see the file`},
		{Config{Restart: "always"}, `engines.restart is "always": known are never, engine, world`},
		{Config{Launcher: "mpi", Restart: "engine"}, `engines of launcher "mpi" are one job`},
	} {
		if _, err := tt.config.New(Command{}, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt.config, err)
		}
	}
}
