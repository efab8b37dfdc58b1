package launcher_test

import (
	"strings"
	"testing"

	"muster/launcher"
	"muster/launcher/launchertest"
)

func TestSrun(t *testing.T) {
	s := launchertest.NewScheduler(t)
	t.Setenv("SLURM_JOB_ID", "17")
	launchertest.Suite(t, func(t *testing.T, p launchertest.Program) launcher.Launcher {
		return launcher.Srun{Command: command(t, p)}
	})
	for _, call := range s.Calls("srun") {
		if call != "srun --version" && (!strings.Contains(call, " --job-name=muster-") || !strings.Contains(call, " --overlap --kill-on-bad-exit=1 ")) {
			t.Errorf("called %q", call)
		}
	}
}

func TestSrunErrors(t *testing.T) {
	t.Setenv("SLURM_JOB_ID", "")
	if _, err := (launcher.Srun{Command: command(t, launchertest.Serve)}).Start(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "this process is in none: be in one first (salloc") {
		t.Errorf("outside of a job: %v", err)
	}
	t.Setenv("SLURM_JOB_ID", "17")
	t.Setenv("SLURM_NTASKS", "")
	c := launcher.Config{Launcher: "srun"}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "Slurm job 17 was not asked for a number of tasks") {
		t.Errorf("without tasks: %v", err)
	}
	t.Setenv("SLURM_NTASKS", "8")
	if err := c.Validate(); err != nil || c.Count() != 8 {
		t.Errorf("%d engines, %v", c.Count(), err)
	}
	t.Setenv("PATH", "/nonexistent")
	if _, err := (launcher.Srun{Command: command(t, launchertest.Serve)}).Start(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "srun is not there: load Slurm's module") {
		t.Errorf("without Slurm: %v", err)
	}
}
