package wire

import "encoding/json"

// The message types of requests and replies, as ipyparallel names them.
const (
	ExecuteRequest = "execute_request"
	ExecuteReply   = "execute_reply"
	ApplyRequest   = "apply_request"
	ApplyReply     = "apply_reply"

	ClearRequest    = "clear_request"
	AbortRequest    = "abort_request"
	AbortReply      = "abort_reply"
	ShutdownRequest = "shutdown_request"
	SignalRequest   = "signal_request"
	DrainRequest    = "drain_request"

	RegistrationRequest        = "registration_request"
	RegistrationReply          = "registration_reply"
	UnregistrationRequest      = "unregistration_request"
	RegistrationNotification   = "registration_notification"
	UnregistrationNotification = "unregistration_notification"
	ShutdownNotification       = "shutdown_notification"
	EngineDraining             = "engine_draining"
	ConnectionRequest          = "connection_request"
	ConnectionReply            = "connection_reply"
	EngineEndedRequest         = "engine_ended_request"
	EngineEndedReply           = "engine_ended_reply"
	HelloRequest               = "hello_request"
	HelloReply                 = "hello_reply"

	// Acknowledge says that messages will not be asked for again: to a client,
	// on the registration port, that its requests are recorded; to an engine, on
	// the control channel, that its replies are. Resend asks an engine, there
	// too, for replies that it keeps. Neither has a reply.
	Acknowledge = "acknowledge"
	Resend      = "resend"
)

// The queries of the hub and their replies (protocol section 7). HubError
// answers a request that the hub does not know.
const (
	QueueRequest    = "queue_request"
	QueueReply      = "queue_reply"
	ResultRequest   = "result_request"
	ResultReply     = "result_reply"
	HistoryRequest  = "history_request"
	HistoryReply    = "history_reply"
	DBRequest       = "db_request"
	DBReply         = "db_reply"
	PurgeRequest    = "purge_request"
	PurgeReply      = "purge_reply"
	ResubmitRequest = "resubmit_request"
	ResubmitReply   = "resubmit_reply"
	ShutdownReply   = "shutdown_reply"
	HubError        = "hub_error"
)

// Questions about tasks on the task channel, which the scheduler answers: this
// and AbortRequest (protocol section 17).
const (
	ExplainRequest = "explain_request"
	ExplainReply   = "explain_reply"
)

// Status values of replies.
const (
	StatusOK      = "ok"
	StatusError   = "error"
	StatusAborted = "aborted"
)

// Execute is the content of an execute_request (Jupyter messaging, "Execute").
type Execute struct {
	Code            string            `json:"code"`
	Silent          bool              `json:"silent"`
	StoreHistory    bool              `json:"store_history"`
	UserExpressions map[string]string `json:"user_expressions"`
	AllowStdin      bool              `json:"allow_stdin"`
	StopOnError     bool              `json:"stop_on_error"`
}

// Abort is the content of an abort_request. To an engine: take these requests
// out of the queue, or all of them if MsgIDs is null; with Running, interrupt one
// that runs. To the scheduler, on the task channel: the same wherever a task is;
// null stands for all tasks of the client.
type Abort struct {
	MsgIDs  []MsgID `json:"msg_ids"`
	Running bool    `json:"running,omitempty"`
}

// Aborted is the scheduler's abort_reply. Aborted waited, and are answered with
// status aborted. Those of Engines were sent there: the engine is asked to abort
// them, and its reply tells whether it could. Unknown have finished, or never came.
type Aborted struct {
	Status  string                 `json:"status"`
	Aborted []MsgID                `json:"aborted"`
	Engines map[EngineUUID][]MsgID `json:"engines"`
	Unknown []MsgID                `json:"unknown"`
}

// Explain is the content of an explain_request: about these tasks or, where it
// is null, about all that wait.
type Explain struct {
	MsgIDs []MsgID `json:"msg_ids"`
}

// Explained is the content of an explain_reply: for each task that was asked for a
// sentence that says where it is and what it waits for; else what all wait for
// that do. Ready and Late are told either way.
type Explained struct {
	Status  string           `json:"status"`
	Tasks   map[MsgID]string `json:"tasks"`
	Waiting []Waiting        `json:"waiting,omitempty"`
	More    int              `json:"more,omitempty"`  // that wait for what is not in Waiting, which is bounded
	Ready   int              `json:"ready,omitempty"` // that wait, and that a further engine might take
	Late    int              `json:"late,omitempty"`  // of these, those that take longer than the jobs of all engines last
}

// Waiting are tasks that wait for the same: the rest of a sentence of which each
// is the subject, how many they are, and some of them, the first to be submitted.
type Waiting struct {
	Reason string  `json:"reason"`
	Count  int     `json:"count"`
	Tasks  []MsgID `json:"tasks"`
}

// MsgIDs is the content of a message that is about other messages: Acknowledge
// and Resend.
type MsgIDs struct {
	MsgIDs []MsgID `json:"msg_ids"`
}

// Registration is the content of a registration_request: the engine's uuid and,
// when MPI gave it a rank or it had one before, the id it asks for. Engines of Muster also tell
// which process they are.
type Registration struct {
	UUID EngineUUID `json:"uuid"`
	ID   *EngineID  `json:"id,omitempty"`
	// Keeps says that the engine keeps replies until they are acknowledged, if
	// it is told to (protocol section 17).
	Keeps bool `json:"keeps,omitempty"`
	// Tasks are the requests that the engine has when it registers again, with a
	// controller that was started anew: those that wait or run, and those whose
	// replies it keeps. Nil stands for a first registration.
	Tasks []MsgID `json:"tasks,omitzero"`
	// After is the mark of a job that has ended before the engine's own was started,
	// MUSTER_JOB_AFTER in its environment: the engine takes the place of one of that.
	After string `json:"after,omitempty"`
	EngineProcess
}

// Unregistration is the content of an unregistration_request. Engines of Muster
// tell the cause, if they have drained.
type Unregistration struct {
	ID    *EngineID `json:"id"`
	Cause string    `json:"cause,omitempty"`
}

// Drains is the content of an engine_draining, by which an engine says on the
// registration port that it takes nothing more. It has no reply.
type Drains struct {
	UUID EngineUUID `json:"uuid"`
}

// Drain is the content of a drain_request, by which an engine is asked, on the
// control channel, to take nothing more, to finish what it has, and to end. The
// cause is what clients are told of its end.
type Drain struct {
	Cause string `json:"cause,omitempty"`
}

// EngineProcess says which process an engine is, so that who sees the process
// end can say which engine that was, and until when it is there. What is not
// known is left out.
type EngineProcess struct {
	Host string `json:"host,omitempty"` // as its operating system has it
	PID  int    `json:"pid,omitempty"`
	Job  string `json:"job,omitempty"`  // the mark of the launcher's job, MUSTER_JOB in its environment
	Rank *int   `json:"rank,omitempty"` // in that job's MPI world
	Size int    `json:"size,omitempty"` // of that world
	// JobEnd is when the batch system ends the process.
	JobEnd Time `json:"job_end,omitzero"`
	// Draining says that the engine finishes what it has begun, takes nothing
	// more, and then ends.
	Draining bool `json:"draining,omitempty"`
}

// EngineEnded is the content of an engine_ended_request: the engines that are
// the process have ended, all of a job's where only the job is named, and why in one line.
type EngineEnded struct {
	EngineProcess
	Cause string `json:"cause"`
}

// EnginesEnded is the content of an engine_ended_reply when ok: which engines
// these were, of those that were still registered.
type EnginesEnded struct {
	Status  string     `json:"status"`
	Engines []EngineID `json:"engines"`
}

// Registered is the content of a registration_reply: the id granted, the period
// of heartbeats in milliseconds, and the engine file's ports.
type Registered struct {
	Status         string            `json:"status"`
	ID             EngineID          `json:"id"`
	HeartPeriod    int               `json:"hb_period"`
	ConnectionInfo *EngineConnection `json:"connection_info,omitempty"`
	// Instance names this run of the controller. Acknowledges says that it
	// acknowledges replies, which the engine keeps until then.
	Instance     string `json:"instance,omitempty"`
	Acknowledges bool   `json:"acknowledges,omitempty"`
}

// ConnectionQuery is the content of a connection_request, of which Python's
// clients leave everything out.
type ConnectionQuery struct {
	Processes bool `json:"processes,omitempty"` // are asked for
	// Far says that the client is behind a connection that may break, and asks
	// afterwards for what it has missed.
	Far bool `json:"far,omitempty"`
}

// Connected is the content of a connection_reply.
type Connected struct {
	Status  string                  `json:"status"`
	Engines map[EngineID]EngineUUID `json:"engines"`
	// Records says that the controller answers for engines that die during a
	// broadcast, knows BroadcastReplies, and keeps records of what is broadcast,
	// each copy a task of its own.
	Records bool `json:"broadcast_records"`
	// Instance names this run of the controller. Restores says that it records
	// requests so that, killed, it can be restored, and acknowledges each to its
	// client, which keeps it until then.
	Instance string `json:"instance,omitempty"`
	Restores bool   `json:"restores,omitempty"`
	// Remembers says that it answers for its own run what is sent again, from its
	// records: a client whose connection was lost sends what is not answered.
	Remembers bool `json:"remembers,omitempty"`
	// Processes are those of the engines, as far as they tell, if asked for.
	Processes map[EngineID]EngineProcess `json:"processes,omitempty"`
}

// EngineNotice is the content of an (un)registration_notification. Cause says
// why an engine is gone.
type EngineNotice struct {
	ID    EngineID   `json:"id"`
	UUID  EngineUUID `json:"uuid"`
	Cause string     `json:"cause,omitempty"`
}

// Target is one engine of a broadcast: on the wire a pair [uuid, id].
type Target struct {
	UUID EngineUUID
	ID   EngineID
}

// MarshalJSON writes the pair.
func (t Target) MarshalJSON() ([]byte, error) { return json.Marshal([]any{t.UUID, t.ID}) }

// UnmarshalJSON reads the pair.
func (t *Target) UnmarshalJSON(b []byte) error {
	pair := [2]any{&t.UUID, &t.ID}
	return json.Unmarshal(b, &pair)
}

// Reply is what the content of every reply begins with: a status and, when it
// is "error", what went wrong.
type Reply struct {
	Status string `json:"status"`
	Error
}

// Error is the error part of a reply's content (protocol section 12). Ename is
// the class name that clients test for; EngineInfo stays empty in errors that
// the controller makes.
type Error struct {
	Ename      string      `json:"ename"`
	Evalue     string      `json:"evalue"`
	Traceback  []string    `json:"traceback"`
	EngineInfo *EngineInfo `json:"engine_info,omitempty"`
	// Deaths are how engines died, of a task that the scheduler does not give to
	// another (protocol section 17).
	Deaths []string `json:"deaths,omitempty"`
}

// EngineInfo says which engine an error arose on, and in which kind of request.
type EngineInfo struct {
	EngineUUID EngineUUID `json:"engine_uuid"`
	EngineID   EngineID   `json:"engine_id"`
	Method     string     `json:"method"`
}

// MarshalJSON writes engine_info as {} when it is nil: peers index it.
func (e Reply) MarshalJSON() ([]byte, error) {
	out := struct {
		Status     string   `json:"status"`
		Ename      string   `json:"ename"`
		Evalue     string   `json:"evalue"`
		Traceback  []string `json:"traceback"`
		EngineInfo any      `json:"engine_info"`
		Deaths     []string `json:"deaths,omitempty"`
	}{e.Status, e.Ename, e.Evalue, e.Traceback, struct{}{}, e.Deaths}
	if e.Traceback == nil {
		out.Traceback = []string{}
	}
	if e.EngineInfo != nil {
		out.EngineInfo = e.EngineInfo
	}
	return json.Marshal(out)
}

// Failure returns the content of an error reply. Class names that peers know:
// EngineError, TaskTimeout, InvalidDependency, ImpossibleDependency, KeyError,
// IndexError, NoData.
func Failure(ename, evalue string) Reply {
	return Reply{Status: StatusError, Error: Error{Ename: ename, Evalue: evalue}}
}
