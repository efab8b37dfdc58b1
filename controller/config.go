package controller

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"muster/controller/hub"
	"muster/controller/scheduler"
	"muster/transport"
	"muster/wire"
)

// Config of a controller. The zero value is usable: a controller on loopback,
// at free ports, with a random key, that leaves no files.
type Config struct {
	// Profile is where the connection files go. With no directory there are
	// none, and peers are told by Client and Engine.
	Profile wire.Profile `toml:"-"`
	// ClusterID tells clusters of one profile apart; "" for the only one.
	ClusterID string `toml:"-"`

	// IP is where to listen: default 127.0.0.1, because an open port runs code for
	// whoever has the key. It is an address, the name of an interface ("hsn0"), or
	// several of both with commas between; "0.0.0.0" is every interface. ClientIP
	// and EngineIP override it for one kind of peer.
	IP       string `toml:"ip"`
	ClientIP string `toml:"client_ip"`
	EngineIP string `toml:"engine_ip"`
	// Interface is the one whose addresses peers try first, where there are several.
	Interface string `toml:"-"`
	// Ports are taken in turn; when there are no more, any free ones. Those of
	// ClientPorts and EnginePorts go first.
	Ports       Ports `toml:"ports"`
	ClientPorts Ports `toml:"client_ports"`
	EnginePorts Ports `toml:"engine_ports"`
	// Location is the host name or address by which peers elsewhere find this
	// machine when IP is a wildcard: default its host name.
	Location string `toml:"location"`
	// SSH and EngineSSH are servers, [user@]host[:port], that clients and
	// engines have to tunnel through.
	SSH       string `toml:"ssh"`
	EngineSSH string `toml:"engine_ssh"`

	// Key signs messages: default 256 random bits. Unsigned means no key at all.
	Key      string `toml:"-"`
	Unsigned bool   `toml:"unsigned"`
	// Curve encrypts all connections (protocol section 13), by the key pair in
	// Z85 or, without one, by a new one. Messages are then signed only if a Key
	// is given.
	Curve       bool   `toml:"curve"`
	CurvePublic string `toml:"-"`
	CurveSecret string `toml:"-"`
	// Reuse takes key and ports from the connection files, where there are
	// any, and leaves the files at the end.
	Reuse bool `toml:"reuse"`

	// Restore takes the place of a controller that has ended, however it did: its
	// engines, and the tasks that have no answer. It needs the Profile and the
	// database of that one, and is Reuse and SQLite.
	Restore bool `toml:"-"`
	// Restorable keeps what it takes to be restored: it is SQLite. Who starts the
	// controller, as ipcluster does, starts it again with Restore when it dies.
	Restorable bool `toml:"restore"`

	// Launcher says how ipcluster starts the controller: "" is as a process of its own
	// machine, "ssh" on the first of the hosts for engines, "srun" in the Slurm job that
	// it is in, and the name of a batch system as a job of one node. Elsewhere it
	// needs a profile directory that all machines see, where it leaves its connection files.
	Launcher string `toml:"launcher"`

	// HeartPeriod is the time between heartbeats: default 3 s. An engine that
	// misses more than HeartMisses in a row, default 10, is taken for dead. One
	// whose connection ends has Grace to be back: default 500 ms, because a
	// dead process should be known within a second.
	HeartPeriod time.Duration `toml:"heart_period"`
	HeartMisses int           `toml:"heart_misses"`
	Grace       time.Duration `toml:"grace"`

	// Scheme is how the task queue picks an engine: default "leastload". HWM is
	// how many tasks an engine has at once; negative is no bound. The default is
	// 1, so that a task never waits behind another while some engine is idle,
	// and up to 32 while an engine's tasks take less than 5 ms: then it would
	// wait for the next one longer than it works.
	Scheme scheduler.Scheme `toml:"scheme"`
	HWM    int              `toml:"hwm"`
	// CrashLimit is how many engines may die while they run a task before it
	// fails whatever its retries: default 3, so that a task that kills does not
	// take the cluster with it; negative is no limit.
	CrashLimit int `toml:"crash_limit"`

	// OnClientLost is what becomes of the tasks of a client whose connection has
	// ended and is not back within 5 s: default Keep, so that a program may hand
	// tasks over and be gone, and another fetch the results.
	OnClientLost OnClientLost `toml:"on_client_lost"`

	// DB is where the records of tasks are kept: default in memory. Records and
	// RecordBytes bound those: default 1024 of them, 256 MiB. Negative Records
	// are none. A database has no bound but the disk; there RecordBytes bounds
	// what waits to be written, and what one query returns.
	DB          DB  `toml:"db"`
	Records     int `toml:"records"`
	RecordBytes int `toml:"record_bytes"`
	// DBFile is the database: default tasks.db in the profile, tasks-<id>.db
	// for a cluster with an id. It should be on a local disk.
	DBFile string `toml:"db_file"`

	// Network is where to listen: default ZeroMQ over TCP.
	Network transport.Network `toml:"-"`
	// Log receives what happens; nil is silence.
	Log *slog.Logger `toml:"-"`
}

// withDefaults returns the configuration with its gaps filled.
func (c Config) withDefaults() Config {
	def(&c.IP, "127.0.0.1")
	def(&c.ClientIP, c.IP)
	def(&c.EngineIP, c.IP)
	if c.Location == "" {
		c.Location, _ = os.Hostname() // without a name, peers elsewhere need Location
	}
	def(&c.HeartPeriod, 3*time.Second)
	def(&c.HeartMisses, 10)
	def(&c.Grace, 500*time.Millisecond)
	def(&c.Scheme, scheduler.LeastLoad)
	def(&c.CrashLimit, 3)
	def(&c.OnClientLost, Keep)
	if c.Restorable {
		def(&c.DB, SQLite)
	}
	def(&c.DB, Memory)
	if c.Records < 0 && c.DB == Memory {
		c.DB = None
	}
	if c.DBFile == "" && c.Profile.Dir != "" {
		c.DBFile = filepath.Join(c.Profile.Dir, "tasks.db")
		if c.ClusterID != "" {
			c.DBFile = filepath.Join(c.Profile.Dir, "tasks-"+c.ClusterID+".db")
		}
	}
	def(&c.Records, 1024)
	def(&c.RecordBytes, 256<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Key == "" && !c.Unsigned && !c.Curve {
		c.Key = wire.NewKey()
	}
	return c
}

func def[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// validate refuses what cannot work. Defaults are filled in.
func (c *Config) validate() error {
	if strings.ContainsAny(c.ClusterID, "/\x00") || c.ClusterID != "" && filepath.Base(c.ClusterID) != c.ClusterID {
		return fmt.Errorf("cluster id %q: it becomes part of a file name", c.ClusterID)
	}
	for _, r := range c.Key {
		if r <= ' ' || r > '~' {
			return errors.New("key: want printable ASCII without spaces, as \"openssl rand -hex 32\" prints")
		}
	}
	if c.Key != "" && c.Unsigned {
		return errors.New("a key and no signing: choose one")
	}
	if (c.CurvePublic == "") != (c.CurveSecret == "") {
		return errors.New("of the CURVE key pair one half is missing: give both, or none for a new pair")
	}
	if c.HeartPeriod < tick {
		return fmt.Errorf("heart period %v: want at least %v", c.HeartPeriod, tick)
	}
	if c.HeartMisses < 0 || c.Grace < 0 || c.RecordBytes < 0 {
		return errors.New("heart misses, grace and record bytes cannot be negative")
	}
	if c.OnClientLost != Keep && c.OnClientLost != Cancel {
		return fmt.Errorf("on client lost %q: want %q or %q", c.OnClientLost, Keep, Cancel)
	}
	if !slices.Contains(dbs, c.DB) {
		return fmt.Errorf("database %q: want one of %q", c.DB, dbs)
	}
	if c.DB == SQLite && c.DBFile == "" {
		return errors.New("database: without a profile SQLite needs a file: set DBFile")
	}
	return c.Scheme.Validate()
}

// OnClientLost is what becomes of a lost client's tasks.
type OnClientLost string

// What becomes of them: they go on, or are cancelled wherever they are.
const (
	Keep   OnClientLost = "keep"
	Cancel OnClientLost = "cancel"
)

// A DB is a place for the records of tasks.
type DB string

// The places.
const (
	Memory DB = "memory"
	SQLite DB = "sqlite"
	None   DB = "none"
)

var dbs = []DB{Memory, SQLite, None}

// place is the same in the hub's terms.
func (d DB) place() hub.Database {
	switch d {
	case SQLite:
		return hub.Elsewhere
	case None:
		return hub.Nowhere
	}
	return hub.InMemory
}

// Ports are TCP ports, written as "10101-10120,10200".
type Ports []int

// ParsePorts reads ports.
func ParsePorts(s string) (Ports, error) {
	var out Ports
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		lo, err1 := strconv.Atoi(strings.TrimSpace(from))
		hi, err2 := strconv.Atoi(strings.TrimSpace(to))
		if err1 != nil || err2 != nil || lo < 1 || hi > 65535 || lo > hi {
			return nil, fmt.Errorf("ports %q: want ports and ranges from 1 to 65535, such as 10101-10120,10200", s)
		}
		for p := lo; p <= hi; p++ {
			out = append(out, p)
		}
	}
	return out, nil
}

// UnmarshalText reads ports from a profile or a flag.
func (p *Ports) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePorts(string(b))
	return err
}

// MarshalText writes ports one by one.
func (p Ports) MarshalText() ([]byte, error) {
	var b []byte
	for i, port := range p {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(port), 10)
	}
	return b, nil
}
