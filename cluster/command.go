package cluster

import (
	"fmt"
	"os/exec"
	"path/filepath"

	"muster/launcher"
)

// connectionInfo is the variable by which an engine has what is in the connection file.
const connectionInfo = "IPP_CONNECTION_INFO"

// command is that of an engine of the set, or of all.
func (s *engines) command(log string, more ...string) (launcher.Command, error) {
	c := s.c
	for _, f := range []struct{ flag, file string }{{"startup", c.profile.Engines.Startup}, {"checkpoint", c.profile.Engines.Checkpoint}} {
		if f.file != "" && !filepath.IsAbs(f.file) {
			f.file = filepath.Join(c.config.Profile.Dir, f.file)
		}
		if f.file != "" {
			more = append(more, "--"+f.flag+"="+f.file)
		}
	}
	command := launcher.Command{Log: log, Mark: s.mark, Env: Environment()}
	if s.config.ByEnvironment() { // they may not see the profile
		command.Send = map[string]string{connectionInfo: c.config.Profile.EngineFile(c.config.ID)}
	} else {
		more = append(c.selection(), more...)
	}
	var err error
	command.Args, err = c.command(c.config.Engine, "ipengine", append(more, c.config.EngineArgs...))
	return command, err
}

// selection are the flags that tell a program which cluster is meant.
func (c *Cluster) selection() []string {
	return []string{"--profile-dir=" + c.config.Profile.Dir, "--cluster-id=" + c.config.ID}
}

// command completes a command line: that of a program of the cluster, beside
// this one or on PATH, unless other words are given.
func (c *Cluster) command(words []string, name string, more []string) ([]string, error) {
	if len(words) == 0 {
		path, err := Program(name)
		if err != nil {
			return nil, err
		}
		words = []string{path}
	}
	program, err := exec.LookPath(words[0])
	if err == nil {
		program, err = filepath.Abs(program)
	}
	if err != nil {
		return nil, fmt.Errorf("cluster: program %s: %w", words[0], err)
	}
	words = append([]string{program}, words[1:]...)
	return append(words, more...), nil
}

func (c *Cluster) log(program, copies string) string {
	if c.config.ID != "" {
		program += "-" + c.config.ID
	}
	return filepath.Join(c.config.Profile.LogDir(), program+copies+".log")
}
