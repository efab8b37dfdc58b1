package schedulers

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"muster/cluster/doctor"
)

// examine runs ipcluster doctor, by other words if there are some, and returns what it has found.
func (s *site) examine(words []string, args ...string) []doctor.Finding {
	s.t.Helper()
	words = slices.Concat(words, []string{filepath.Join(bin, "ipcluster"), "doctor", "-o", "json"}, args)
	c := s.command("env", words...)
	c.Path = "/usr/bin/env"
	var diag strings.Builder
	c.Stderr = &diag
	out, err := c.Output()
	var found []doctor.Finding
	if json.Unmarshal(out, &found) != nil {
		s.t.Fatalf("%s: %v\n%s%s", strings.Join(words, " "), err, out, &diag)
	}
	if left, _ := filepath.Glob(filepath.Join(s.dir, "profile_test", "doctor*")); len(left) > 0 {
		s.t.Errorf("left behind: %q", left)
	}
	return found
}

// found checks that there is such a finding.
func (s *site) found(all []doctor.Finding, state doctor.State, check, nodes string, words ...string) {
	s.t.Helper()
	if !slices.ContainsFunc(all, func(f doctor.Finding) bool {
		said := f.Found + "; " + f.Why + "; " + f.Do
		return f.State == state && f.Check == check && f.Nodes == nodes && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(said, w) })
	}) {
		var b strings.Builder
		for _, f := range all {
			fmt.Fprintf(&b, "%s %s [%s] %s | %s | %s\n", f.State, f.Check, f.Nodes, f.Found, f.Why, f.Do)
		}
		s.t.Errorf("no %s of check %s on %q with %q in\n%s", state, check, nodes, words, &b)
	}
}

// testDoctor has the nodes of a real Slurm looked at.
func testDoctor(t *testing.T, s *system, empty func(*testing.T)) {
	const both = "n1, n2"
	t.Run("Well", func(t *testing.T) {
		n := newSite(t, s, twoNodes)
		all := n.examine(nil)
		n.found(all, doctor.OK, "scheduler", "", "slurm", "answers in")
		n.found(all, doctor.OK, "job", both, "slurm job ", "2 copies reported")
		n.found(all, doctor.OK, "programs", both, "starts")
		n.found(all, doctor.OK, "directory", both, "is seen, a new file within")
		n.found(all, doctor.OK, "network", both, "this machine is reached at ")
		n.found(all, doctor.OK, "clock", both, "apart")
		n.found(all, doctor.OK, "mpi", both, "2 ranks of Open MPI")
		for _, f := range all {
			if f.State == doctor.Failure {
				t.Errorf("%+v", f)
			}
		}
		empty(t)
	})

	t.Run("NoPMI", func(t *testing.T) {
		n := newSite(t, s, strings.Replace(twoNodes, `"mpirun"`, `"srun", "--mpi=none"`, 1))
		all := n.examine(nil)
		n.found(all, doctor.OK, "network", both)
		n.found(all, doctor.Failure, "mpi", both, "launch = [")
		empty(t)
	})

	t.Run("NotSeen", func(t *testing.T) {
		n := newSite(t, s, twoNodes)
		text, err := os.ReadFile(filepath.Join(n.dir, "profile_test", "ipcluster.toml"))
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join(n.dir, "profile_test")
		all := n.examine([]string{"unshare", "--mount", "sh", "-ec", "mount -t tmpfs -o mode=700 none " + dir + "\nprintf %s \"$0\" >" + dir + "/ipcluster.toml\n" + `exec "$@"`, string(text)})
		n.found(all, doctor.Warning, "filesystem", "", "tmpfs", "other machines do not see")
		n.found(all, doctor.Failure, "job", "", "if compute nodes do not see "+dir)
		empty(t)
	})

	t.Run("Refused", func(t *testing.T) {
		n := newSite(t, s, twoNodes+"partition = \"nowhere\"\n")
		n.found(n.examine(nil), doctor.Failure, "job", "", "Invalid partition name specified")
		empty(t)
	})

	t.Run("Queued", func(t *testing.T) {
		n := newSite(t, s, twoNodes+"partition = \"small\"\n")
		n.found(n.examine(nil, "--timeout", "3s"), doctor.Warning, "job", "", "not begun within 3s", "PartitionNodeLimit", "--timeout")
		empty(t)
	})

	t.Run("Interrupted", func(t *testing.T) {
		n := newSite(t, s, twoNodes+"partition = \"small\"\n")
		c := n.command("ipcluster", "doctor")
		var out strings.Builder
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		s.until("a job", func() bool { return s.run("squeue", "--noheader", "--name=ipdoctor", "--format=%i") != "" })
		c.Process.Signal(syscall.SIGINT)
		if err := c.Wait(); err == nil || !strings.Contains(out.String(), "doctor: interrupted; nothing is left running") {
			t.Errorf("%v, it printed\n%s", err, &out)
		}
		if left, _ := filepath.Glob(filepath.Join(n.dir, "profile_test", "doctor*")); len(left) > 0 {
			t.Errorf("left behind: %q", left)
		}
		empty(t)
	})
}

// testReadme types what the README says brings one from a clone to a job that has run.
func testReadme(t *testing.T, s *system, empty func(*testing.T)) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "<!-- on Slurm -->\n```sh\n")
	block, _, ok := strings.Cut(block, "```")
	if lines := strings.Count(block, "\n"); !ok || lines != 5 {
		t.Fatalf("the README has %d lines for Slurm:\n%s", lines, block)
	}
	n := newSite(t, s, "")
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	caches, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	build, modules, _ := strings.Cut(strings.TrimSpace(string(caches)), "\n")
	home := filepath.Join(n.dir, "home")
	if err := os.Mkdir(home, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // all is built
	defer cancel()
	c := exec.CommandContext(ctx, "bash", "-exc", block)
	c.Dir = home
	// As a new user has it, but for the place to clone from, and what was built and fetched before.
	c.Env = append(slices.Clone(s.env), "HOME="+home, "PATH=/usr/local/go/bin:"+os.Getenv("PATH"), "GOCACHE="+build, "GOMODCACHE="+modules, "GOFLAGS="+os.Getenv("GOFLAGS"),
		"MUSTER="+root, "OMPI_MCA_mpi_yield_when_idle=1")
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\n1000000 values are back\n") || strings.Contains(string(out), "abort") {
		t.Errorf("%v\n%s", err, out)
	}
	empty(t)
}
