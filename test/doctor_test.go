package test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"muster/cluster/doctor"
	"muster/launcher/launchertest"
)

// examine runs ipcluster doctor and returns what it has found; whether it failed has to
// be what its findings say. A shell may run before it in the same process.
func (s *site) examine(shell string, args ...string) []doctor.Finding {
	s.t.Helper()
	c := s.command("sh", append([]string{"-c", shell + "\n" + `exec "$@"`, "sh", filepath.Join(bin, "ipcluster"), "doctor", "-o", "json"}, args...)...)
	var diag strings.Builder
	c.Stderr = &diag
	out, err := c.Output()
	var found []doctor.Finding
	if json.Unmarshal(out, &found) != nil {
		s.t.Fatalf("doctor %s: %v\n%s%s", strings.Join(args, " "), err, out, &diag)
	}
	failed := slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.State == doctor.Failure })
	if failed != (err != nil) {
		s.t.Errorf("doctor ends with %v, and found\n%s", err, findings(found))
	}
	for _, f := range found {
		if (f.State == doctor.OK) != (f.Why == "") {
			s.t.Errorf("%+v: it says why where all is well, or does not where something is wrong", f)
		}
	}
	left, _ := filepath.Glob(filepath.Join(s.dir, "profile_*", "*doctor*"))
	hidden, _ := filepath.Glob(filepath.Join(s.dir, "profile_*", ".doctor*"))
	if left = append(left, hidden...); len(left) > 0 {
		s.t.Errorf("left behind: %s", left)
	}
	return found
}

func findings(all []doctor.Finding) string {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%s %s [%s] %s | %s | %s\n", f.State, f.Check, f.Nodes, f.Found, f.Why, f.Do)
	}
	return b.String()
}

// has checks that there is a finding of the check in a state, of which the words are part.
func has(t *testing.T, found []doctor.Finding, state doctor.State, check string, words ...string) {
	t.Helper()
	if !slices.ContainsFunc(found, func(f doctor.Finding) bool {
		all := f.Nodes + ": " + f.Found + "; " + f.Why + "; " + f.Do
		return f.State == state && f.Check == check && !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(all, w) })
	}) {
		t.Errorf("no %s of check %s with %q in\n%s", state, check, words, findings(found))
	}
}

// write writes the profile of a site.
func (s *site) write(name, text string) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "profile_"+name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ipcluster.toml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// On a machine that is well all is well, on this machine and in a job.
func TestDoctor(t *testing.T) {
	without(t, "MUSTER_MPI")
	s := newSite(t)
	found := s.examine("", "--engines", "mpi", "--job", "-n", "2")
	for _, f := range found {
		if f.State != doctor.OK {
			t.Errorf("%+v", f)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	has(t, found, doctor.OK, "mpirun", "2 ranks of")
	has(t, found, doctor.OK, "mpi", host+": 2 ranks of")
	has(t, found, doctor.OK, "network", host+": this machine is reached at 127.0.0.1")
	has(t, found, doctor.OK, "directory", host+": ", "a new file within")
	has(t, found, doctor.OK, "clock", host+": ")
	if entries, err := os.ReadDir(s.dir); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// Whatever is really broken is found, and the remedy with it.
func TestDoctorFinds(t *testing.T) {
	without(t, "MUSTER_MPI")
	const noJob = "--no-job"
	shim := filepath.Join(bin, "libmuster-mpi-openmpi.so")
	for name, tt := range map[string]struct {
		shell   string // before it
		profile string
		args    []string
		state   doctor.State
		check   string
		words   []string
	}{
		"NoDirectory": {args: []string{"--profile-dir", "/proc/nowhere/profile_x"}, state: doctor.Failure, check: "directory", words: []string{"/proc/nowhere", "--profile-dir"}},
		"ReadOnly":    {args: []string{"--profile-dir", "/sys/kernel"}, state: doctor.Failure, check: "directory", words: []string{"no file can be made in /sys/kernel"}},
		"Readable": {shell: `mkdir -p $IPYTHONDIR/profile_test/security; chmod 755 $IPYTHONDIR/profile_test/security`,
			state: doctor.Failure, check: "directory", words: []string{"security has mode 0755", "chmod 700 "}},
		"Writable":   {shell: `chmod 777 $IPYTHONDIR/profile_test`, state: doctor.Failure, check: "directory", words: []string{"chmod go-w "}},
		"Public":     {shell: `chmod 755 $IPYTHONDIR/profile_test`, state: doctor.Warning, check: "directory", words: []string{"mode 0755"}},
		"FewFiles":   {shell: `ulimit -n 300`, args: []string{"-n", "64"}, state: doctor.Failure, check: "limits", words: []string{"300 files", "enough for 20 engines", "64 engines need 646"}},
		"SomeFiles":  {shell: `ulimit -n 4096`, args: []string{"-n", "64"}, state: doctor.Warning, check: "limits", words: []string{"1000 engines need 8134"}},
		"UnknownKey": {profile: "launchr = 1\n", state: doctor.Failure, check: "profile", words: []string{`unknown key "launchr"`}},
		"Refused": {profile: "extends = \"perlmutter\"\n", args: []string{noJob}, state: doctor.Failure, check: "profile",
			words: []string{"every job names the account", "give one: --account"}},
		"Hidden": {profile: "[site]\nname = \"Lab\"\nscheduler = \"slurm\"\n[[site.nodes]]\nname = \"n\"\ncores = 2\n[site.files]\nhidden = [\"DIR\"]\nroot = \"/work\"\n",
			args: []string{noJob}, state: doctor.Failure, check: "profile", words: []string{"compute nodes do not see ", "IPYTHONDIR=/work/ipython"}},
		"NoProfile": {args: []string{"--profile", "perlmuter", noJob}, state: doctor.Failure, check: "profile", words: []string{`there is no profile perlmuter (did you mean "perlmutter"?)`}},
		"NoInterface": {profile: "[site]\nname = \"Lab\"\nscheduler = \"slurm\"\n[[site.nodes]]\nname = \"n\"\ncores = 2\n[site.network]\ninterface = \"nosuch0\"\n",
			args: []string{noJob}, state: doctor.Warning, check: "network", words: []string{"no interface nosuch0 here", "--ip"}},
		"Loopback": {profile: "[engines]\nlauncher = \"ssh\"\n[engines.ssh]\nhosts = [\"n1\"]\n[controller]\nengine_ip = \"127.0.0.1\"\n",
			args: []string{noJob}, state: doctor.Failure, check: "network", words: []string{"listen on loopback", "cannot reach it"}},
		"NotOurs":         {profile: "[controller]\nip = \"198.51.100.7\"\n", state: doctor.Failure, check: "network", words: []string{"no address of this machine"}},
		"NotOurInterface": {profile: "[controller]\nengine_ip = \"nosuch0\"\n", state: doctor.Failure, check: "network", words: []string{"nosuch0", "controller.engine_ip"}},
		"NoScheduler":     {profile: "[engines]\nlauncher = \"lsf\"\nn = 2\n", args: []string{noJob}, state: doctor.Failure, check: "scheduler", words: []string{"bsub is not there", "login node"}},
		"NoShim":          {shell: `export MUSTER_MPI_SHIM=/nowhere/shim.so`, args: []string{"--engines", "mpi"}, state: doctor.Failure, check: "mpi", words: []string{"/nowhere/shim.so", "ipengine mpi build"}},
		"OtherMPI": {shell: "export MUSTER_MPI_SHIM=" + shim, profile: "[engines]\nlauncher = \"mpi\"\n[engines.mpi]\ncommand = [\"mpirun.mpich\"]\n",
			state: doctor.Failure, check: "mpirun", words: []string{"finds itself alone", "engines.mpi.command"}},
		"OtherFlavour": {shell: "export MUSTER_MPI_SHIM=" + shim, profile: "[site]\nname = \"Lab\"\nscheduler = \"slurm\"\n[[site.nodes]]\nname = \"n\"\ncores = 2\n[site.mpi]\nflavour = \"mpich-abi\"\n",
			args: []string{noJob}, state: doctor.Warning, check: "mpi", words: []string{"which is openmpi", "MPI of Lab is mpich-abi"}},
		"NoMpirun": {profile: "[engines]\nlauncher = \"mpi\"\n[engines.mpi]\ncommand = [\"nompirun\"]\n", state: doctor.Failure, check: "mpirun", words: []string{"nompirun is not there"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			s.write("test", strings.ReplaceAll(tt.profile, "DIR", s.dir))
			args := tt.args
			if !slices.ContainsFunc(args, func(a string) bool { return strings.HasPrefix(a, "--profile") }) {
				args = append([]string{"--profile", "test"}, args...)
			}
			has(t, s.examine(tt.shell, args...), tt.state, tt.check, tt.words...)
		})
	}
}

// Programs that are missing, or of another version, or that do not start.
func TestDoctorFindsPrograms(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	for _, name := range []string{"ipcluster", "ipengine"} {
		if err := os.Link(filepath.Join(bin, name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	other := filepath.Join(dir, "ipcontroller")
	if out, err := exec.Command("go", "build", "-ldflags=-X main.version=v0.0.1", "-o", other, "../cmd/ipcontroller").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	old := bin
	bin = dir
	defer func() { bin = old }()
	has(t, s.examine(""), doctor.Failure, "programs", "ipcontroller is version v0.0.1, this program ", "make bin")
	if err := os.WriteFile(other, []byte("#!/nowhere/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	has(t, s.examine(""), doctor.Failure, "programs", "ipcontroller cannot be used")
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	has(t, s.examine("PATH="+t.TempDir()), doctor.Failure, "programs", "ipcontroller is neither beside this program nor in PATH")
}

// What only root can break: a disk that is full, and a network without a way.
func TestDoctorFindsAsRoot(t *testing.T) {
	without(t, "MUSTER_MPI")
	if err := exec.Command("unshare", "--mount", "--net", "true").Run(); err != nil {
		t.Skipf("SKIPPED: no namespaces can be made here: %v", err)
	}
	s := newSite(t)
	dir := filepath.Join(s.dir, "profile_test")
	s.write("test", "")
	in := func(script string) []doctor.Finding {
		t.Helper()
		return s.examine(`[ -n "$INSIDE" ] || INSIDE=1 exec unshare --mount sh -c '`+strings.ReplaceAll(script, "DIR", dir)+"\n"+`exec "$@"' sh "$@"`, "--profile", "test")
	}
	has(t, in("mount -t tmpfs -o size=256k none DIR"), doctor.Failure, "space", "a file of 1 MiB cannot be written", "quota")
	has(t, in("mount -t tmpfs -o size=8m none DIR"), doctor.Failure, "space", "8.0 MiB free")
	has(t, in("mount -t tmpfs -o size=4g,nr_inodes=100 none DIR"), doctor.Warning, "space", "room for 9")
	has(t, in("mount -t tmpfs -o ro none DIR"), doctor.Failure, "directory", "read-only file system")

	// Ranks in a network of their own see the files, and nobody else.
	wrapper := filepath.Join(s.dir, "mpirun")
	script := "#!/bin/sh\nexec unshare --net sh -c 'ip link set lo up 2>/dev/null; exec mpirun \"$@\"' mpirun \"$@\"\n"
	if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	s.write("test", fmt.Sprintf("[engines]\nlauncher = \"mpi\"\n[engines.mpi]\ncommand = [%q]\n", wrapper))
	found := s.examine("", "--profile", "test", "--job", "-n", "2")
	has(t, found, doctor.Failure, "network", "this machine is not reached: 127.0.0.1: ", "controller.engine_ports")
	has(t, found, doctor.Warning, "clock", "not compared")
	has(t, found, doctor.OK, "mpi", "2 ranks of")
}

// A crashed cluster is found, and what is said about it helps.
func TestDoctorFindsCrashedClusters(t *testing.T) {
	s := newSite(t)
	s.run("ipcluster", "start", "-n", "1", "--daemonize")
	has(t, s.examine(""), doctor.OK, "clusters", "1 of this profile run")
	var list []struct {
		Supervisor struct{ PID int } `json:"supervisor"`
	}
	paths, err := filepath.Glob(filepath.Join(s.dir, "profile_default", "pid", "*.json"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("records: %v, %v", paths, err)
	}
	text, err := os.ReadFile(paths[0])
	if err == nil {
		err = json.Unmarshal([]byte("["+string(text)+"]"), &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	p, err := os.FindProcess(list[0].Supervisor.PID)
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.until("the supervisor's end", func() bool { return strings.Contains(s.run("ipcluster", "list"), "stale") })
	has(t, s.examine(""), doctor.Warning, "clusters", "cluster default has crashed", "ipcluster clean")
	s.run("ipcluster", "clean")
	has(t, s.examine(""), doctor.OK, "clusters", "none is left over")
}

// Hosts by a real ssh.
func TestDoctorBySSH(t *testing.T) {
	d := launchertest.NewSSHD(t)
	s := newSite(t)
	profile := func(hosts, more string) {
		s.write("test", fmt.Sprintf("[engines]\nlauncher = \"ssh\"\n[engines.ssh]\nhosts = [%s]\ncommand = [\"ssh\", \"-F\", %q]\n%s", hosts, d.Config, more))
	}
	profile(`"n1:4", "far"`, "")
	found := s.examine("", "--profile", "test")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	has(t, found, doctor.OK, "job", host, "2 copies reported")
	has(t, found, doctor.OK, "network", host+": this machine is reached at ")
	has(t, found, doctor.OK, "programs", host+": ipengine ")

	profile(`"n1", "closed"`, "")
	has(t, s.examine("", "--profile", "test"), doctor.Failure, "job", "closed", "Permission denied")
	profile(`"n1"`, "program = \"/nowhere/ipengine\"\n")
	has(t, s.examine("", "--profile", "test"), doctor.Failure, "job", "/nowhere/ipcluster is not on ")
	profile(`"n1"`, "[controller]\nengine_ip = \"127.0.0.1\"\nlocation = \"127.0.0.9\"\n")
	has(t, s.examine("", "--profile", "test"), doctor.Failure, "network", "listen on loopback")
}

// A controller may open as many files as its hard limit allows, whatever the soft one is
// that it is started with: it has eight connections to each engine.
func TestControllerRaisesItsLimit(t *testing.T) {
	s := newSite(t)
	c := s.background("sh", "-c", "ulimit -Sn 128; exec ipcontroller")
	s.connect(0)
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", c.Process.Pid))
	if err != nil {
		t.Skipf("SKIPPED: the system does not tell the limits of a process: %v", err)
	}
	for line := range strings.Lines(string(limits)) {
		f := strings.Fields(line)
		if !strings.HasPrefix(line, "Max open files") {
			continue
		}
		soft, _ := strconv.Atoi(f[3])
		hard, _ := strconv.Atoi(f[4])
		if soft < hard-1 || soft <= 128 { // the runtime of Go leaves one out, so that it can tell its own raise
			t.Errorf("it is %s", line)
		}
	}
}
