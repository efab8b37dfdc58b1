package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"muster/wire"
)

// errTerminated is why an engine ends when nothing went wrong; shutdown is another.
var errTerminated = errors.New("terminated by a signal")

// inFlight is how long replies are given to pass the controller before it
// learns, on another channel, that the engine is gone.
const inFlight = 100 * time.Millisecond

// control carries out a request of the control channel, at once: the worker may
// be busy (protocol section 11).
func (e *Engine) control(r *request) {
	switch r.Header.MsgType {
	case "abort_request":
		e.abort(r)
	case "clear_request":
		// The namespace is the worker's: clear it before the next request.
		e.queue.push(&request{Message: r.Message, internal: func() {
			if err := e.ns.Clear(); err != nil {
				e.refuse(r, r.replyType(), "Error", err.Error())
				return
			}
			e.replyControl(r, r.replyType(), contentOK)
		}})
	case "shutdown_request":
		e.shutdown(r)
	case wire.DrainRequest:
		e.drainRequest(r)
	case "interrupt_request":
		e.Interrupt()
		e.replyControl(r, r.replyType(), contentOK)
	case "signal_request":
		e.signal(r)
	case "kernel_info_request":
		e.kernelInfo(r)
	case wire.Acknowledge, wire.Resend:
		e.confirm(r)
	default:
		e.log.Warn("unknown control request", "type", r.Header.MsgType)
	}
}

func (e *Engine) replyControl(r *request, msgType string, content json.RawMessage) {
	e.reply(r, msgType, e.pub.metadata, content)
}

// confirm carries out what the controller, which has no use for a reply, says of
// replies that are kept: these are recorded, or are to be sent again.
func (e *Engine) confirm(r *request) {
	var about wire.MsgIDs
	if err := json.Unmarshal(r.Content, &about); err != nil {
		e.log.Warn("message dropped", "type", r.Header.MsgType, "err", err)
		return
	}
	if r.Header.MsgType == wire.Acknowledge {
		e.kept.forget(about.MsgIDs)
		return
	}
	for _, k := range e.kept.find(about.MsgIDs) {
		e.resend(k)
	}
}

// resend sends a kept reply again.
func (e *Engine) resend(k *keptReply) {
	if err := k.line.give(k.frames); err != nil {
		e.log.Info("reply kept for later", "task", k.id, "err", err)
	}
}

// abort answers the named requests that still wait, or all of them, with
// status aborted. It leaves alone the one that runs, unless "running" is true
// and it is among them: then it is interrupted, and the reply names it. That
// part is ours, for clients that want to be rid of a call in whatever state it is:
//
//	request {"msg_ids": [id, ...] or null, "running"?: bool}
//	reply   {"status": "ok", "interrupted"?: [id]}
func (e *Engine) abort(r *request) {
	var content struct {
		MsgIDs  json.RawMessage `json:"msg_ids"`
		Running bool            `json:"running"`
	}
	var ids []wire.MsgID
	err := json.Unmarshal(r.Content, &content)
	if err == nil && len(content.MsgIDs) > 0 && string(content.MsgIDs) != "null" {
		if err = json.Unmarshal(content.MsgIDs, &ids); err != nil {
			ids = make([]wire.MsgID, 1)
			err = json.Unmarshal(content.MsgIDs, &ids[0])
		}
	}
	if err != nil {
		e.refuse(r, r.replyType(), ValueError, fmt.Sprintf("abort_request: msg_ids is %s: want a list of message ids, or null for all", content.MsgIDs))
		return
	}
	reply := struct {
		Status      string       `json:"status"`
		Interrupted []wire.MsgID `json:"interrupted,omitempty"`
	}{Status: wire.StatusOK}
	if len(ids) == 0 {
		e.replyAborted(e.queue.remove(func(*request) bool { return true })...)
		if content.Running {
			if running := e.queue.interrupt(); running != nil {
				reply.Interrupted = running.ids()[:1]
			}
		}
	} else {
		var waiting []*request
		waiting, reply.Interrupted = e.queue.abort(ids, content.Running)
		e.replyAborted(waiting...)
	}
	b, _ := json.Marshal(reply) // strings always do
	e.replyControl(r, r.replyType(), b)
}

func (e *Engine) refuse(r *request, replyType, ename, evalue string) {
	b, err := json.Marshal(wire.Failure(ename, evalue))
	if err != nil {
		e.log.Error("refusal not encoded", "err", err)
		return
	}
	e.replyControl(r, replyType, b)
}

// signal delivers a signal: SIGINT interrupts the request that runs, SIGTERM
// ends the engine, others go to the process. The type of the reply is that of
// ipyparallel, odd as it is.
func (e *Engine) signal(r *request) {
	const replyType = "_request"
	var content struct {
		Sig any `json:"sig"`
	}
	var sig syscall.Signal
	if err := json.Unmarshal(r.Content, &content); err != nil {
		e.refuse(r, replyType, ValueError, fmt.Sprintf("signal_request: %v", err))
		return
	}
	switch v := content.Sig.(type) {
	case float64:
		sig = syscall.Signal(v)
	case string:
		sig = unix.SignalNum(strings.ToUpper(v))
	}
	if sig <= 0 || sig > 64 {
		e.refuse(r, replyType, ValueError, fmt.Sprintf("signal_request: no such signal: %v", content.Sig))
		return
	}
	e.log.Info("signal requested", "signal", sig.String())
	switch {
	case sig == syscall.SIGINT:
		e.Interrupt()
	case sig != syscall.SIGTERM && e.cfg.kill == nil:
		e.refuse(r, replyType, "OSError", fmt.Sprintf("signal_request: %v would reach the whole process, in which this engine is not alone", sig))
		return
	}
	e.replyControl(r, replyType, contentOK)
	switch sig {
	case syscall.SIGINT:
	case syscall.SIGTERM:
		e.stop(errTerminated)
	default: // once the reply has left, which the signal may well prevent
		time.AfterFunc(inFlight, func() {
			if err := e.cfg.kill(sig); err != nil {
				e.log.Error("signal not delivered", "signal", sig.String(), "err", err)
			}
		})
	}
}

// kernelInfo says what runs here (Jupyter messaging, "Kernel info").
func (e *Engine) kernelInfo(r *request) {
	type language struct {
		Name          string `json:"name"`
		Version       string `json:"version"`
		Mimetype      string `json:"mimetype"`
		FileExtension string `json:"file_extension"`
	}
	b, err := json.Marshal(struct {
		Status          string   `json:"status"`
		ProtocolVersion string   `json:"protocol_version"`
		Implementation  string   `json:"implementation"`
		Version         string   `json:"implementation_version"`
		Language        language `json:"language_info"`
		Banner          string   `json:"banner"`
		HelpLinks       []string `json:"help_links"`
	}{
		wire.StatusOK, wire.ProtocolVersion, "muster", Version(),
		language{"go", strings.TrimPrefix(runtime.Version(), "go"), "text/x-go", ".go"},
		fmt.Sprintf("Muster %s engine, interpreting Go", Version()), []string{},
	})
	if err != nil {
		e.log.Error("kernel info not encoded", "err", err)
		return
	}
	e.replyControl(r, r.replyType(), b)
}
