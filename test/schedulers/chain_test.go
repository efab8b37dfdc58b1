package schedulers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/client"
)

// What engines leave to those of the next job.
const (
	startupFile = `import ("fmt"; "os"; "muster/mpi")
var x int
kept := fmt.Sprintf("%s/kept-%d", os.Getenv("KEPT"), mpi.World().Rank())
if b, err := os.ReadFile(kept); err == nil {
	fmt.Sscan(string(b), &x)
}
`
	checkpointFile = `if err := os.WriteFile(kept, []byte(fmt.Sprint(x)), 0o600); err != nil {
	panic(err)
}
`
)

// leaving is a profile with these files.
func leaving(profile string) string {
	return strings.Replace(profile, "[engines]\n", "[engines]\nstartup = \"startup.go\"\ncheckpoint = \"checkpoint.go\"\n", 1)
}

// chained tries a chain of two jobs of four engines, one MPI world each: the next one is
// in the queue while the first runs; when that is warned its engines drain and leave what
// they have to the next, under the same ids; and a queue of tasks goes on without a loss.
// warn warns the job, and jobs lists those that there are, in their order.
func chained(t *testing.T, n *site, warn func(job string), jobs func() []string) {
	t.Helper()
	for name, text := range map[string]string{"startup.go": startupFile, "checkpoint.go": checkpointFile} {
		if err := os.WriteFile(filepath.Join(n.dir, "profile_test", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f := n.foreground("--chain", "1")
	f.says("cluster test is up: 4 engines")
	n.until("the next job in the queue", func() bool { return len(jobs()) == 2 })
	first := jobs()
	for _, list := range [][]string{{"list"}, {"engines", "list"}} {
		if out := n.run("ipcluster", list...); !strings.Contains(out, fmt.Sprintf("%s (then %s)", first[0], first[1])) {
			t.Errorf("%s printed\n%s", strings.Join(list, " "), out)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	c, err := client.Connect(ctx, client.WithProfileDir(filepath.Join(n.dir, "profile_test")))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	all := c.Direct(client.All)
	if _, err := all.Execute(ctx, "x = 40 + mpi.World().Rank()"); err != nil {
		t.Fatal(err)
	}
	v := c.LoadBalanced()
	var tasks []*client.AsyncResult
	for i := range 200 {
		tasks = append(tasks, v.ExecuteAsync(fmt.Sprintf("time.Sleep(100 * time.Millisecond); fmt.Sprintf(`%d in %%s`, os.Getenv(`JOB`))", i)))
	}
	if _, err := tasks[0].Get(ctx); err != nil {
		t.Fatal(err)
	}
	warn(first[0])
	ran := make(map[string]int)
	for i, task := range tasks {
		if _, err := task.Get(ctx); err != nil {
			t.Fatalf("task %d: %v", i, err)
		}
		got := fmt.Sprint(task.Metadata()[0].ExecuteResult["text/plain"])
		number, job, _ := strings.Cut(strings.Trim(got, `"`), " in ")
		if number != fmt.Sprint(i) {
			t.Errorf("task %d returned %s", i, got)
		}
		ran[job]++
	}
	if len(ran) != 2 || ran[first[0]] == 0 || ran[first[1]] == 0 {
		t.Errorf("tasks ran in jobs %v, of %v", ran, first)
	}
	if ids := c.IDs(); !slices.Equal(ids, []client.EngineID{0, 1, 2, 3}) {
		t.Errorf("engines %v", ids)
	}
	xs, err := all.Get(ctx, "x")
	if err != nil || fmt.Sprint(xs) != "[40 41 42 43]" {
		t.Errorf("x is %v, %v", xs, err)
	}
	n.until("the first job gone", func() bool { return slices.Equal(jobs(), first[1:]) })
	if out := n.run("ipcluster", "list"); strings.Contains(out, "died") || !strings.Contains(out, "4/4 ") {
		t.Errorf("list printed\n%s", out)
	}
	f.interrupt()
}
