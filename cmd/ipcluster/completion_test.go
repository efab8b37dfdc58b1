package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Commands, their flags and the values of these are what the programs have.
func TestComplete(t *testing.T) {
	p := profile(t)
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.PidDir(), "ipcluster-big.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ words, want string }{
		{"st", "start stop status"},
		{"start --dae", "--daemonize"},
		{"start --hel", "--help"},
		{"start --engines m", "mpi"},
		{"start --engines = m", "mpi"},
		{"start --engines=m", "--engines=mpi"},
		{"start --daemonize --rest", "--restart --restore"},
		{"start --profile tes", "test"},
		{"stop --profile perl", "perlmutter"},
		{"status --cluster-id ", "big"},
		{"status -o ", "text json"},
		{"engines re", "remove restart"},
		{"engines remove --se", "--set --setup"},
		{"logs con", "controller"},
		{"script sl", "slurm"},
		{"profile sh", "show"},
		{"profile show fronter", "frontera"},
		{"profile create fronter", ""},
		{"completion ", "bash zsh fish"},
		{"help cl", "clean"},
		{"version ", ""},
		{"nonsense --", ""},
		{"start --profile-dir ", ""},
	} {
		out, diag, ok := ipcluster(t, append([]string{completeCommand}, strings.Split(tt.words, " ")...)...)
		if got := strings.Fields(out); !ok || diag != "" || !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%q: %q %s, want %q", tt.words, got, diag, tt.want)
		}
	}
	if out, _, ok := ipcluster(t, completeCommand); !ok || !strings.HasPrefix(out, "start\n") {
		t.Errorf("nothing: %s", out)
	}
	if _, diag, ok := ipcluster(t, "completion", "tcsh"); ok || diag != "ipcluster: completion: want bash, zsh or fish\n" {
		t.Errorf("tcsh: %s", diag)
	}
}

// The shells read what is printed for them, and complete by it.
func TestShellsComplete(t *testing.T) {
	p := profile(t)
	self, err := os.Executable()
	if err == nil {
		err = os.Symlink(self, filepath.Join(filepath.Dir(p.Dir), "ipcluster"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for shell, script := range map[string]string{
		"bash": `source <(ipcluster completion bash); COMP_WORDS=(ipcluster start --engines m); COMP_CWORD=3; _ipcluster; echo "${COMPREPLY[@]}"`,
		"zsh":  `compdef() { }; compadd() { shift; echo $@ }; source <(ipcluster completion zsh); words=(ipcluster start --engines m); CURRENT=4; _ipcluster`,
		"fish": `ipcluster completion fish | source; complete -C 'ipcluster start --engines m'`,
	} {
		if _, err := exec.LookPath(shell); err != nil && shell != "bash" {
			t.Logf("%s is not installed: NOT tried", shell)
			continue
		}
		out, err := exec.Command(shell, "-c", script).CombinedOutput()
		if err != nil || string(out) != "mpi\n" {
			t.Errorf("%s: %v %s", shell, err, out)
		}
	}
}
