package engine

import "runtime/debug"

// Version is the version of the module that the program was built from, or
// "devel" for a working copy.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	version := info.Main.Version
	for _, m := range info.Deps { // a user's own program
		if m.Path == "muster" {
			version = m.Version
		}
	}
	if version == "" || version == "(devel)" {
		return "devel"
	}
	return version
}
