package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"sync/atomic"
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
	p, ok := newPlain(b)
	if !ok || !p.take('{') {
		return false
	}
	var id, session []byte
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
			id = value
		case "msg_type":
			h.MsgType = messageType(value)
		case "username":
			h.Username = known(value, &username)
		case "session":
			session = value
		case "version":
			h.Version = known(value, &version)
		case "date":
			h.Date.parse(value)
		default:
			return false
		}
		if p.take('}') {
			h.MsgID = MsgID(id)
			if bytes.HasPrefix(id, session) { // as an id begins
				h.Session = string(h.MsgID[:len(session)])
			} else {
				h.Session = string(session)
			}
			return len(p.rest) == 0
		}
		if !p.take(',') {
			return false
		}
	}
}

// username and version are those of the header that was read last: most are
// alike, and share their memory.
var username, version atomic.Pointer[string]

// known is the text that is in latest, or a new one, which then is.
func known(text []byte, latest *atomic.Pointer[string]) string {
	if s := latest.Load(); s != nil && *s == string(text) {
		return *s
	}
	s := string(text)
	latest.Store(&s)
	return s
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

// plain is what remains of JSON text that holds nothing to unescape, and no
// character but those of ASCII from the space on.
type plain struct{ rest []byte }

func newPlain(b []byte) (plain, bool) {
	rest := b
	for ; len(rest) >= 8; rest = rest[8:] {
		// A byte below the space borrows from the highest bit.
		const high, spaces = 0x8080808080808080, 0x2020202020202020
		if w := binary.NativeEndian.Uint64(rest); (w|(w-spaces))&high != 0 {
			return plain{}, false
		}
	}
	for _, c := range rest {
		if c < ' ' || c >= 0x80 {
			return plain{}, false
		}
	}
	return plain{b}, bytes.IndexByte(b, '\\') < 0
}

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

// text takes a quoted string.
func (p *plain) text() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	end := bytes.IndexByte(p.rest, '"')
	if end < 0 {
		return nil, false
	}
	s := p.rest[:end]
	p.rest = p.rest[end+1:]
	return s, true
}
