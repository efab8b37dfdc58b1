package launcher_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"muster/launcher"
	"muster/launcher/launchertest"
)

// Every launcher sends variables in a way that other users do not see.
func TestSend(t *testing.T) {
	t.Run("local", func(t *testing.T) {
		launchertest.SendSuite(t, func(_ *testing.T, c launcher.Command) launcher.Launcher { return launcher.Local{Command: c} })
	})
	t.Run("ssh", func(t *testing.T) {
		s := launchertest.NewSSHD(t)
		launchertest.SendSuite(t, func(_ *testing.T, c launcher.Command) launcher.Launcher { return viaSSH(s, c, "n1", "n2") })
	})
	t.Run("srun", func(t *testing.T) {
		launchertest.NewScheduler(t)
		t.Setenv("SLURM_JOB_ID", "17")
		launchertest.SendSuite(t, func(_ *testing.T, c launcher.Command) launcher.Launcher { return launcher.Srun{Command: c} })
	})
	underAll(t, func(t *testing.T, system string, _ *launchertest.Scheduler) {
		launchertest.SendSuite(t, func(_ *testing.T, c launcher.Command) launcher.Launcher { return batchOf(system, c, nil) })
	})
	for _, mpirun := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		t.Run(mpirun, func(t *testing.T) {
			if os.Getenv("MUSTER_MPI") == "none" {
				t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
			}
			launchertest.SendSuite(t, func(_ *testing.T, c launcher.Command) launcher.Launcher {
				return launcher.MPI{Command: c, Mpirun: []string{mpirun}}
			})
		})
	}
}

// Open MPI's mpirun, which leaves the environment behind where it goes to another
// host by ssh, takes along what a job's script sends.
func TestSendToOtherHosts(t *testing.T) {
	if os.Getenv("MUSTER_MPI") == "none" {
		t.Skip("MUSTER_MPI=none: NOT tried with any mpirun")
	}
	launchertest.NewScheduler(t)
	rsh := filepath.Join(t.TempDir(), "rsh") // as a login on another host, but on this one
	text := "#!/bin/sh\nshift\nexec env -i PATH=\"$PATH\" HOME=\"$HOME\" OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 sh -c \"$*\"\n"
	if err := os.WriteFile(rsh, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	for mpirun, words := range map[string][]string{
		"mpirun.openmpi": {"--mca", "plm_rsh_agent", rsh, "--oversubscribe", "--host", "elsewhere:2"},
		"mpirun.mpich":   {"-launcher", "rsh", "-launcher-exec", rsh, "-hosts", "elsewhere:2"},
	} {
		t.Run(mpirun, func(t *testing.T) {
			launchertest.SendSuite(t, func(_ *testing.T, c launcher.Command) launcher.Launcher {
				return launcher.Submitter{System: "lsf", Command: c, Config: launcher.SubmitConfig{
					BatchConfig: launcher.BatchConfig{Poll: time.Second, Launch: append([]string{mpirun}, words...)},
				}}
			})
		})
	}
}
