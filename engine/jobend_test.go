package engine

import (
	"testing"
	"time"

	"muster/wire"
)

// The end of the job is what our own scripts say, and else what Slurm does.
func TestJobEnd(t *testing.T) {
	for _, c := range []struct {
		muster, slurm string
		want          time.Time
		fails         bool
	}{
		{want: time.Time{}},
		{muster: "1900000000", want: time.Unix(1900000000, 0)},
		{muster: "1900000000.5", slurm: "1800000000", want: time.Unix(1900000000, 5e8)},
		{slurm: "1800000000", want: time.Unix(1800000000, 0)},
		{muster: "tomorrow", slurm: "1800000000", fails: true},
		{muster: "-1", fails: true},
		{muster: "NaN", fails: true},
		{slurm: "1e300", fails: true},
	} {
		t.Setenv(jobEndVar, c.muster)
		t.Setenv(slurmJobEndVar, c.slurm)
		got, err := environJobEnd()
		if !got.Equal(c.want) || (err != nil) != c.fails {
			t.Errorf("%+v: %v, %v", c, got, err)
		}
	}
}

// An engine tells it when it registers, and tasks may ask how much is left.
func TestJobEndRegistered(t *testing.T) {
	for _, name := range []string{jobEndVar, slurmJobEndVar} {
		t.Run(name, func(t *testing.T) {
			c := newController(t, realNetwork(t))
			p := &process{engineRun: &engineRun{c: c, id: 7}}
			p.cmd, p.log = command(t, []string{jobEndVar + "=", slurmJobEndVar + "=", name + "=4000000000"}, "--file", c.file, "--timeout=60")
			if reg := c.accept(p.engineRun); !reg.JobEnd.Equal(time.Unix(4000000000, 0)) {
				t.Errorf("registered as %+v", reg)
			}
		})
	}
}

// Expressions of tasks go by what is left of it, in seconds.
func TestRemaining(t *testing.T) {
	for left, texts := range map[time.Duration][2]string{
		time.Hour: {"remaining > 3000 && remaining <= 3600", "remaining > 3600"},
		0:         {"remaining > 1e12", "remaining < 1e12"}, // without an end
	} {
		var cfg Config
		if left > 0 {
			cfg.JobEnd = time.Now().Add(left)
		}
		r := newEngine(t, cfg)
		r.value(r.demand("test.Nop", map[string]any{"depend": texts[0]}))
		r.failsWith(r.demand("test.Nop", map[string]any{"depend": texts[1]}), wire.UnmetDependency, "depend `"+texts[1]+"` is false")
	}
}
