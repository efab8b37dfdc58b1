package configs

import (
	"strings"
	"testing"
	"time"

	"muster/launcher/site"
)

// A later set is as close on nodes as the first, on as many as it needs.
func TestPlaceMore(t *testing.T) {
	for _, tt := range []struct {
		name    string
		profile string
		said    site.Request
		n       int
		want    [3]int // engines, nodes, engines on each
		error   string
	}{
		{name: "as the first", profile: fourNodes, want: [3]int{512, 4, 128}},
		{name: "on a part of them", profile: fourNodes, n: 200, want: [3]int{200, 2, 128}},
		{name: "fewer than one node takes", profile: fourNodes, n: 16, want: [3]int{16, 1, 16}},
		{name: "as dense as a number on nodes is", profile: "extends = \"perlmutter\"\n[engines]\nn = 64\n[job]\naccount = \"m1\"\nnodes = 4\n", n: 32, want: [3]int{32, 2, 16}},
		{name: "that fill other nodes", profile: fourNodes, said: site.Request{Nodes: 3}, want: [3]int{384, 3, 128}},
		{name: "on nodes that are named", profile: fourNodes, said: site.Request{Nodes: 8}, n: 64, want: [3]int{64, 8, 64}},
		{name: "beyond the rules", profile: "extends = \"perlmutter\"\n", n: 1, error: "every job names the account that is charged"},
		{name: "without a site", profile: "[engines]\nlauncher = \"slurm\"\n[engines.slurm]\nnodes = 2\nper_node = 8\n", n: 20, want: [3]int{20, 3, 8}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := loaded(t, tt.profile)
			err := c.PlaceMore(tt.said, tt.n)
			if tt.error != "" {
				if err == nil || !strings.Contains(err.Error(), tt.error) {
					t.Errorf("%v, want %s", err, tt.error)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := [3]int{c.Engines.Count(), c.Engines.Slurm.Nodes, c.Engines.Slurm.PerNode}
			if s := c.Engines.Slurm.Site; s != nil {
				e, err := s.Place(c.Engines.Count())
				if err != nil {
					t.Fatal(err)
				}
				got = [3]int{e.N, e.Nodes, e.PerNode}
			} else if got[1] == 0 {
				got[1] = (got[0] + got[2] - 1) / got[2] // as the launcher does
			}
			if got != tt.want {
				t.Errorf("got %v engines, nodes, and engines on each, want %v", got, tt.want)
			}
		})
	}
}

const fourNodes = "extends = \"perlmutter\"\n[job]\naccount = \"m1\"\nnodes = 4\nper_node = 128\ntime = \"20m\"\n"

func loaded(t *testing.T, text string) Config {
	t.Helper()
	var c Config
	if err := Load(own(t, "mine", map[string]string{"mine": text}), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// The controller is one process on one node, with the account and the time of the engines.
func TestPlaceController(t *testing.T) {
	c := loaded(t, fourNodes+"[controller]\nlauncher = \"slurm\"\n")
	l, err := c.PlaceController(site.Request{})
	if err != nil {
		t.Fatal(err)
	}
	e, err := l.Slurm.Site.Place(1)
	if err != nil || e.N != 1 || e.Nodes != 1 || e.PerNode != 1 || e.Account != "m1" || e.Time != 20*time.Minute {
		t.Errorf("%+v, %v", e, err)
	}
	if c.Engines.Slurm.Site != nil || c.Job.Nodes != 4 {
		t.Errorf("the engines' part is changed: %+v", c.Job)
	}
	if l, err := loaded(t, fourNodes).PlaceController(site.Request{}); err != nil || l.Elsewhere() {
		t.Errorf("without a word it is started by %q, %v", l.Launcher, err)
	}
	l, err = loaded(t, "[engines]\nlauncher = \"slurm\"\n[engines.slurm]\nnodes = 2\nper_node = 8\naccount = \"m1\"\n[controller]\nlauncher = \"slurm\"\n").PlaceController(site.Request{})
	if err != nil || l.Slurm.Nodes != 1 || l.Slurm.PerNode != 1 || l.Slurm.Account != "m1" {
		t.Errorf("without a site: %+v, %v", l.Slurm, err)
	}
}
