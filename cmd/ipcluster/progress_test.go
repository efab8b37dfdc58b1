package main

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"muster/cluster"
	"muster/launcher"
)

// In a file there is a line when there is news.
func TestProgressInAFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := progressOn(f)
	defer p.end()
	queued := cluster.Progress{Want: 4, Job: "slurm job 17", Since: time.Now(), Waiting: launcher.Waiting{Reason: "Resources"}}
	later := queued
	later.Waiting.Start = time.Now().Add(time.Hour)
	began := cluster.Progress{Want: 4}
	for _, now := range []cluster.Progress{queued, queued, later, began, {Have: 3, Want: 4}} {
		p.show(now)
		p.tell() // as after a pause
	}
	printed, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(printed), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], "slurm job 17 is queued since ") || lines[1] != "engines 0/4" || lines[2] != "engines 3/4" {
		t.Errorf("printed\n%s", printed)
	}
}

// Of a removal that takes long there is one line.
func TestProgressOfARemovalInAFile(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := progressOn(f)
	defer p.end()
	for have := range 3 {
		p.show(cluster.Progress{Have: have, Want: 16, Leaving: "set 2"})
		p.tell() // as after a pause
	}
	printed, err := os.ReadFile(f.Name())
	if want := "set 2: 0 of 16 engines have left, 16 finish what they run\n"; err != nil || string(printed) != want {
		t.Errorf("printed %q, %v, want %q", printed, err, want)
	}
}

// Somebody who does not read does not hold up the cluster.
func TestReporterThatNobodyReads(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	r := &reporter{ours, make(chan report, 4), make(chan struct{}), make(chan struct{})}
	go r.write()
	for range 1000 {
		r.send(report{Log: "engine died"})
	}
	r.socket.SetWriteDeadline(time.Now())
	close(r.queue)
	select {
	case <-r.done:
	case <-time.After(time.Minute):
		t.Error("it does not end")
	}
}
