package schedulers

import (
	"regexp"
	"strings"
	"testing"
)

// testSets adds engines to a cluster and takes them away again, each set a job and
// an MPI world of its own.
func testSets(t *testing.T, s *system, empty func(*testing.T)) {
	n := newSite(t, s, twoNodes)
	n.run("ipcluster", "start", "--daemonize")
	added := regexp.MustCompile(`^set 2 is up: 3 engines \(slurm job (\d+)\), ids 4-6\n$`)
	out := n.run("ipcluster", "engines", "add", "3")
	m := added.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("add printed %q", out)
	}
	worlds := func() {
		t.Helper()
		want := ""
		for _, line := range []string{"[0] 0 of 4", "[1] 1 of 4", "[2] 2 of 4", "[3] 3 of 4", "[4] 0 of 3", "[5] 1 of 3", "[6] 2 of 3"} {
			id, world, _ := strings.Cut(line, " ")
			want += id + ` Out: "` + world + "\"\n"
		}
		out := n.run("cell", "-n", "7", `fmt.Sprintf("%d of %d", mpi.World().Rank(), mpi.World().Size())`)
		if out = regexp.MustCompile(`Out\[\d+\]`).ReplaceAllString(out, "Out"); out != want { // they count their cells
			t.Errorf("cell printed\n%s\nwant\n%s", out, want)
		}
	}
	worlds()
	// On nodes by their own number, as close as the first: two on a node.
	if out := strings.TrimSpace(s.run("squeue", "--noheader", "--format=%D %C", "--jobs="+m[1])); !strings.HasPrefix(out, "2 ") {
		t.Errorf("nodes and cores of the second job: %s", out)
	}
	if first := n.fails("ipcluster", "engines", "remove", "5"); !strings.HasSuffix(first, "a job of 3 engines that live and die together: remove the set (ipcluster engines remove --set 2)") {
		t.Errorf("the removal of one printed %q", first)
	}
	if out := n.run("ipcluster", "engines", "restart", "--set", "2"); !added.MatchString(out) || strings.Contains(out, "job "+m[1]+")") {
		t.Errorf("restart printed %q", out)
	}
	worlds()
	if out := n.run("ipcluster", "engines", "remove", "--set", "2"); out != "removed set 2\n" {
		t.Errorf("remove printed %q", out)
	}
	if out := n.run("ipcluster", "engines", "list"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "1     4/4       0-3   slurm ") {
		t.Errorf("list printed\n%s", out)
	}
	if out := n.run("ipcluster", "list"); strings.Contains(out, "died") {
		t.Errorf("list printed\n%s", out)
	}
	n.run("ipcluster", "stop")
	empty(t)
}

// testController has the controller be a job of its own, which clients outside and
// engines of other jobs reach.
func testController(t *testing.T, s *system, empty func(*testing.T)) {
	n := newSite(t, s, twoNodes+"[controller]\nlauncher = \"slurm\"\n")
	if out := n.run("ipcluster", "start", "--daemonize"); !strings.HasPrefix(out, "cluster test is up: 4 engines (slurm)\n") {
		t.Errorf("start printed\n%s", out)
	}
	if out := s.run("squeue", "--noheader", "--format=%j", "--sort=j"); !strings.Contains(out, "ipcontroller\nipengine\n") {
		t.Errorf("in the queue:\n%s", out)
	}
	if out := n.run("cell", "-n", "4", "mpi.World().Size()"); strings.Count(out, "Out[1]: 4\n") != 4 {
		t.Errorf("cell printed\n%s", out)
	}
	if out := n.run("ipcluster", "status"); !regexp.MustCompile(`(?m)^controller: +slurm job \d+$`).MatchString(out) || !strings.Contains(out, "4 of 4 registered") {
		t.Errorf("status printed\n%s", out)
	}
	n.run("ipcluster", "stop")
	empty(t)
}
