package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"muster/configs"
	"muster/controller"
)

// options are what the command line, the environment and the profile say.
type options struct {
	flags      *pflag.FlagSet
	selection  configs.Selection
	controller controller.Config
	level      configs.LogLevel
	logToFile  bool
	workDir    string
	keyFile    string
	version    bool

	// Flags that are worded otherwise than the settings they stand for.
	ping, hwm, port int
}

const usage = `Ipcontroller is the gateway of a cluster: clients and engines connect to it.

  ipcontroller                            listen on this machine alone
  ipcontroller --ip hsn0                  listen on this interface
  ipcontroller --ip 0.0.0.0               listen on every interface
  ipcontroller --profile mpi              leave the connection files in another profile
  ipcontroller --ports 10101-10120        use these ports, for a firewall
  ipcontroller --reuse                    keep key and ports over a restart
  ipcontroller --sqlitedb                 record tasks in a file, so that a killed one can be
  ipcontroller --restore                  restored, with engines, tasks and results

It writes security/ipcontroller-client.json and -engine.json in the profile
directory; whoever can read them can run code on the cluster. It ends on Ctrl-C,
SIGTERM, or a client's shutdown. The options of IPython parallel's ipcontroller
are understood, --Class.trait=value too. ipcluster starts it, and engines with it.

`

func newOptions() *options {
	o := &options{flags: pflag.NewFlagSet("ipcontroller", pflag.ContinueOnError)}
	fs, c := o.flags, &o.controller
	fs.SortFlags = false
	fs.Usage = func() { fmt.Print(usage, "Flags:\n", fs.FlagUsages()) }
	o.selection.AddFlags(fs)

	fs.StringVar(&c.IP, "ip", "", "where to listen: addresses or interfaces of this machine, as in hsn0 or 10.0.0.1,ib0\n(default 127.0.0.1)")
	fs.StringVar(&c.ClientIP, "client-ip", "", "where to listen for clients, if elsewhere")
	fs.StringVar(&c.EngineIP, "engine-ip", "", "where to listen for engines, if elsewhere")
	fs.StringVar(&c.Location, "location", "", "host name by which others find this machine (default its host name)")
	fs.StringVar(&c.SSH, "ssh", "", "server that clients tunnel through, [user@]host[:port]")
	fs.StringVar(&c.EngineSSH, "enginessh", "", "server that engines tunnel through")
	fs.TextVar(&c.Ports, "ports", c.Ports, "ports to use in turn, such as 10101-10120")
	fs.TextVar(&c.EnginePorts, "engine-ports", c.EnginePorts, "ports for engines, before those of --ports")
	fs.TextVar(&c.ClientPorts, "client-ports", c.ClientPorts, "ports for clients, before those of --ports")
	fs.IntVar(&o.port, "port", 0, "port for registration")
	fs.BoolVar(&c.Reuse, "reuse", false, "take key and ports from the connection files, and keep the files")
	fs.BoolVar(&c.Restore, "restore", false, "take the place of a controller that was killed: its engines, and its tasks in the SQLite database")

	fs.IntVar(&o.ping, "ping", 0, "milliseconds between heartbeats (default 3000)")
	fs.IntVar(&c.HeartMisses, "max-misses", 0, "heartbeats that an engine may miss in a row (default 10)")
	fs.StringVar((*string)(&c.Scheme), "scheme", "", "how tasks are placed: leastload, lru, plainrandom, twobin, weighted, pure, none (default leastload)")
	fs.IntVar(&o.hwm, "hwm", 0, "tasks that an engine holds at once; 0 is no bound (default 1, and a few while they are very short)")
	fs.IntVar(&c.CrashLimit, "crash-limit", 0, "engines that may die while running a task before it fails; -1 is no limit (default 3)")
	fs.StringVar((*string)(&c.OnClientLost), "on-client-lost", "", "tasks of a client that is gone for 5 s: keep or cancel them (default keep)")
	fs.IntVar(&c.Records, "records", 0, "tasks to remember in memory (default 1024)")
	fs.IntVar(&c.RecordBytes, "record-bytes", 0, "bytes to remember of them, or that wait for the database (default 256 MiB)")
	fs.Func("db", "where to keep the records of tasks: memory, sqlite, none (default memory)", o.setDB)
	fs.BoolFunc("sqlitedb", "keep them in an SQLite database, whatever becomes of the controller", o.choose("sqlite"))
	fs.BoolFunc("nodb", "keep none", o.choose("none"))
	fs.StringVar(&c.DBFile, "db-file", "", "the database, best on a local disk (default tasks.db in the profile)")
	fs.StringVar(&o.keyFile, "keyfile", "", "file with the key that signs messages [$IPP_SESSION_KEY] (default a random key)")
	fs.StringVar(&c.Key, "key", "", "the key itself")
	fs.Lookup("key").Hidden = true // every user of the machine sees arguments
	fs.BoolVar(&c.Curve, "enable-curve", false, "encrypt by CURVE [$IPP_ENABLE_CURVE=1]")
	fs.BoolVar(&c.Unsigned, "no-secure", false, "do not sign messages")

	fs.StringVar(&o.workDir, "work-dir", "", "directory to run in")
	fs.Var(&o.level, "log-level", "debug, info, warning, error, or Python's number")
	fs.BoolVar(&o.logToFile, "log-to-file", false, "log to the profile's log directory")
	fs.BoolVar(&o.version, "version", false, "print the version")
	o.addPython()
	return o
}

// parse reads the arguments and, for what they leave open, environment
// and profile. Warnings name what was understood but does nothing.
func (o *options) parse(args []string) (warnings []string, err error) {
	args, warnings, err = translate(args, o.flags)
	if err != nil {
		return nil, err
	}
	c := &o.controller
	err = configs.Parse(o.flags, args, func() (err error) {
		if c.Profile, err = o.selection.Profile(); err != nil {
			return err
		}
		all := configs.Config{Controller: *c}
		err = configs.Load(c.Profile, &all)
		*c = all.Controller
		c.Interface = all.Site.Network.Interface
		return err
	})
	if err != nil {
		return nil, explain(err, o.flags)
	}
	if o.flags.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q", o.flags.Arg(0))
	}
	c.ClusterID = o.selection.ClusterID
	if o.flags.Changed("ping") {
		c.HeartPeriod = time.Duration(o.ping) * time.Millisecond
	}
	if o.port != 0 {
		c.EnginePorts = append(controller.Ports{o.port}, c.EnginePorts...)
	}
	if o.flags.Changed("hwm") {
		if c.HWM = o.hwm; o.hwm == 0 {
			c.HWM = -1
		}
	}
	return warnings, o.keys()
}

// choose makes the flag that stands for a database, unless it is given as false.
func (o *options) choose(db string) func(string) error {
	return func(value string) error {
		is, err := strconv.ParseBool(value)
		if is {
			return o.setDB(db)
		}
		return err
	}
}

// setDB takes the name of a database, or of IPython parallel's class for it.
func (o *options) setDB(name string) error {
	if at := strings.LastIndexByte(name, '.'); at >= 0 {
		name = name[at+1:]
	}
	switch strings.TrimSuffix(strings.ToLower(name), "db") {
	case "memory", "dict":
		o.controller.DB = controller.Memory
	case "sqlite":
		o.controller.DB = controller.SQLite
	case "none", "no":
		o.controller.DB = controller.None
	default:
		return fmt.Errorf("%q is no database: want memory, sqlite or none", name)
	}
	return nil
}

// keys finds the key that signs messages, and those that encrypt.
func (o *options) keys() error {
	c := &o.controller
	if os.Getenv("IPP_ENABLE_CURVE") == "1" {
		c.Curve = true
	}
	c.CurvePublic, c.CurveSecret = os.Getenv("IPP_CURVE_PUBLICKEY"), os.Getenv("IPP_CURVE_SECRETKEY")
	env, given := os.LookupEnv("IPP_SESSION_KEY")
	switch {
	case c.Unsigned || c.Key != "":
	case o.keyFile != "":
		b, err := os.ReadFile(o.keyFile)
		if err != nil {
			return fmt.Errorf("--keyfile: %w", err)
		}
		if c.Key = strings.TrimSpace(string(b)); c.Key == "" {
			return fmt.Errorf("--keyfile: %s is empty", o.keyFile)
		}
	case given && env == "" && !c.Curve:
		return errors.New("IPP_SESSION_KEY is empty: unset it for a random key, or give --no-secure for none")
	case given:
		c.Key = env
	}
	return nil
}
