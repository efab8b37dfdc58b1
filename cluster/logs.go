package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"muster/launcher"
	"muster/wire"
)

// A Log is a file with what one part of a cluster prints.
type Log struct {
	Path string
	// Of is "ipcluster" for one in the background, "controller", "engine" for a
	// single one, Engine, and "engines" for those that are one job.
	Of     string
	Engine wire.EngineID
	IDs    []wire.EngineID // of "engines", by rank; nil if that is not on record any more: then they are the ranks
	Life   int             // how often that part had been started again; 0 the first time

	set string // of "engines": its name
}

// tellsEngine is in what engines say of themselves.
var tellsEngine = regexp.MustCompile(`^time=\S+ level=\S+ msg=.* engine=(\d+)(?: |$)`)

// EngineOf reads whose line one of the log is, as in "[1,17]<stdout>:" and "17: ", or
// as an engine says itself where nothing tells its rank; ok is false where nobody does.
func (l *Log) EngineOf(line string) (id wire.EngineID, ok bool) {
	if l.Of == ofEngine {
		return l.Engine, true
	}
	if rank, ok := launcher.RankOf(line); ok {
		if rank < len(l.IDs) {
			return l.IDs[rank], true
		}
		return wire.EngineID(rank), l.IDs == nil
	}
	m := tellsEngine.FindStringSubmatch(strings.TrimSpace(line))
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return wire.EngineID(n), err == nil
}

// ofSupervisor is the part of a cluster that starts the others.
const ofSupervisor = "ipcluster"

// Logs returns the logs of a cluster, also of one that has ended: that of its
// ipcluster, those of its controllers, those of its engines, each in the order of
// their lives. Logs of lives that only an earlier cluster had are left out, as far
// as the record of this one tells.
func Logs(p wire.Profile, id string) ([]Log, error) {
	r, err := Find(p, id)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	entries, err := os.ReadDir(p.LogDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cluster: logs: %w", err)
	}
	of := logOf(id)
	var logs []Log
	for _, e := range entries {
		l, ok := of(e.Name())
		if !ok {
			continue
		}
		l.Path = filepath.Join(p.LogDir(), e.Name())
		if info, err := e.Info(); err != nil || r != nil && !r.wrote(l, info) {
			continue
		}
		if r != nil && r.Set(l.set) != nil {
			l.IDs = r.Set(l.set).IDs
		}
		logs = append(logs, l)
	}
	order := []string{ofSupervisor, ofController, ofEngine, ofEngines}
	slices.SortFunc(logs, func(a, b Log) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Of), slices.Index(order, b.Of)), cmp.Compare(a.Engine, b.Engine), cmp.Compare(a.Life, b.Life))
	})
	return logs, nil
}

// wrote reports whether a log is of this cluster and of none that was before it,
// which may have had more engines and more lives.
func (r *Record) wrote(l Log, info fs.FileInfo) bool {
	if l.Life == 0 && (l.Of != ofEngine || slices.ContainsFunc(r.Sets, func(s Set) bool { return slices.Contains(s.IDs, l.Engine) })) {
		return true
	}
	return !info.ModTime().Before(r.Started)
}

// logOf returns a function that reads the name of a log of the cluster, as Start
// and "ipcluster start" give it: "ipcluster.log", "ipcontroller.1.log",
// "ipengine-3.log", "ipengine-mpi.2.log", "ipengine-slurm+2.log" of the second set and
// "ipengine-@node1.log" of a host, each with "-" and the id after the program.
func logOf(id string) func(name string) (Log, bool) {
	if id != "" {
		id = "-" + regexp.QuoteMeta(id)
	}
	pattern := regexp.MustCompile(`^(?:(ipcluster|ipcontroller)` + id + `|ipengine` + id + `-(?:(\d+)|[a-z]+|@[^/]+?)(?:\+(\d+))?)(?:\.(\d+))?\.log$`)
	return func(name string) (Log, bool) {
		m := pattern.FindStringSubmatch(name)
		if m == nil {
			return Log{}, false
		}
		engine, errEngine := strconv.Atoi("0" + m[2])
		life, errLife := strconv.Atoi("0" + m[4])
		l := Log{Of: ofEngines, Engine: wire.EngineID(engine), Life: life, set: cmp.Or(m[3], firstSet)}
		switch {
		case m[1] == "ipcluster":
			l.Of = ofSupervisor
		case m[1] == "ipcontroller":
			l.Of = ofController
		case m[2] != "":
			l.Of = ofEngine
		}
		return l, errEngine == nil && errLife == nil
	}
}
