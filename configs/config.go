package configs

import (
	"embed"
	"strings"

	"muster/controller"
	"muster/launcher"
	"muster/launcher/site"
)

// Config is all that a profile can say, a section for each room.
type Config struct {
	// Extends names a profile that is read first, a shipped one or another of the
	// user's: this one says what is different.
	Extends    string            `toml:"extends"`
	Engines    launcher.Config   `toml:"engines"`    // the set that ipcluster starts
	Controller controller.Config `toml:"controller"` // read by ipcontroller
	Site       site.Site         `toml:"site"`       // what the machine demands of jobs
	Job        site.Request      `toml:"job"`        // what to ask it for
}

// FileName is the name of a profile's file in its directory.
const FileName = "ipcluster.toml"

// shipped holds the profiles that need no file of the user's.
//
//go:embed *.toml sites/*.toml
var shipped embed.FS

// Shipped returns the names of the shipped profiles that are of no certain machine.
func Shipped() []string { return names(".") }

// Sites returns the names of the shipped profiles of machines.
func Sites() []string { return names("sites") }

func names(dir string) []string {
	entries, err := shipped.ReadDir(dir)
	if err != nil {
		panic(err) // the files are part of the program
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".toml"); ok {
			names = append(names, name)
		}
	}
	return names
}
