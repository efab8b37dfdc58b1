package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Where ssh has to ask, it does so on the terminal; and again after a break, when somebody is
// there to answer.
func TestAttachAsks(t *testing.T) {
	l := newLaptop(t)
	key := filepath.Join(filepath.Dir(l.Config), "user")
	if out, err := exec.Command("ssh-keygen", "-p", "-P", "", "-N", "a secret", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if _, diag, ok := ipcluster(t, "attach", "n1", "--profile-dir", l.there.Dir); ok {
		t.Errorf("without a terminal: %s", diag)
	}
	term := onATerminal(t, "attach", "n1", "--profile-dir", l.there.Dir)
	term.says("connecting by ssh to n1")
	term.says("Enter passphrase for key")
	term.types("a secret\n")
	term.says("attached to n1-test: 2 engines, 0 busy")
	l.Cut(t)
	term.says("ssh-add")
	term.says("press Enter to log in again")
	term.types("\n")
	term.says("Enter passphrase for key")
	term.types("a secret\n")
	term.says("2 engines, 0 busy")
	term.types(ctrlC)
	term.says("detached from n1-test; the work goes on")
	term.ends(0)
	(&attached{laptop: l}).gone()
}
