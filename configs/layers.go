package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"muster/wire"
)

// A Selection says which cluster is meant: a profile, by name or by directory,
// and a cluster id.
type Selection struct {
	Name       string // profile name; "" is default
	Dir        string // profile directory, instead of a name
	IPythonDir string // where named profiles are; "" is $IPYTHONDIR or ~/.ipython
	ClusterID  string // "" for the profile's only cluster

	flags *pflag.FlagSet
}

// AddFlags adds --profile, --profile-dir, --ipython-dir and --cluster-id.
func (s *Selection) AddFlags(flags *pflag.FlagSet) {
	s.flags = flags
	flags.StringVar(&s.Name, "profile", "", "name of the profile (default \"default\")")
	flags.StringVar(&s.Dir, "profile-dir", "", "directory of the profile, instead of its name [$IPP_PROFILE_DIR]")
	flags.StringVar(&s.IPythonDir, "ipython-dir", "", "where named profiles are [$IPYTHONDIR] (default ~/.ipython)")
	flags.StringVar(&s.ClusterID, "cluster-id", "", "name of the cluster, where a profile has more than one [$IPP_CLUSTER_ID]")
}

// Profile returns the profile that the flags, or else the environment, select.
// It also fills in ClusterID from the environment.
func (s *Selection) Profile() (wire.Profile, error) {
	given := func(name string) bool { return s.flags != nil && s.flags.Changed(name) }
	if !given("cluster-id") && s.ClusterID == "" {
		s.ClusterID = os.Getenv("IPP_CLUSTER_ID")
	}
	switch {
	case s.Dir != "" && given("profile"):
		return wire.Profile{}, fmt.Errorf("configs: --profile and --profile-dir both name the profile: give one of them")
	case s.Dir != "":
		return wire.Profile{Dir: s.Dir}, nil
	case !given("profile") && s.Name == "" && os.Getenv("IPP_PROFILE_DIR") != "":
		return wire.Profile{Dir: os.Getenv("IPP_PROFILE_DIR")}, nil
	case strings.ContainsAny(s.Name, "/\x00"):
		return wire.Profile{}, fmt.Errorf("configs: profile %q: a name, not a path: --profile-dir takes a path", s.Name)
	case s.IPythonDir != "":
		name := s.Name
		if name == "" {
			name = "default"
		}
		return wire.Profile{Dir: filepath.Join(s.IPythonDir, "profile_"+name)}, nil
	}
	return wire.NamedProfile(s.Name)
}

// Profiles returns the one profile that a flag or the environment selects, or else every
// profile there is.
func (s *Selection) Profiles() ([]wire.Profile, error) {
	p, err := s.Profile()
	if err != nil {
		return nil, err
	}
	if s.Dir != "" || s.Name != "" || os.Getenv("IPP_PROFILE_DIR") != "" {
		return []wire.Profile{p}, nil
	}
	root := filepath.Dir(p.Dir)
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("configs: profiles: %w", err)
	}
	var all []wire.Profile
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "profile_") {
			all = append(all, wire.Profile{Dir: filepath.Join(root, e.Name())})
		}
	}
	return all, nil
}

// Parse parses the arguments of a program whose flags are bound to its
// configuration, lets load put the profile over the defaults, and puts what the
// flags said back on top.
func Parse(flags *pflag.FlagSet, args []string, load func() error) error {
	if err := flags.Parse(args); err != nil {
		return err
	}
	var restore []func() error
	flags.Visit(func(f *pflag.Flag) {
		if list, ok := f.Value.(pflag.SliceValue); ok {
			said := slices.Clone(list.GetSlice()) // load may write to the slice in place
			restore = append(restore, func() error { return list.Replace(said) })
			return
		}
		if t := f.Value.Type(); t == "func" || t == "boolfunc" {
			return // has acted, and keeps no value
		}
		said := f.Value.String()
		restore = append(restore, func() error { return f.Value.Set(said) })
	})
	if err := load(); err != nil {
		return err
	}
	for _, set := range restore {
		if err := set(); err != nil {
			return err
		}
	}
	return nil
}
