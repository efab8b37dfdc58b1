package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster/controller"
	"muster/transport"
	"muster/transport/zmq"
	"muster/wire"
)

// What a node and the doctor say to each other (protocol section 17).
const (
	freshRequest  = "doctor_fresh_request"
	reportRequest = "doctor_report_request"
)

// helloReply is the time at which a hello was answered.
type helloReply struct {
	Now int64 `json:"now"` // in nanoseconds since 1970
}

// freshReply is a file that was just made in the folder of the run.
type freshReply struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

const maxFrame = 1 << 20

// A listener answers nodes, as a controller would, and hands on what they report.
type listener struct {
	network *zmq.Network
	socket  transport.Socket
	session *wire.Session
	now     func() time.Time
	dir     string
	reports chan Report
	done    chan struct{}
}

// listen listens where a controller of this configuration would listen for engines, and
// answers. The endpoint is what engines would be told.
func listen(config controller.Config, dir string) (*listener, wire.Endpoint, error) {
	l, e, err := open(config, dir)
	if err == nil {
		go l.serve()
	}
	return l, e, err
}

func open(config controller.Config, dir string) (l *listener, e wire.Endpoint, err error) {
	on, e, err := config.EngineSide()
	if err != nil {
		return nil, e, fmt.Errorf("doctor: listen: %w", err)
	}
	network, err := zmq.New()
	if err != nil {
		return nil, e, fmt.Errorf("doctor: listen: %w", err)
	}
	e.Key, e.SignatureScheme, e.Pack, e.Unpack = wire.NewKey(), wire.SignatureScheme, "json", "json"
	l = &listener{network: network, session: wire.NewSession(e.Key, ""), now: time.Now, dir: dir, reports: make(chan Report), done: make(chan struct{})}
	ports := config.EnginePorts
	if len(ports) == 0 {
		ports = controller.Ports{0}
	}
	var errs []error
	for _, port := range ports {
		options := transport.Options{MaxFrame: maxFrame}
		for _, a := range on[1:] {
			options.Also = append(options.Also, tcp(a, port))
		}
		if l.socket, err = network.Listen(transport.Router, tcp(on[0], port), options); err == nil {
			break
		}
		errs = append(errs, err)
	}
	if l.socket == nil {
		network.Close()
		return nil, e, fmt.Errorf("doctor: %w", errors.Join(errs...))
	}
	bound, err := netip.ParseAddrPort(strings.TrimPrefix(l.socket.Addr(), "tcp://"))
	if err != nil {
		l.socket.Close()
		network.Close()
		return nil, e, fmt.Errorf("doctor: listen at %s: %w", l.socket.Addr(), err)
	}
	e.Registration = int(bound.Port())
	return l, e, nil
}

func tcp(a netip.Addr, port int) string {
	return "tcp://" + netip.AddrPortFrom(a, uint16(port)).String()
}

// close ends the listener. Nobody may wait for reports any more.
func (l *listener) close() {
	close(l.done)
	l.socket.Close()
	l.network.Close()
}

// serve answers until the socket is closed. What is not signed is not answered.
func (l *listener) serve() {
	for {
		frames, err := l.socket.Recv()
		if err != nil {
			return
		}
		m, err := l.session.Decode(frames)
		if err != nil {
			continue
		}
		reply, err := l.answer(m)
		if err != nil {
			continue
		}
		_, answer, err := l.session.Frames(strings.TrimSuffix(m.Header.MsgType, "_request")+"_reply", m.RawHeader, nil, reply)
		if err == nil {
			l.socket.Send(append(m.Route, answer...))
		}
	}
}

func (l *listener) answer(m *wire.Message) (any, error) {
	switch m.Header.MsgType {
	case wire.HelloRequest:
		return helloReply{Now: l.now().UnixNano()}, nil
	case freshRequest:
		fresh := freshReply{Name: "fresh-" + wire.NewKey()[:16], Text: wire.NewKey()}
		return fresh, os.WriteFile(filepath.Join(l.dir, fresh.Name), []byte(fresh.Text), 0o600)
	case reportRequest:
		var r Report
		if err := json.Unmarshal(m.Content, &r); err != nil || r.Copy == "" {
			return nil, fmt.Errorf("doctor: report: %w", err)
		}
		select {
		case l.reports <- r:
		case <-l.done:
		}
		return struct{}{}, nil
	}
	return nil, fmt.Errorf("doctor: %s: not known", m.Header.MsgType)
}
