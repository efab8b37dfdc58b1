package doctor

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"muster/cluster"
	"muster/engine"
)

// programs: those of a cluster are there, start, and are of the version of this one.
func programs(ctx context.Context, x *examination) []Finding {
	var found []Finding
	var places []string
	for _, name := range []string{"ipcontroller", "ipengine"} {
		path, err := cluster.Program(name)
		if err != nil {
			found = append(found, failure("%v", err).because("a cluster is started from these programs").remedy("build them into one folder: make bin"))
			continue
		}
		version, err := versionOf(ctx, path)
		switch {
		case err != nil:
			found = append(found, failure("%s cannot be used: %v", path, err).because("a cluster is started from these programs").remedy("build it for this machine (%s/%s): make bin", runtime.GOOS, runtime.GOARCH))
		case version != engine.Version():
			found = append(found, failure("%s is version %s, this program %s", path, version, engine.Version()).
				because("programs of different versions may not understand each other").remedy("build them together (make bin), or put one folder first on PATH"))
		default:
			if name == "ipengine" {
				x.engine = path
			}
			places = append(places, path)
		}
	}
	if len(found) > 0 {
		return found
	}
	where := filepath.Dir(places[0])
	if other := filepath.Dir(places[1]); other != where {
		where += " and " + other
	}
	return []Finding{ok("ipcontroller and ipengine %s, in %s", engine.Version(), where)}
}

// versionOf is the version that a program says it is.
func versionOf(ctx context.Context, path string) (string, error) {
	out, err := run(ctx, nil, path, "--version")
	if err != nil {
		if reason := firstLine(out); reason != "" {
			return "", errors.New(reason)
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", exit
		}
		return "", errors.Unwrap(err)
	}
	name, version, found := strings.Cut(firstLine(out), " ")
	if !found || name != filepath.Base(path) {
		return "", fmt.Errorf("it is no program of Muster: --version prints %q", firstLine(out))
	}
	if version = strings.Trim(version, "()"); version == "" {
		version = "devel"
	}
	return version, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(s), "\n")
	return line
}
