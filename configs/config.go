package configs

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"muster/controller"
	"muster/launcher"
	"muster/wire"
)

// Config is all that a profile can say, a section for each room.
type Config struct {
	Engines    launcher.Config   `toml:"engines"`    // the set that ipcluster starts
	Controller controller.Config `toml:"controller"` // read by ipcontroller
}

// FileName is the name of a profile's file in its directory.
const FileName = "ipcluster.toml"

// shipped holds the profiles that need no file of the user's.
//
//go:embed *.toml
var shipped embed.FS

// Shipped returns the names of the shipped profiles.
func Shipped() []string {
	entries, err := shipped.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".toml"))
	}
	return names
}

// Load reads a profile into config, and leaves alone what the profile does not
// mention. The file is ipcluster.toml in the profile directory; without one it is
// the shipped profile of that name, and without that too there is nothing to read.
func Load(p wire.Profile, config *Config) error {
	path := filepath.Join(p.Dir, FileName)
	b, err := os.ReadFile(path)
	if err == nil {
		return Decode(path, b, config)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("configs: profile: %w", err)
	}
	name := strings.TrimPrefix(filepath.Base(p.Dir), "profile_") + ".toml"
	b, err = shipped.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("configs: shipped profile: %w", err)
	}
	return Decode("configs/"+name, b, config)
}
