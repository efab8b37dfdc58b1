package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"muster/client"
	"muster/cluster/clustertest"
)

// What waits is explained, all of it by reason or some of it by id.
func TestExplain(t *testing.T) {
	p := profile(t)
	if _, diag, ok := ipcluster(t, "explain"); ok || !strings.Contains(diag, "ipcluster start") {
		t.Errorf("without a cluster: %s", diag)
	}
	if _, diag, ok := ipcluster(t, "start", "-n", "1", "--daemonize"); !ok {
		t.Fatal(diag)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Connect(ctx, client.WithProfileDir(p.Dir))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(args ...string) string {
		t.Helper()
		out, diag, ok := ipcluster(t, append([]string{"explain"}, args...)...)
		if !ok {
			t.Fatal(diag)
		}
		return out
	}
	if out := say(); out != "No task waits.\n" {
		t.Errorf("with nothing to do: %s", out)
	}
	if out := say("-o", "json"); out != "[]\n" {
		t.Errorf("with nothing to do: %s", out)
	}
	v := c.LoadBalanced()
	runs := v.ExecuteAsync("for {}")
	waits := v.With(client.After(runs)).MapAsync(client.Ref("math.Sqrt"), []float64{1, 2})
	first, second := runs.Metadata()[0].MsgID, waits.Metadata()
	for begun := ""; !strings.Contains(begun, "runs on engine 0"); {
		if begun, err = runs.Explain(ctx); err != nil {
			t.Fatal(err)
		}
	}
	want := fmt.Sprintf("2       waits until task %q is done   %s, ...\n", first, second[0].MsgID)
	if out := say(); !strings.HasPrefix(out, "TASKS   REASON ") || !strings.HasSuffix(out, " ID\n"+want) {
		t.Errorf("all:\n%swant\n%s", out, want)
	}
	var all []client.Explanation
	if err := json.Unmarshal([]byte(say("-o", "json")), &all); err != nil || len(all) != 1 || all[0].Count != 2 || len(all[0].Tasks) != 2 {
		t.Errorf("as JSON: %v, %v", all, err)
	}
	want = fmt.Sprintf("Task %q runs on engine 0.\nTask %q waits until task %q is done.\nTask \"nonsense\" is not known to the scheduler: it never came, or finished long ago.\n", first, second[1].MsgID, first)
	if out := say(string(first), string(second[1].MsgID), "nonsense"); out != want {
		t.Errorf("by id:\n%swant\n%s", out, want)
	}
	if _, diag, ok := ipcluster(t, "stop"); !ok {
		t.Fatal(diag)
	}
	clustertest.NothingLeft(t, p)
}
