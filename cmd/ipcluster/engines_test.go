package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"muster/cluster/clustertest"
)

// Engines come and go from another shell.
func TestEngines(t *testing.T) {
	p := profile(t)
	run := func(args ...string) string {
		t.Helper()
		out, diag, ok := ipcluster(t, args...)
		if !ok {
			t.Fatalf("%v: %s", args, diag)
		}
		return out
	}
	run("start", "-n", "2", "--daemonize")
	if out := run("engines", "add", "2"); out != "set 2 is up: 2 engines (local), ids 2-3\n" {
		t.Errorf("add printed %q", out)
	}
	if out := run("engines", "add", "1", "--no-wait"); out != "set 3 is started: 1 engine (local), ids 4\n" {
		t.Errorf("add --no-wait printed %q", out)
	}
	want := regexp.MustCompile(`^SET   ENGINES   IDS   LAUNCHER   STATE     AGE
1     2/2       0-1   local      running   \S+
2     2/2       2-3   local      running   \S+
3     1/1       4     local      running   \S+
$`)
	if out := run("engines", "list"); !want.MatchString(out) {
		t.Errorf("list printed\n%s", out)
	}
	if out := run("engines", "remove", "0", "2-3"); out != "removed engines 0,2-3\n" {
		t.Errorf("remove printed %q", out)
	}
	if out := run("engines", "remove", "--set", "3"); out != "removed set 3\n" {
		t.Errorf("remove --set printed %q", out)
	}
	if out := run("engines", "restart"); out != "set 1 is up: 1 engine (local), ids 1\n" {
		t.Errorf("restart printed %q", out)
	}
	var sets []struct {
		Name    string
		State   string
		Engines int
		IDs     []int
	}
	if err := json.Unmarshal([]byte(run("engines", "list", "-o", "json")), &sets); err != nil || fmt.Sprint(sets) != "[{1 running 1 [1]}]" {
		t.Errorf("list -o json: %v, %v", sets, err)
	}
	if l := listed(t)[0]; l.Engines != 1 || l.N != 1 || len(l.Sets) != 1 || l.Sets[0].Name != "1" {
		t.Errorf("listed %+v", l)
	}
	run("stop")
	clustertest.NothingLeft(t, p)
}

func TestEnginesErrors(t *testing.T) {
	profile(t)
	for _, tt := range []struct{ args, want string }{
		{"", "engines: want list, add, remove or restart"},
		{"dance", "engines: want list, add, remove or restart"},
		{"list 3", `engines list: unexpected argument "3"`},
		{"list --set 3", "engines list: --set means nothing here"},
		{"add many", `engines add: "many": want a number of engines above zero`},
		{"add -- -3", `engines add: "-3": want a number of engines above zero`},
		{"add 1 2", "engines add: one number of engines"},
		{"add 1 --set 2", "engines add: --set means nothing here"},
		{"remove", "engines remove: name engines by their ids, or sets by --set"},
		{"remove 3-1", `engines remove: engine ids "3-1"`},
		{"restart 3", "engines restart: whole sets are started again"},
		{"restart --now", "engines restart: --now means nothing here"},
		{"add --now", "engines add: --now means nothing here"},
		{"restart --nodes 2", "engines restart: --nodes means nothing here"},
		{"list", "no cluster test, and no other: ipcluster start starts one"},
		{"add 2", "no cluster test, and no other: ipcluster start starts one"},
	} {
		_, diag, ok := ipcluster(t, append([]string{"engines"}, strings.Fields(tt.args)...)...)
		if ok || !strings.HasPrefix(diag, "ipcluster: "+tt.want) {
			t.Errorf("%s: %s, want %s", tt.args, diag, tt.want)
		}
	}
}
