package wire

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is private becomes so, and a folder that everybody may change is refused.
func TestProfileIsPrivate(t *testing.T) {
	p := Profile{Dir: filepath.Join(t.TempDir(), "profile_test")}
	if err := os.MkdirAll(filepath.Join(p.Dir, "security"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Create(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"security": 0o700, "pid": 0o700} {
		if info, err := os.Stat(filepath.Join(p.Dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
	if err := os.Chmod(p.Dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := p.Create(); err == nil || !strings.HasSuffix(err.Error(), "everybody may change it, and engines run what is there: chmod o-w "+p.Dir) {
		t.Errorf("%v", err)
	}
}

func TestProfileThatCannotBe(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, "/proc/nowhere"} {
		err := Profile{Dir: dir}.Create()
		if err == nil || !strings.HasPrefix(err.Error(), "profile directory "+dir+": mkdir ") || !strings.HasSuffix(err.Error(), ": have one where you may write (--profile-dir, IPYTHONDIR)") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}
