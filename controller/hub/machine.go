package hub

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"muster/wire"
)

// Config of a Machine. Durations are in ticks.
type Config struct {
	// Period is the time between two heartbeats, Misses how many pongs in a
	// row an engine may miss.
	Period, Misses int
	// Grace is how long an engine is in doubt whose connection has ended.
	Grace int
	// Stall is how long an engine may be pending.
	Stall int
	// Young is how long a registration is hurried: pings go out at almost
	// every tick, so that an engine is registered as soon as it has a heart.
	Young int
	// Adoption is how long the engines of an earlier controller are waited for
	// after the last sign of one.
	Adoption int
	// HeartPeriod is Period in milliseconds, as engines are told.
	HeartPeriod int
	// Instance names this run of the controller.
	Instance string
	// Connection is what engines are told in the registration_reply.
	Connection *wire.EngineConnection
	// Database is where records are kept. Records and Bytes bound what is in
	// memory.
	Database       Database
	Records, Bytes int
	// NewID makes message ids, for resubmitted tasks; any goroutine that
	// carries out a Find may call it.
	NewID func() wire.MsgID
}

// A Database is a place for the records of tasks.
type Database int

// The places.
const (
	InMemory  Database = iota // in the machine
	Elsewhere                 // with who carries out Keep and Find
	Nowhere
)

// A Machine is the hub. One goroutine owns it.
type Machine struct {
	cfg     Config
	now     int // in ticks
	heart   heart
	nextID  wire.EngineID
	pending []*engine // in order of their requests
	engines []*engine // in order of registration
	gone    []notice  // engines of whose end clients have not heard yet
	byUUID  map[wire.EngineUUID]*engine
	byID    map[wire.EngineID]*engine
	tasks   tasks
	memory  memory

	restored bool                  // from what an earlier controller left
	adoption *adoption             // nil once it is over
	strays   map[wire.MsgID]*stray // until clients ask for them

	out []Action
}

// New returns a hub without engines.
func New(cfg Config) *Machine {
	return &Machine{
		cfg:    cfg,
		byUUID: make(map[wire.EngineUUID]*engine),
		byID:   make(map[wire.EngineID]*engine),
		tasks:  tasks{byID: make(map[wire.MsgID]*task), broadcasts: make(map[wire.MsgID][]*task)},
		memory: memory{
			limit: cfg.Records, byteLimit: cfg.Bytes, records: make(map[wire.MsgID]*Record),
			far: make(map[string]bool), dropped: make(map[string]uint64),
		},
	}
}

// Step applies one event and returns what must be done about it, in order.
func (m *Machine) Step(ev Event) []Action {
	m.out = nil
	switch ev := ev.(type) {
	case Request:
		m.onRequest(ev)
	case Submitted:
		m.onSubmitted(ev)
	case Placed:
		m.onPlaced(ev)
	case Replied:
		m.onReplied(ev)
	case Output:
		m.onOutput(ev)
	case Resubmitted:
		m.keep(ev)
	case Tried:
		if m.tasks.byID[ev.Task] != nil {
			m.keep(ev)
		}
	case Unwanted:
		m.onUnwanted(ev)
	case Committed:
		m.onCommitted(ev)
	case Restored:
		m.onRestored(ev)
	case Again:
		m.onAgain(ev)
	case Pong:
		m.onPong(ev)
	case Departed:
		m.onDeparted(ev)
	case Tick:
		m.onTick(ev)
	}
	return m.out
}

func (m *Machine) do(a Action) { m.out = append(m.out, a) }

// Due is how many ticks from now the next Tick is wanted.
func (m *Machine) Due() int {
	due := m.heart.nextBeat
	if m.adoption != nil {
		due = min(due, m.adoption.until)
	}
	if m.hurry() {
		due = min(due, m.heart.nextPing)
	}
	if len(m.gone) > 0 {
		due = min(due, m.gone[0].at)
	}
	for _, e := range m.pending {
		due = min(due, e.since+m.cfg.Stall)
	}
	for _, e := range m.engines {
		if e.doubt != nil {
			due = min(due, e.doubt.until)
		}
	}
	return max(1, due-m.now)
}

// onRequest answers what comes to the registration port.
func (m *Machine) onRequest(ev Request) {
	kind := ev.Message.Header.MsgType
	switch kind {
	case wire.RegistrationRequest:
		m.onRegistration(ev)
		return
	case wire.UnregistrationRequest:
		m.onUnregistration(ev)
		return
	case wire.EngineDraining:
		m.onDraining(ev)
		return
	}
	if m.adoption != nil && kind != wire.ShutdownRequest && kind != wire.EngineEndedRequest && kind != wire.HelloRequest {
		m.adoption.waiting = append(m.adoption.waiting, ev)
		return
	}
	q, ok := queries[kind]
	if !ok {
		m.do(request{ev, wire.HubError}.fail(keyError("the hub knows no request of type " + kind)))
		return
	}
	q.answer(m, request{ev, q.reply})
}

// A request is one of a client, which is answered by a reply of the given type.
type request struct {
	Request
	replyType string
}

// ok makes the answer.
func (r request) ok(content any, buffers ...[]byte) Action {
	return Reply{r.From, r.replyType, r.Message.RawHeader, content, buffers}
}

// fail makes the answer that there is none.
func (r request) fail(f *failure) Action {
	kind := r.replyType
	if kind == wire.QueueReply {
		kind = wire.HubError
	}
	return Reply{r.From, kind, r.Message.RawHeader, f.content(), nil}
}

// A query is a request of a client and how it is answered.
type query struct {
	reply  string
	answer func(*Machine, request)
}

// queries are the requests of protocol section 7 by message type. Dask is not
// for this controller.
var queries = map[string]query{
	wire.ConnectionRequest: {wire.ConnectionReply, (*Machine).connection},
	wire.QueueRequest:      {wire.QueueReply, (*Machine).queueStatus},
	wire.ResultRequest:     {wire.ResultReply, (*Machine).results},
	wire.HistoryRequest:    {wire.HistoryReply, (*Machine).history},
	wire.DBRequest:         {wire.DBReply, (*Machine).query},
	wire.PurgeRequest:      {wire.PurgeReply, (*Machine).purge},
	wire.ResubmitRequest:   {wire.ResubmitReply, (*Machine).resubmit},
	wire.ShutdownRequest:   {wire.ShutdownReply, (*Machine).shutdown},

	wire.EngineEndedRequest: {wire.EngineEndedReply, (*Machine).engineEnded},
	wire.HelloRequest:       {wire.HelloReply, (*Machine).hello},
}

// A failure is an error as clients read it: the name of a Python exception,
// and its text.
type failure struct{ ename, evalue string }

func (f failure) content() any { return wire.Failure(f.ename, f.evalue) }

// A keyError is worded as Python words one: its text is a repr, in quotes.
func keyError(text string) *failure { return &failure{"KeyError", "'" + text + "'"} }

// status is the content of a reply that says no more than ok.
type status struct {
	Status string `json:"status"`
}

var okay = status{wire.StatusOK}

// decode reads the content of a request.
func decode(m *wire.Message, into any) *failure {
	err := json.Unmarshal(m.Content, into)
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong):
		return valueError("%s: %s cannot be a JSON %s", m.Header.MsgType, cmp.Or(wrong.Field, "content"), wrong.Value)
	}
	return valueError("%s: %v", m.Header.MsgType, err)
}

// shutdown ends the controller.
func (m *Machine) shutdown(r request) {
	m.do(r.ok(okay))
	m.do(Notify{wire.ShutdownNotification, r.Message.RawHeader, okay})
	m.do(Exit{})
}

// hello tells a peer that this is its controller, by the signature.
func (m *Machine) hello(r request) { m.do(r.ok(okay)) }

// connection tells a client who is registered, and as which process if it asks.
func (m *Machine) connection(r request) {
	var query wire.ConnectionQuery
	if err := decode(r.Message, &query); err != nil {
		m.do(r.fail(err))
		return
	}
	if query.Far {
		m.memory.goFar(r.Message.Header.Session)
	}
	said := wire.Connected{
		Status: wire.StatusOK, Engines: make(map[wire.EngineID]wire.EngineUUID, len(m.engines)), Records: true,
		Instance: m.cfg.Instance, Restores: m.durable(), Remembers: m.cfg.Database != Nowhere,
	}
	if query.Processes {
		said.Processes = make(map[wire.EngineID]wire.EngineProcess, len(m.engines))
	}
	for _, e := range m.engines {
		said.Engines[e.id] = e.uuid
		if query.Processes {
			said.Processes[e.id] = e.process
		}
	}
	m.do(r.ok(said))
}

// maxEngineID bounds the id that an engine may ask for.
const maxEngineID = math.MaxInt32

func valueError(format string, args ...any) *failure {
	return &failure{"ValueError", fmt.Sprintf(format, args...)}
}

func indexError(format string, args ...any) *failure {
	return &failure{"IndexError", fmt.Sprintf(format, args...)}
}
