package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"muster/cluster"
	"muster/cluster/clustertest"
	"muster/launcher/launchertest"
	"muster/wire"
)

// Logs are printed by part and by engine, while the cluster runs and after it; to
// follow them ends with the cluster.
func TestLogs(t *testing.T) {
	p := profile(t)
	if _, diag, ok := ipcluster(t, "logs"); ok || diag != "ipcluster: no cluster test, and no other: ipcluster start starts one\n" {
		t.Errorf("without a cluster: %s", diag)
	}
	if _, diag, ok := ipcluster(t, "start", "-n", "2", "--daemonize", "--cluster-id", "a"); !ok {
		t.Fatal(diag)
	}
	if _, diag, ok := ipcluster(t, "logs", "--cluster-id", "b"); ok || diag != "ipcluster: no cluster test:b: there are test:a (--profile, --cluster-id)\n" {
		t.Errorf("of another cluster: %s", diag)
	}
	t.Setenv("IPP_CLUSTER_ID", "a")
	engine := filepath.Join(p.LogDir(), "ipengine-a-1.log")
	say := func(text string) {
		t.Helper()
		f, err := os.OpenFile(engine, os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString(text)
			f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 60 {
		say(fmt.Sprintln("line", i))
	}
	out, diag, ok := ipcluster(t, "logs")
	if !ok || strings.Count(out, "==> ") != 2 || !strings.Contains(out, "\n\n==> "+engine+" <==\nline 10\n") || !strings.HasSuffix(out, "\nline 59\n") {
		t.Errorf("all logs:\n%s%s", out, diag)
	}
	for _, args := range [][]string{{"1", "-n", "2"}, {"--rank", "1", "--lines", "2"}} {
		if out, diag, ok := ipcluster(t, append([]string{"logs"}, args...)...); out != "line 58\nline 59\n" || !ok {
			t.Errorf("%q: %s%s", args, out, diag)
		}
	}
	if out, _, _ := ipcluster(t, "logs", "engines", "-n", "-1"); !strings.Contains(out, " msg=registered ") || strings.Contains(out, "ipcontroller") {
		t.Errorf("engines:\n%s", out)
	}

	follow, followed, said := prepare(t, "logs", "1", "-f", "-n", "-1")
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	say("half")
	say(" a line\n")
	if _, diag, ok := ipcluster(t, "stop"); !ok {
		t.Fatal(diag)
	}
	if err := follow.Wait(); err != nil || !strings.Contains(followed.String(), "half a line\n") {
		t.Errorf("followed: %v %s%s", err, followed, said)
	}
	if out, diag, ok := ipcluster(t, "logs", "controller", "ipcluster"); ok || !strings.Contains(diag, "name one of them") {
		t.Errorf("two parts: %s%s", out, diag)
	}
	if out, diag, ok := ipcluster(t, "logs", "1", "-n", "1"); !strings.HasSuffix(out, "\n") || !ok {
		t.Errorf("afterwards: %s%s", out, diag)
	}
	if _, diag, ok := ipcluster(t, "logs", "7"); ok || !strings.HasPrefix(diag, "ipcluster: no log of engine 7: in "+p.LogDir()+" there are ipcluster-a.log, ") {
		t.Errorf("no such engine: %s", diag)
	}
	clustertest.NothingLeft(t, p)
}

// The ranks of one job share a log.
func TestLogsOfRanks(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Log("MUSTER_MPI=none: NOT tried with mpirun")
		return
	}
	profile(t)
	if _, diag, ok := ipcluster(t, "start", "-n", "2", "--engines", "mpi", "--daemonize"); !ok {
		t.Fatal(diag)
	}
	defer ipcluster(t, "stop")
	launchertest.Await(t, "the line of rank 1 alone", func() bool { // it is written after the engine is registered
		out, _, ok := ipcluster(t, "logs", "--rank", "1", "-n", "-1")
		return ok && strings.Contains(out, " engine=1 ") && !strings.Contains(out, " engine=0 ")
	})
}

// Of a long log, its end is read; what comes is printed once, and a log that is
// begun anew from its beginning.
func TestLogWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "long.log")
	var all strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&all, "[%d] line %d\n", i%1000, i)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(all.String() + "[7] no end")
	var out bytes.Buffer
	w := &logWriter{out: &out, n: 2}
	check := func(last bool, want string) {
		t.Helper()
		if err := w.print([]cluster.Log{{Path: path, Of: "engines"}}, last); err != nil || out.String() != want {
			t.Errorf("printed %q, %v, want %q", &out, err, want)
		}
		out.Reset()
	}
	check(false, "[998] line 199998\n[999] line 199999\n")
	check(false, "")
	write(all.String() + "[7] no end yet\n[8")
	check(false, "[7] no end yet\n")
	check(true, "[8\n")
	write("anew\n")
	check(false, "anew\n")
	write(all.String())
	lines := strings.SplitAfter(all.String(), "\n")
	for _, n := range []int{0, 1, 50, 4000} { // in one window, and in two
		w = &logWriter{out: &out, n: n}
		check(true, strings.Join(lines[200_000-n:], ""))
	}
	w = &logWriter{engines: []wire.EngineID{17}, out: &out, n: 150}
	var want strings.Builder
	for i := 50_017; i < 200_000; i += 1000 {
		want.WriteString(lines[i])
	}
	check(true, want.String())
	w.n, w.shown = -1, nil
	w.engines = nil
	check(true, all.String())
}
