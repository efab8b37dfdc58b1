package schedulers

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unseen is the folder of the system that nodes do not see.
const unseen = "login"

// badInput tries starts that cannot be: each says why and what to do, and leaves
// nothing.
func badInput(t *testing.T, s *system, empty func(*testing.T)) {
	refused := func(t *testing.T, n *site, want string, args ...string) {
		t.Helper()
		first := n.fails("ipcluster", append([]string{"start"}, args...)...)
		if !regexp.MustCompile(`^ipcluster: ` + want + `$`).MatchString(first) {
			t.Errorf("first line\n%s\nwant\n%s", first, want)
		}
		if out := n.run("ipcluster", "list", "-o", "json"); strings.TrimSpace(out) != "[]" {
			t.Errorf("left: %s", out)
		}
		empty(t)
	}
	t.Run("Partition", func(t *testing.T) {
		refused(t, newSite(t, s, twoNodes), `launcher: submit: sbatch: error: Batch job submission failed: Invalid partition name specified \(exit status 1\): give another one \(--queue; sinfo --summarize shows what there is\)`,
			"--queue", "nowhere")
	})
	t.Run("Account", func(t *testing.T) {
		refused(t, newSite(t, s, twoNodes), `.*: give an account that may run there \(--account; sacctmgr show associations user=\$USER shows what there is\)`,
			"--queue", "closed", "--account", "nobody")
	})
	t.Run("Time", func(t *testing.T) {
		refused(t, newSite(t, s, twoNodes), `cluster: engines did not start: ipengine: slurm job \d+ cannot start: PartitionTimeLimit: the partition does not give so much time: ask for less time \(--time; sinfo --format="%P %l %D" shows what there is\)`,
			"--queue", "brief", "--time", "1h")
	})
	t.Run("Down", func(t *testing.T) {
		conf, err := os.ReadFile(filepath.Join(s.dir, "etc", "slurm.conf"))
		if err != nil {
			t.Fatal(err)
		}
		elsewhere := regexp.MustCompile(`(?m)^SlurmctldPort=.*$`).ReplaceAllString(string(conf), "SlurmctldPort=1\nMessageTimeout=2")
		n := newSite(t, s, twoNodes)
		path := filepath.Join(n.dir, "slurm.conf")
		if err := os.WriteFile(path, []byte(elsewhere), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := n.command("ipcluster", "start")
		cmd.Env = append(cmd.Env, "SLURM_CONF="+path)
		out, err := cmd.CombinedOutput()
		if first, _, _ := strings.Cut(string(out), "\n"); err == nil || !strings.HasSuffix(first, ": it does not answer now: try again later") {
			t.Errorf("%v, printed\n%s", err, out)
		}
		empty(t)
	})
	t.Run("ProfileThatNodesDoNotSee", func(t *testing.T) {
		n := newSite(t, s, twoNodes)
		dir := copied(t, filepath.Join(n.dir, "profile_test"), filepath.Join(s.dir, unseen, "profile_test"))
		refused(t, n, `cluster: engines did not start: ipengine: slurm job \d+: .*, and it has not said that it began: if compute nodes do not see `+regexp.QuoteMeta(dir)+`/log, have the profile where they do \(--profile-dir, IPYTHONDIR\)`,
			"--profile-dir", dir)
	})
	t.Run("ProgramThatNodesDoNotSee", func(t *testing.T) {
		n := newSite(t, s, twoNodes)
		dir := copied(t, bin, filepath.Join(s.dir, unseen, "bin"))
		cmd := n.command(filepath.Join(dir, "ipcluster"), "start")
		out, err := cmd.CombinedOutput()
		first, _, _ := strings.Cut(string(out), "\n")
		if want := "ipcluster: cluster: engines did not start: ipengine: " + filepath.Join(dir, "ipengine") + " is not on n1: put it where compute nodes see it ("; err == nil || !strings.HasPrefix(first, want) {
			t.Errorf("%v, first line\n%s\nwant\n%s", err, first, want)
		}
		empty(t)
	})
}

// copied copies the files of a folder.
func copied(t *testing.T, from, to string) string {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err == nil {
		err = os.MkdirAll(to, 0o755)
	}
	for _, e := range entries {
		if err == nil && e.Type().IsRegular() {
			err = copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	if _, err = io.Copy(out, in); err == nil {
		err = out.Close()
	}
	return err
}
