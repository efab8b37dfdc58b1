package wire

import (
	"bytes"
	"encoding/json"
)

// A Header identifies a message: who sent it, what it is, when.
type Header struct {
	MsgID    MsgID  `json:"msg_id"`
	MsgType  string `json:"msg_type"`
	Username string `json:"username"`
	Session  string `json:"session"`
	Date     Time   `json:"date"`
	Version  string `json:"version"`
}

// ParseHeader reads a header as json.Unmarshal does. Headers are parsed twice a
// message at each end, and peers write them alike: a flat object of plain
// ASCII strings under known keys. Such a one is read in a single pass, which
// takes a quarter of the time (BenchmarkHeader); any other goes to the library.
func ParseHeader(b []byte, h *Header) error {
	if h.scan(b) {
		return nil
	}
	*h = Header{}
	return json.Unmarshal(b, h)
}

// scan reads the common form and tells whether it was that.
func (h *Header) scan(b []byte) bool {
	p := plain{b}
	if !p.take('{') {
		return false
	}
	for {
		key, ok := p.text()
		if !ok || !p.take(':') {
			return false
		}
		value, ok := p.text()
		if !ok {
			return false
		}
		switch string(key) {
		case "msg_id":
			h.MsgID = MsgID(value)
		case "msg_type":
			h.MsgType = messageType(value)
		case "username":
			h.Username = string(value)
		case "session":
			h.Session = string(value)
		case "version":
			h.Version = string(value)
		case "date":
			h.Date.parse(string(value))
		default:
			return false
		}
		if p.take('}') {
			return len(p.rest) == 0
		}
		if !p.take(',') {
			return false
		}
	}
}

// messageType spares the allocation for the types that make up the traffic.
func messageType(b []byte) string {
	for _, t := range [...]string{ApplyRequest, ApplyReply, ExecuteRequest, ExecuteReply} {
		if string(b) == t {
			return t
		}
	}
	return string(b)
}

// plain is what remains of JSON text that holds nothing to unescape.
type plain struct{ rest []byte }

// take skips spaces and then c, which has to be there.
func (p *plain) take(c byte) bool {
	for len(p.rest) > 0 && p.rest[0] == ' ' {
		p.rest = p.rest[1:]
	}
	if len(p.rest) == 0 || p.rest[0] != c {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// text takes a quoted string of printable ASCII without escapes.
func (p *plain) text() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	end := bytes.IndexByte(p.rest, '"')
	if end < 0 {
		return nil, false
	}
	s := p.rest[:end]
	for _, c := range s {
		if c == '\\' || c < ' ' || c > '~' {
			return nil, false
		}
	}
	p.rest = p.rest[end+1:]
	return s, true
}
