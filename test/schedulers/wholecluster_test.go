package schedulers

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A submission is how a script of jobscripts is submitted, as it is.
type submission struct {
	script string
	submit []string // the command and its options, for four engines
	sync   []string // options that make it wait for the job, and end as it does
	brief  []string // an option for the shortest time that there is
	output string   // the option before the name of the log
	cancel string   // the command that ends a job
}

// job is what became of a whole cluster in one job.
type job struct {
	*site
	submission
	log string
}

func (b submission) on(t *testing.T, s *system) *job {
	n := newSite(t, s, "")
	return &job{n, b, filepath.Join(n.dir, "job.log")}
}

// start submits the script, and returns what the command has printed.
func (j *job) start(options []string, program ...string) (string, error) {
	j.t.Helper()
	script, err := filepath.Abs("../../jobscripts/" + j.script)
	if err != nil {
		j.t.Fatal(err)
	}
	words := slices.Concat([]string{"env", "MUSTER_BIN=" + bin, "PATH=" + bin + ":/usr/sbin:/usr/bin:/sbin:/bin", "IPP_PROFILE_DIR=" + filepath.Join(j.dir, "profile_test"),
		"OMPI_MCA_mpi_yield_when_idle=1", "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"},
		j.submit, []string{j.output, j.log}, options, []string{script}, program)
	return j.try(words...)
}

// printed is all that the job has printed.
func (j *job) printed() string {
	b, err := os.ReadFile(j.log)
	if err != nil {
		j.t.Error(err)
	}
	return string(b)
}

var number = regexp.MustCompile(`\d+`)

// background starts a cluster without a program and returns the job's id when clients can connect.
func (j *job) background(options ...string) string {
	j.t.Helper()
	out, err := j.start(options)
	id := number.FindString(out)
	if err != nil || id == "" {
		j.t.Fatalf("%v\n%s", err, out)
	}
	j.until("a connection file", func() bool { _, err := os.Stat(j.file(id)); return err == nil })
	return id
}

func (j *job) file(id string) string {
	return filepath.Join(j.dir, "profile_test", "security", "ipcontroller-"+id+"-client.json")
}

// cleared checks that nothing was left of the connection files.
func (j *job) cleared() {
	j.t.Helper()
	security := filepath.Join(j.dir, "profile_test", "security")
	j.until("an empty "+security, func() bool { left, _ := os.ReadDir(security); return len(left) == 0 })
}

// testWholeCluster runs the script in all ways in which a job ends.
func testWholeCluster(t *testing.T, s *system, b submission, empty func(*testing.T)) {
	// The one whose time is over runs beside the others.
	limited := b.on(t, s)
	limitedID := limited.background(b.brief...)

	t.Run("Program", func(t *testing.T) {
		j := b.on(t, s)
		// It asks for engines at once: all of them are there.
		out, err := j.start(b.sync, "cell", "mpi.World().Size()")
		var want strings.Builder
		for i := range 4 {
			want.WriteString("[" + strconv.Itoa(i) + "] Out[1]: 4\n")
		}
		if got := j.printed(); err != nil || got != want.String() {
			t.Errorf("%v\n%s\nthe job printed\n%s\nwant\n%s", err, out, got, &want)
		}
		j.cleared()
	})

	t.Run("ProgramFails", func(t *testing.T) {
		j := b.on(t, s)
		out, err := j.start(b.sync, "sh", "-c", "echo it is wrong; exit 5")
		if err == nil || !strings.Contains(err.Error(), "exit status 5") || j.printed() != "it is wrong\n" {
			t.Errorf("%v\n%s\nthe job printed\n%s", err, out, j.printed())
		}
		j.cleared()
	})

	t.Run("ProgramIsNotThere", func(t *testing.T) {
		j := b.on(t, s)
		out, err := j.start(b.sync, "no-such-program")
		if err == nil || !strings.Contains(j.printed(), `ipcluster: wait: exec: "no-such-program": executable file not found in $PATH`) {
			t.Errorf("%v\n%s\nthe job printed\n%s", err, out, j.printed())
		}
		j.cleared()
	})

	t.Run("EnginesFail", func(t *testing.T) {
		j := b.on(t, s)
		t.Setenv("MUSTER_MPI_SHIM", "/nowhere/shim.so")
		out, err := j.start(b.sync, "cell", "1")
		if err == nil || !strings.Contains(j.printed(), "/nowhere/shim.so") {
			t.Errorf("%v\n%s\nthe job printed\n%s", err, out, j.printed())
		}
		j.cleared()
	})

	t.Run("Cancelled", func(t *testing.T) {
		j := b.on(t, s)
		id := j.background()
		t.Setenv("IPP_CLUSTER_ID", id)
		connect := func(name string, args ...string) string {
			c := j.command(name, args...)
			c.Env = append(c.Env, "IPP_CLUSTER_ID="+id)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
			return string(out)
		}
		// A client outside of the job, on the login node.
		connect("ipcluster", "wait")
		if out := connect("cell", "mpi.World().Size()"); strings.Count(out, "Out[1]: 4\n") != 4 {
			t.Errorf("cell printed\n%s", out)
		}
		if out := connect("ipcluster", "status"); !strings.Contains(out, "started by other means than ipcluster") || !strings.Contains(out, "4 registered") {
			t.Errorf("status printed\n%s", out)
		}
		s.run(b.cancel, id)
		j.cleared()
	})

	t.Run("Stopped", func(t *testing.T) {
		j := b.on(t, s)
		id := j.background()
		c := j.command("ipcluster", "wait", "--cluster-id", id)
		if out, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if out := j.run("ipcluster", "stop", "--cluster-id", id); !strings.Contains(out, "it was started by other means than ipcluster") {
			t.Errorf("stop printed\n%s", out)
		}
		j.cleared()
		empty(t)
		if out := j.printed(); out != "" {
			t.Errorf("the job printed\n%s", out)
		}
	})

	t.Run("TimeIsOver", func(t *testing.T) {
		limited.until("the end of job "+limitedID, func() bool { _, err := os.Stat(limited.file(limitedID)); return err != nil })
		limited.cleared()
		empty(t)
		if out := limited.printed(); strings.Contains(out, "bort") || strings.Contains(out, "panic") {
			t.Errorf("the job printed\n%s", out)
		}
	})
}
