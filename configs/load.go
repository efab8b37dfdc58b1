package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster/launcher/site"
	"muster/wire"
)

// A Layer is one of the files that a profile is read from.
type Layer struct {
	Name string // of the file, as errors call it
	Text []byte
}

// Load reads a profile into config, and leaves alone what the profile does not
// mention. The file is ipcluster.toml in the profile directory; without one it is
// the shipped profile of that name, and without that too there is nothing to read.
// What the file extends is read first.
func Load(p wire.Profile, config *Config) error {
	layers, err := Layers(p)
	if err != nil {
		return err
	}
	for _, l := range layers {
		if err := l.over(config); err != nil {
			return err
		}
	}
	return nil
}

// Layers returns the files that a profile is read from, in the order in which
// they are read: none if there is nothing to read.
func Layers(p wire.Profile) ([]Layer, error) {
	var layers []Layer
	from := ""
	for {
		l, err := find(p, layers)
		if errors.Is(err, fs.ErrNotExist) && from == "" {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("configs: %sprofile: %w", from, err)
		}
		layers = slices.Insert(layers, 0, l)
		var head Config
		if err := Decode(l.Name, l.Text, &head); err != nil {
			return nil, err
		}
		if head.Extends == "" {
			return layers, nil
		}
		if strings.ContainsAny(head.Extends, "/\x00") {
			return nil, fmt.Errorf("%s: key \"extends\": %q: want the name of a profile, not a path", l.Name, head.Extends)
		}
		from = fmt.Sprintf("%s extends %s: ", l.Name, head.Extends)
		p = wire.Profile{Dir: filepath.Join(filepath.Dir(p.Dir), "profile_"+head.Extends)}
	}
}

// find returns a profile's own file: that of its directory, or else the shipped
// one of its name. A file that was read already is passed over, so that
// profile_perlmutter may extend the shipped perlmutter.
func find(p wire.Profile, read []Layer) (Layer, error) {
	seen := func(name string) bool {
		return slices.ContainsFunc(read, func(l Layer) bool { return l.Name == name })
	}
	path := filepath.Join(p.Dir, FileName)
	if !seen(path) {
		text, err := os.ReadFile(path)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return Layer{path, text}, err
		}
	}
	name := strings.TrimPrefix(filepath.Base(p.Dir), "profile_")
	for _, file := range []string{name + ".toml", "sites/" + name + ".toml"} {
		if text, err := shipped.ReadFile(file); err == nil && !seen("configs/"+file) {
			return Layer{"configs/" + file, text}, nil
		}
	}
	if seen(path) {
		return Layer{}, fmt.Errorf("%s is read already: profiles cannot extend each other", path)
	}
	return Layer{}, fmt.Errorf("%q: %w%s: ipcluster profile list names those that there are", name, fs.ErrNotExist, Suggest(name))
}

// Misspelt returns an error for a profile that is neither the user's nor shipped, and
// whose name is near that of a machine: who means the machine does not want what is by
// default, engines on the login node.
func Misspelt(p wire.Profile) error {
	name := strings.TrimPrefix(filepath.Base(p.Dir), "profile_")
	near := Nearest(name, Sites())
	if near == "" || near == name || slices.Contains(Shipped(), name) {
		return nil
	}
	if _, err := os.Stat(p.Dir); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("no profile %s (did you mean %q?): ipcluster profile list names those that there are, ipcluster profile create %s makes it", name, near, name)
}

// Suggest returns " (did you mean "perlmutter"?)" for a name that is near that of
// a shipped profile, or else "".
func Suggest(name string) string {
	near := Nearest(name, slices.Concat(Shipped(), Sites()))
	if near == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", near)
}

// over reads the layer into config, on top of the layers below. A queue, a kind
// of nodes, a rule or a variable takes the place of the one of its name; others are
// added before those of the layers below, so that they are tried first.
func (l Layer) over(config *Config) error {
	below, template := config.Site, config.Job.Template
	config.Site.Nodes, config.Site.Queues, config.Site.Required, config.Site.Forbidden = nil, nil, nil, nil
	config.Site.MPI.Environment, config.Job.Template = nil, ""
	if err := Decode(l.Name, l.Text, config); err != nil {
		return err
	}
	if t := &config.Job.Template; *t == "" {
		*t = template
	} else if !filepath.IsAbs(*t) { // it lies beside the file that names it
		*t = filepath.Join(filepath.Dir(l.Name), *t)
	}
	s := &config.Site
	s.Nodes = byName(s.Nodes, below.Nodes, func(k site.Kind) string { return k.Name })
	s.Queues = byName(s.Queues, below.Queues, func(q site.Queue) string { return q.Name })
	s.Required = byName(s.Required, below.Required, func(r site.Rule) string { return r.Directive })
	s.Forbidden = byName(s.Forbidden, below.Forbidden, func(r site.Rule) string { return r.Directive })
	s.MPI.Environment = byName(s.MPI.Environment, below.MPI.Environment, func(v string) string { name, _, _ := strings.Cut(v, "="); return name })
	if s.Known() {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("%s: %w", l.Name, err)
		}
	}
	return nil
}

// byName puts a list over that of the layers below.
func byName[T any](over, below []T, name func(T) string) []T {
	merged := slices.Clone(below)
	var added []T
	for _, o := range over {
		i := slices.IndexFunc(merged, func(b T) bool { return name(b) == name(o) })
		if i < 0 {
			added = append(added, o)
		} else {
			merged[i] = o
		}
	}
	return append(added, merged...)
}
