package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"muster/wire"
)

// load parses the command line, and before it what the profile's
// ipcontroller_config.json says in IPython parallel's terms:
//
//	{"IPController": {"ip": "0.0.0.0"}, "HeartMonitor": {"period": 200}}
func load(args []string) (o *options, warnings []string, err error) {
	o = newOptions()
	if warnings, err = o.parse(args); err != nil || o.version {
		return o, nil, err
	}
	settings, notes, err := pythonConfig(o.controller.Profile)
	if err != nil {
		return nil, nil, err
	}
	if len(settings) > 0 {
		o = newOptions()
		warnings, err = o.parse(append(settings, args...))
	}
	return o, append(notes, warnings...), err
}

// pythonConfig reads the JSON file as arguments. A file in Python cannot be
// read, which is worth a warning.
func pythonConfig(p wire.Profile) (args, warnings []string, err error) {
	script := filepath.Join(p.Dir, "ipcontroller_config.py")
	if b, err := os.ReadFile(script); err == nil && configures(string(b)) {
		warnings = append(warnings, script+" is Python and is not read: say it in ipcluster.toml, section [controller]")
	}
	path := filepath.Join(p.Dir, "ipcontroller_config.json")
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, warnings, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("configuration: %w", err)
	}
	var classes map[string]json.RawMessage
	if err := json.Unmarshal(b, &classes); err != nil {
		return nil, nil, fmt.Errorf("configuration: %s: %w", path, err)
	}
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		var traits map[string]any
		if class == "version" || json.Unmarshal(classes[class], &traits) != nil {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(traits)) {
			args = append(args, fmt.Sprintf("--%s.%s=%v", class, name, traits[name]))
		}
	}
	return args, warnings, nil
}

// configures tells whether a Python file has a line that is no comment and sets
// something: IPython creates files in which all lines are comments.
func configures(text string) bool {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "c.") {
			return true
		}
	}
	return false
}
