package scheduler

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"muster/wire"
)

// A task is one request of one client. Message ids are the client's word, so
// two clients may use the same without meeting.
type task struct {
	client string
	id     wire.MsgID
}

// asked is what remains of a request while an engine works on it: enough to
// answer in the engine's stead.
type asked struct {
	order  uint64 // requests are numbered as they come
	client []byte
	id     wire.MsgID
	kind   string // message type
	header []byte
}

// peer is an engine and what it was asked and has not answered.
type peer struct {
	id    wire.EngineID
	uuid  wire.EngineUUID
	asked map[task]asked
}

// inOrder returns the requests in the order in which they came.
func (p *peer) inOrder() []asked {
	return slices.SortedFunc(maps.Values(p.asked), func(a, b asked) int { return cmp.Compare(a.order, b.order) })
}

const requestSuffix = "_request"

// replyType returns the type of the reply to a request, and whether the message
// is a request at all: comm messages want no reply.
func replyType(kind string) (string, bool) {
	base, ok := strings.CutSuffix(kind, requestSuffix)
	return base + "_reply", ok
}

// fail answers a request with an error. The engine is "" if none is to blame.
func fail(a asked, engine wire.EngineUUID, ename, format string, args ...any) Answer {
	kind, _ := replyType(a.kind)
	return Answer{
		Client:   a.client,
		Type:     kind,
		Parent:   a.header,
		Metadata: Metadata{Status: wire.StatusError, Engine: engine},
		Content:  wire.Failure(ename, fmt.Sprintf(format, args...)),
	}
}

// died answers a request whose engine is gone: with an error, unless it was
// asked to go.
func died(a asked, p *peer, cause string) Answer {
	if a.kind == wire.ShutdownRequest {
		return Answer{
			Client:   a.client,
			Type:     wire.ShutdownReply,
			Parent:   a.header,
			Metadata: Metadata{Status: wire.StatusOK, Engine: p.uuid},
			Content:  wire.Reply{Status: wire.StatusOK},
		}
	}
	return fail(a, p.uuid, engineError, "Engine %d died while running task %q: %s", p.id, a.id, cause)
}

// unsent answers a request that did not reach its engine.
func unsent(a asked, p *peer) Answer {
	return fail(a, p.uuid, engineError, "engine %d is registered, but not connected now: task %q did not reach it", p.id, a.id)
}

// badJSON words an error of metadata that cannot be read.
func badJSON(err error) string {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Sprintf("%s cannot be a JSON %s", cmp.Or(wrong.Field, "metadata"), wrong.Value)
	}
	return err.Error()
}

// Class names of errors that clients test for (protocol section 12).
const (
	engineError          = "EngineError"
	invalidDependency    = "InvalidDependency"
	impossibleDependency = "ImpossibleDependency"
	taskTimeout          = "TaskTimeout"
	valueError           = "ValueError"
)
