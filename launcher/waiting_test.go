package launcher

import (
	"testing"
	"time"
)

func TestWaitingInWords(t *testing.T) {
	now := time.Date(2026, 11, 21, 13, 53, 0, 0, time.Local)
	for want, w := range map[string]Waiting{
		"":         {},
		"Priority": {Reason: "Priority"},
		"Priority, position 3, expected to start at 14:05 (in about 12m)":   {"Priority", 3, now.Add(12*time.Minute + 30*time.Second)},
		"expected to start at 13:53":                                        {Start: now.Add(30 * time.Second)},
		"Resources, expected to start at 13:51":                             {Reason: "Resources", Start: now.Add(-2 * time.Minute)}, // it is late
		"expected to start at 23:53 (in about 10h0m)":                       {Start: now.Add(10 * time.Hour)},
		"Dependency, expected to start at 2026-11-23 16:53 (in about 2d3h)": {Reason: "Dependency", Start: now.Add(51 * time.Hour)},
	} {
		if got := w.at(now); got != want {
			t.Errorf("%+v:\ngot  %s\nwant %s", w, got, want)
		}
	}
	if got := About(40 * time.Second); got != "40s" {
		t.Errorf("40s is %s", got)
	}
}
