package doctor

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"muster/launcher/site"
	"muster/mpi"
)

// Programs that really do not start, and what is made of the shell's words about them.
func TestDiagnose(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(name string, args ...string) string {
		out, _ := exec.Command(name, args...).CombinedOutput() // that it fails is what it is run for
		return string(out)
	}
	write("lib.c", "int seven(void) { return 7; }\n")
	write("main.c", "int seven(void); int main(void) { return seven(); }\n")
	lib := filepath.Join(dir, "libzmq-of-a-test.so")
	for _, args := range [][]string{
		{"-shared", "-fPIC", "-Wl,-soname=libzmq-of-a-test.so", "-o", lib, filepath.Join(dir, "lib.c")},
		{"-o", filepath.Join(dir, "linked"), filepath.Join(dir, "main.c"), lib},
	} {
		if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if err := os.Remove(lib); err != nil {
		t.Fatal(err)
	}
	elf, err := os.ReadFile(filepath.Join(dir, "linked"))
	if err != nil {
		t.Fatal(err)
	}
	elf[18], elf[19] = 0xf7, 0 // the machine in an ELF header: BPF, on which no program runs
	for _, tt := range []struct{ output, check, found string }{
		{run(filepath.Join(dir, "linked")), "libzmq", "nodes lack libzmq-of-a-test.so"},
		{run("bash", "-c", write("other", string(elf))), "programs", "of another architecture"},
		{"./ipcluster: /lib64/libc.so.6: version `GLIBC_2.34' not found (required by ./ipcluster)\n", "programs", "older than GLIBC_2.34"},
		{"/home/me/bin/ipcluster is not on n1: put it where compute nodes see it\n", "programs", "n1 does not see /home/me/bin/ipcluster"},
		{"all is well\n", "", ""},
	} {
		f, check := diagnose(tt.output)
		if check != tt.check || !strings.Contains(f.Found, tt.found) || check != "" && f.State != Failure {
			t.Errorf("%q is %s: %+v, want %s: %s", tt.output, check, f, tt.check, tt.found)
		}
	}
}

// What several nodes have in common is said once.
func TestEach(t *testing.T) {
	reports := []Report{{Host: "n1", OpenFiles: 100}, {Host: "n2", OpenFiles: 4096}, {Host: "n3", OpenFiles: 100}, {Host: "n3", OpenFiles: 100}}
	found := nodeLimits(nil, reports)
	if len(found) != 1 || found[0].Nodes != "n1, n3" || found[0].State != Warning {
		t.Errorf("found %+v", found)
	}
	found = nodeLimits(nil, reports[1:2])
	if len(found) != 1 || found[0].Nodes != "n2" || found[0].State != OK {
		t.Errorf("found %+v", found)
	}
	many := hosts([]Report{{Host: "a"}, {Host: "b"}, {Host: "c"}, {Host: "d"}, {Host: "e"}})
	if many != "a, b, c and 2 more" {
		t.Errorf("hosts are %s", many)
	}
}

func TestMountOf(t *testing.T) {
	const table = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:30 / /work rw - lustre 10.0.0.1@tcp:/work rw
31 22 0:31 / /my\040disk rw - nfs4 server:/disk rw
32 30 0:32 / /work/tmp rw - tmpfs none rw
33 30 0:33 / /work/tmp rw - xfs /dev/sdb rw
`
	for path, want := range map[string]string{
		"/home/me": "ext4 /", "/work": "lustre /work", "/work/me": "lustre /work", "/workshop": "ext4 /",
		"/my disk/x": "nfs4 /my disk", "/work/tmp/x": "xfs /work/tmp", // the later one is mounted over it
	} {
		if kind, at := mountOf(table, path); kind+" "+at != want {
			t.Errorf("%s is on %s %s, want %s", path, kind, at, want)
		}
	}
	if kind, _ := mountOf("what is this", "/"); kind != "a file system" {
		t.Errorf("of no table: %s", kind)
	}
}

func TestLockTwice(t *testing.T) {
	if err := lockTwice(t.TempDir()); err != nil {
		t.Error(err)
	}
}

func TestFilesOfAController(t *testing.T) {
	for _, n := range []int{0, 1, 1000} {
		if got := enginesFor(filesFor(n)); got != uint64(n) {
			t.Errorf("with the files for %d engines there are %d", n, got)
		}
	}
	if enginesFor(3) != 0 {
		t.Error("a controller of three files has engines")
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"doctor":{"key":"k","interface":"tcp://127.0.0.1"},"dir":"/run"}`))
	f.Add([]byte(`{"doctor":{},"dir":"run"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := parseRequest(text); err == nil && (r.Doctor.Key == "" || !filepath.IsAbs(r.Dir)) {
			t.Errorf("%q is taken as %+v", text, r)
		}
	})
}

// Job scripts prefer the MPI of the site by the variable that engines read.
func TestFlavourOfTheSite(t *testing.T) {
	s := site.Site{Name: "Lab", Scheduler: "slurm", Nodes: []site.Kind{{Name: "n", Cores: 2}}, MPI: site.MPI{Flavour: "mpich-abi"}}
	plan, err := s.Plan(site.Request{})
	if err != nil || !slices.Equal(plan.Env, []string{mpi.FlavourEnv + "=mpich"}) {
		t.Errorf("environment %q, %v", plan.Env, err)
	}
}
