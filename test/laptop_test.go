package test

import (
	"os"
	"os/exec"

	"muster/launcher/launchertest"
)

// loginNode is what a page calls a host behind ssh.
const loginNode = "login.example.org"

// behindSSH has ssh lead to this machine, where another IPYTHONDIR is that of whoever logs in.
// Clusters there are stopped when the test ends.
func (s *site) behindSSH() {
	there := s.t.TempDir()
	env := []string{"IPYTHONDIR=" + there, "PATH=" + plain + ":" + os.Getenv("PATH")}
	s.ssh = launchertest.NewSSHD(s.t, env...).Program(s.t) + ":"
	s.t.Cleanup(func() {
		stop := exec.Command(plain+"/ipcluster", "stop", "--all")
		stop.Env = append(os.Environ(), env...)
		if out, err := stop.CombinedOutput(); err != nil {
			s.t.Errorf("stop: %v\n%s", err, out)
		}
	})
}
