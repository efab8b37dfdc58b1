package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"muster/configs"
)

// addPython adds the options of IPython parallel's ipcontroller that help does
// not show: they are accepted where they change nothing, and refused where
// they ask for what this controller does not have.
func (o *options) addPython() {
	fs := o.flags
	level := func(name string) func(string) error {
		return func(string) error { return o.level.Set(name) }
	}
	nothing := func(string) error { return nil }
	fs.BoolFunc("debug", "log everything", level("debug"))
	fs.BoolFunc("quiet", "log errors only", level("critical"))
	for _, name := range []string{"init", "usethreads", "secure", "clean-logs"} {
		fs.BoolFunc(name, "changes nothing", nothing)
	}
	for _, name := range []string{"log-url", "config", "ident", "user"} {
		fs.Func(name, "changes nothing", nothing)
	}
	fs.Func("transport", "tcp", func(s string) error {
		if s != "" && s != "tcp" {
			return errors.New("tcp is the only transport")
		}
		return nil
	})
	fs.BoolFunc("dictdb", "memory", o.choose("memory"))
	fs.BoolFunc("mongodb", "refused", refuse("records are kept in memory or in SQLite (--sqlitedb): leave this option out"))
	fs.BoolFunc("help-all", "help", func(string) error {
		fs.Usage()
		return pflag.ErrHelp
	})
	for _, name := range []string{"debug", "quiet", "init", "usethreads", "dictdb", "secure", "clean-logs", "log-url", "config",
		"ident", "user", "transport", "mongodb", "help-all"} {
		fs.Lookup(name).Hidden = true
	}
}

func refuse(why string) func(string) error {
	return func(string) error { return errors.New(why) }
}

// traits are the settings of IPython parallel's classes that are flags here.
var traits = map[string]string{
	"HeartMonitor.max_heartmonitor_misses": "max-misses",
	"HeartMonitor.period":                  "ping",
	"IPController.client_ip":               "client-ip",
	"IPController.db_class":                "db",
	"IPController.client_ports":            "client-ports",
	"IPController.cluster_id":              "cluster-id",
	"IPController.enable_curve":            "enable-curve",
	"IPController.engine_ip":               "engine-ip",
	"IPController.engine_ports":            "engine-ports",
	"IPController.engine_ssh_server":       "enginessh",
	"IPController.ip":                      "ip",
	"IPController.ipython_dir":             "ipython-dir",
	"IPController.location":                "location",
	"IPController.log_level":               "log-level",
	"IPController.log_to_file":             "log-to-file",
	"IPController.ports":                   "ports",
	"IPController.profile":                 "profile",
	"IPController.regport":                 "port",
	"IPController.restore_engines":         "restore",
	"IPController.reuse_files":             "reuse",
	"IPController.ssh_server":              "ssh",
	"IPController.transport":               "transport",
	"IPController.work_dir":                "work-dir",
	"DictDB.record_limit":                  "records",
	"DictDB.size_limit":                    "record-bytes",
	"ProfileDir.location":                  "profile-dir",
	"SQLiteDB.filename":                    "db-file",
	"Session.key":                          "key",
	"Session.keyfile":                      "keyfile",
	"TaskScheduler.hwm":                    "hwm",
	"TaskScheduler.scheme_name":            "scheme",
}

// classes are those whose other settings change nothing here, with the names
// that they had in older releases, and the bases of IPController.
var classes = map[string]string{
	"IPController": "IPController", "IPControllerApp": "IPController", "HubFactory": "IPController",
	"BaseParallelApplication": "IPController", "BaseIPythonApplication": "IPController", "Application": "IPController",
	"Hub": "Hub", "HeartMonitor": "HeartMonitor", "TaskScheduler": "TaskScheduler", "DictDB": "DictDB",
	"SQLiteDB": "SQLiteDB", "MongoDB": "MongoDB", "Session": "Session", "ProfileDir": "ProfileDir",
}

// translate turns --Class.trait=value into flags. A setting that changes
// nothing here becomes a warning.
func translate(args []string, fs *pflag.FlagSet) (out, warnings []string, err error) {
	for i := 0; i < len(args); i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		next := i+1 < len(args) && !strings.HasPrefix(args[i+1], "-")
		flag, isTrait, known := trait(strings.TrimLeft(name, "-"))
		if !strings.HasPrefix(name, "-") {
			isTrait = false
		}
		switch {
		case !isTrait:
			// Python's flags may have a value of their own: --log-to-file True.
			if f := fs.Lookup(strings.TrimPrefix(name, "--")); f != nil && f.NoOptDefVal != "" && next && !hasValue {
				if b, err := strconv.ParseBool(args[i+1]); err == nil {
					out = append(out, fmt.Sprintf("%s=%t", name, b))
					i++
					continue
				}
			}
			out = append(out, args[i])
			continue
		case !known:
			return nil, nil, fmt.Errorf("%s: no such class: known are %s", name, strings.Join(slices.Sorted(maps.Keys(classes)), ", "))
		}
		if !hasValue && next {
			i++
			value = args[i]
		}
		if flag == "" {
			warnings = append(warnings, name+" changes nothing in this controller")
			continue
		}
		out = append(out, "--"+flag+"="+value)
	}
	return out, warnings, nil
}

// trait finds the flag for a Class.trait, "" if there is none, and tells
// whether the name is such a pair at all and its class is known.
func trait(name string) (flag string, is, known bool) {
	class, attribute, is := strings.Cut(name, ".")
	if !is {
		return "", false, false
	}
	class, known = classes[class]
	return traits[class+"."+attribute], true, known
}

// explain adds to the error of an unknown flag the one that was meant.
func explain(err error, fs *pflag.FlagSet) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := configs.Nearest(unknown.GetSpecifiedName(), names); near != "" {
		return fmt.Errorf("%w (did you mean --%s?)", err, near)
	}
	return fmt.Errorf("%w (ipcontroller --help lists the flags)", err)
}
