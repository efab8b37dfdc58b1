package wire

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
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

// Create makes the directory and its folders where they are missing, and sees to it
// that nobody else can read or change what must be private.
func (p Profile) Create() error {
	for _, d := range []struct {
		name string
		mode os.FileMode
	}{{"security", 0o700}, {"pid", 0o700}, {"log", 0o755}, {"startup", 0o755}} {
		dir := filepath.Join(p.Dir, d.name)
		err := os.MkdirAll(dir, d.mode)
		if err == nil && d.name != "startup" {
			err = writable(dir)
		}
		if err != nil {
			return fmt.Errorf("profile directory %s: %w: have one where you may write (--profile-dir, IPYTHONDIR)", p.Dir, err)
		}
		if d.mode == 0o700 {
			err = seclude(dir)
		}
		if err != nil {
			return fmt.Errorf("profile directory %s: %w: have one of your own (--profile-dir, IPYTHONDIR)", p.Dir, err)
		}
	}
	info, err := os.Stat(p.Dir)
	if err == nil && info.Mode().Perm()&0o002 != 0 && info.Mode()&os.ModeSticky == 0 {
		err = fmt.Errorf("everybody may change it, and engines run what is there: chmod o-w %s", p.Dir)
	}
	if err != nil {
		return fmt.Errorf("profile directory %s: %w", p.Dir, err)
	}
	return nil
}

// writable reports whether files can be made in a folder.
func writable(dir string) error {
	const writeAndSearch = 0o3 // W_OK and X_OK, access(2)
	if err := syscall.Access(dir, writeAndSearch); err != nil {
		return &os.PathError{Op: "write to", Path: dir, Err: err}
	}
	return nil
}

// seclude keeps all others out of a folder.
func seclude(dir string) error {
	info, err := os.Stat(dir)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = os.Chmod(dir, 0o700)
	}
	return err
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
