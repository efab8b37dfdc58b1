package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"syscall"
	"time"

	"muster/transport"
	"muster/wire"
)

// Config is what an engine is told at its birth. ConnectionFile or
// ConnectionInfo must be set; every other zero value is a usable default.
type Config struct {
	// ConnectionFile is the path of the controller's file for engines,
	// security/ipcontroller-engine.json in its profile. It need not exist yet.
	ConnectionFile string
	// ConnectionInfo is the JSON of such a file, and then no file is read.
	ConnectionInfo string
	// FileTimeout bounds the wait for the file to appear: launchers start
	// engines beside their controller. 0 is 10 s.
	FileTimeout time.Duration
	// Timeout bounds the wait for the controller's answer to the registration,
	// counted from the moment there is a file. 0 is 5 s.
	Timeout time.Duration

	// ID is the engine id to ask for, the MPI rank for instance; nil leaves the
	// choice to the controller.
	ID *wire.EngineID

	// Startup is the path of a file of Go that is run before the engine
	// registers: what it defines is there for the first request. An engine whose
	// file fails does not register, and ends. "" is none.
	Startup string

	// Checkpoint is the path of a file of Go that is run when the engine has
	// drained, before it ends: it is to save what shall outlive the engine, for
	// Startup to load. What it prints is logged. "" is none.
	Checkpoint string

	// JobEnd is when the batch system ends the job that this process is of. The
	// scheduler then gives the engine no task that says it takes longer; zero is
	// an end that is not known.
	JobEnd time.Time

	// OutputLimit bounds the text of stdout and stderr, in bytes, that one
	// request sends as it comes. Of what follows only the last 16 KiB are sent,
	// when the request ends, after a line that says how much is missing. It
	// keeps an endless print loop from filling the memory of the controller and
	// of every client, none of which can slow a publisher down. 0 is 8 MiB.
	OutputLimit int
	// MissedPings is how many periods of heartbeat the engine bears to hear
	// nothing of the controller before it ends by itself. 0 is 50, which at the
	// usual period is three minutes: time to restart a controller, and an end
	// to engines that no batch system reaps. For a controller that can be
	// restored with nothing lost it waits for a day at least.
	MissedPings int

	// Network is what the engine connects by; nil is ZeroMQ.
	Network transport.Network
	// Interpreter makes the namespace; nil is NewInterpreter.
	Interpreter func(Output) (Interpreter, error)
	// Log takes what the operator should know; nil is silence.
	Log *slog.Logger

	// kill sends a signal to this process; nil for an engine that shares it.
	kill func(syscall.Signal) error
	// mpi says that the process is a rank of an MPI job, and ids which ids the
	// engines of its job are to ask for, by their ranks.
	mpi bool
	ids []wire.EngineID
}

func (c *Config) validate() error {
	if c.ConnectionFile == "" && c.ConnectionInfo == "" {
		return errors.New("engine: config: no connection file is named and no connection info is given")
	}
	if c.ID != nil && *c.ID < 0 {
		return fmt.Errorf("engine: config: id %d is negative", *c.ID)
	}
	if c.FileTimeout < 0 || c.Timeout < 0 || c.OutputLimit < 0 || c.MissedPings < 0 {
		return errors.New("engine: config: timeouts and limits must not be negative")
	}
	if c.FileTimeout == 0 {
		c.FileTimeout = 10 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.OutputLimit == 0 {
		c.OutputLimit = 8 << 20
	}
	if c.MissedPings == 0 {
		c.MissedPings = 50
	}
	if c.Interpreter == nil {
		c.Interpreter = NewInterpreter
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}
