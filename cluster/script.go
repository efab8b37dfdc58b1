package cluster

import "fmt"

// Script returns the script that Start submits to a batch system for the
// engines, or has the shells of other hosts read. Nothing is started, and no file is written.
func Script(config Config) (string, error) {
	profile, _, err := config.load()
	if err != nil {
		return "", err
	}
	c := &Cluster{config: config, profile: profile, record: new(Record)}
	s := c.newSet(profile.Engines, 0)
	l, err := s.launcher()
	if err != nil {
		return "", err
	}
	scripted, ok := l.(interface{ Script(n int) (string, error) })
	if !ok {
		return "", fmt.Errorf("cluster: engines of launcher %q are processes of this machine: nothing is submitted for them", profile.Engines.Name())
	}
	return scripted.Script(len(s.ids))
}
