package wire

import (
	"fmt"
	"os"
	"path/filepath"
)

// A Profile is an IPython profile directory: the place where a controller
// leaves its connection files and every peer, Go or Python, looks for them.
//
//	profile_<name>/security/  ipcontroller[-<cluster id>]-{client,engine}.json, mode 0700
//	profile_<name>/log/       what controllers and engines print
//	profile_<name>/pid/       what runs, mode 0700
//	profile_<name>/startup/   used by Python engines
type Profile struct{ Dir string }

// NamedProfile returns the profile of that name in $IPYTHONDIR, or in
// ~/.ipython when that is not set. An empty name means "default".
func NamedProfile(name string) (Profile, error) {
	if name == "" {
		name = "default"
	}
	root := os.Getenv("IPYTHONDIR")
	if root == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return Profile{}, fmt.Errorf("profile %q: IPYTHONDIR is not set and there is no home directory: %w", name, err)
		}
		root = filepath.Join(home, ".ipython")
	}
	return Profile{filepath.Join(root, "profile_"+name)}, nil
}

// Create makes the directory and its folders where they are missing.
func (p Profile) Create() error {
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{{"security", 0o700}, {"pid", 0o700}, {"log", 0o755}, {"startup", 0o755}} {
		if err := os.MkdirAll(filepath.Join(p.Dir, d.name), d.mode); err != nil {
			return fmt.Errorf("profile directory: %w", err)
		}
	}
	return nil
}

// ClientFile is the path of the connection file for clients of a cluster. The
// cluster id is "" for a profile's only cluster.
func (p Profile) ClientFile(clusterID string) string { return p.connection(clusterID, "client") }

// EngineFile is the path of the connection file for engines of a cluster.
func (p Profile) EngineFile(clusterID string) string { return p.connection(clusterID, "engine") }

func (p Profile) connection(clusterID, peer string) string {
	if clusterID != "" {
		clusterID = "-" + clusterID
	}
	return filepath.Join(p.Dir, "security", "ipcontroller"+clusterID+"-"+peer+".json")
}

// LogDir is where the output of controllers and engines goes.
func (p Profile) LogDir() string { return filepath.Join(p.Dir, "log") }

// PidDir is where running clusters are recorded.
func (p Profile) PidDir() string { return filepath.Join(p.Dir, "pid") }
