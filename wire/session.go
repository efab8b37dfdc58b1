package wire

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"os/user"
	"strconv"
	"sync"
	"sync/atomic"
)

// Delimiter is the frame between the identities and the signed part.
const Delimiter = "<IDS|MSG>"

// MaxDict bounds each of the four JSON frames of a message. A header or a
// content beyond it is refused before it is parsed; data belongs in buffers.
const MaxDict = 64 << 20

var (
	// ErrMalformed says that frames are no message: delimiter, frames or JSON missing.
	ErrMalformed = errors.New("malformed message")
	// ErrSignature says that the signature does not match: another key, or tampering.
	ErrSignature = errors.New("invalid signature")
	// ErrReplay says that the same signed message was decoded before.
	ErrReplay = errors.New("duplicate signature")
)

var (
	delimiter = []byte(Delimiter)
	// Empty is the JSON object without keys, for parents, metadata and content.
	Empty = json.RawMessage("{}")
)

// A Session signs the messages of one peer and checks those it receives. It
// may be used by several goroutines.
type Session struct {
	// ID is the session id in every header; an engine's is its uuid.
	ID string

	key   []byte
	macs  sync.Pool // of *mac
	count atomic.Uint64
	// prefix is the start of every header up to msg_id's counter, so that a
	// header is made without reflection.
	prefix []byte

	mu sync.Mutex // guards what follows
	// Signatures are noted in recent until it is full, and then it becomes
	// older. Both keep their size: taking them out one by one would let a map
	// grow for long.
	recent, older map[uint64]struct{}
}

// replayWindow is how many signatures are remembered at least, and twice as many
// at most. ipyparallel keeps as many.
const replayWindow = 1 << 16

// NewSession returns a session that signs with key by HMAC-SHA256; an empty key
// means unsigned messages. An empty id is replaced by a random one.
func NewSession(key, id string) *Session {
	if id == "" {
		id = NewSessionID()
	}
	name := "muster"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	quoted, _ := json.Marshal(name)
	s := &Session{ID: id}
	s.SetKey(key)
	s.prefix = fmt.Appendf(nil, `{"username":%s,"session":"%s","version":"%s","msg_id":"%s_%d_`,
		quoted, id, ProtocolVersion, id, os.Getpid())
	return s
}

// SetKey makes the session sign, and check, by another key. It must do neither
// meanwhile.
func (s *Session) SetKey(key string) {
	s.key = []byte(key)
	s.macs = sync.Pool{New: func() any { return &mac{hash: hmac.New(sha256.New, s.key), together: make([]byte, 0, 4<<10)} }}
}

// Header returns the JSON of a fresh header for a message of the given type,
// and its id.
func (s *Session) Header(msgType string) (MsgID, json.RawMessage) {
	b := make([]byte, 0, len(s.prefix)+len(msgType)+80)
	b = append(b, s.prefix...)
	b = strconv.AppendUint(b, s.count.Add(1), 10)
	id := MsgID(b[bytes.LastIndexByte(b, '"')+1:])
	b = append(b, `","msg_type":"`...)
	b = append(b, msgType...)
	b = append(b, `","date":`...)
	b = Now().append(b)
	return id, append(b, '}')
}

// Encode returns the frames of m: its route, the delimiter, the signature, the
// four dicts (a nil one as {}) and its buffers, which are not copied. The
// header is m.RawHeader as it stands.
func (s *Session) Encode(m *Message) [][]byte {
	frames := make([][]byte, 0, len(m.Route)+6+len(m.Buffers))
	frames = append(frames, m.Route...)
	frames = append(frames, delimiter, nil, dict(m.RawHeader), dict(m.RawParent), dict(m.Metadata), dict(m.Content))
	n := len(m.Route)
	frames[n+1] = s.sign(frames[n+2 : n+6])
	return append(frames, m.Buffers...)
}

// Frames is Encode for a new message: it makes the header and marshals metadata
// and content (nil means {}; a json.RawMessage goes as it is). parent is the
// RawHeader of the request this answers, or nil.
func (s *Session) Frames(msgType string, parent json.RawMessage, metadata, content any, buffers ...[]byte) (MsgID, [][]byte, error) {
	id, header := s.Header(msgType)
	m := Message{RawHeader: header, RawParent: parent, Buffers: buffers}
	var err error
	if m.Metadata, err = object(metadata); err == nil {
		m.Content, err = object(content)
	}
	if err != nil {
		return "", nil, fmt.Errorf("wire: encode %s: %w", msgType, err)
	}
	return id, s.Encode(&m), nil
}

func dict(b json.RawMessage) []byte {
	if b == nil {
		return Empty
	}
	return b
}

func object(v any) (json.RawMessage, error) {
	switch v := v.(type) {
	case nil:
		return Empty, nil
	case json.RawMessage:
		return v, nil
	}
	return json.Marshal(v)
}

func (s *Session) sign(dicts [][]byte) []byte {
	if len(s.key) == 0 {
		return []byte{}
	}
	m := s.macs.Get().(*mac)
	defer s.macs.Put(m)
	m.hash.Reset()
	n := 0
	for _, d := range dicts {
		n += len(d)
	}
	if n <= cap(m.together) { // one write is faster than four, of which each ends within a block
		m.together = m.together[:0]
		for _, d := range dicts {
			m.together = append(m.together, d...)
		}
		m.hash.Write(m.together)
	} else {
		for _, d := range dicts {
			m.hash.Write(d)
		}
	}
	m.sum = m.hash.Sum(m.sum[:0])
	return hex.AppendEncode(make([]byte, 0, hex.EncodedLen(sha256.Size)), m.sum)
}

// mac is what it takes to sign.
type mac struct {
	hash     hash.Hash
	together []byte // the dicts of a message, if they are small
	sum      []byte
}

// Split finds the delimiter and returns the identity frames before it and the
// frames from the delimiter on.
func Split(frames [][]byte) (route, rest [][]byte, err error) {
	for i, f := range frames {
		if len(f) == len(delimiter) && bytes.Equal(f, delimiter) {
			if len(frames)-i < 6 {
				return nil, nil, fmt.Errorf("%w: %d frames after the delimiter, want at least 5", ErrMalformed, len(frames)-i-1)
			}
			return frames[:i:i], frames[i:], nil
		}
	}
	return nil, nil, fmt.Errorf("%w: no %s among %d frames", ErrMalformed, Delimiter, len(frames))
}

// Decode takes frames apart, checks the signature, and refuses a message that
// it has decoded before. The result aliases frames. Errors wrap ErrMalformed,
// ErrSignature or ErrReplay.
func (s *Session) Decode(frames [][]byte) (*Message, error) {
	m, sig, err := s.verify(frames)
	if err != nil {
		return nil, err
	}
	if len(s.key) > 0 && s.repeated(sig) {
		return nil, fmt.Errorf("%w: %s %s", ErrReplay, m.Header.MsgType, m.Header.MsgID)
	}
	return m, nil
}

// Forget lets every message be decoded once more. A controller that was started
// anew sends again what may have been received, and left undone.
func (s *Session) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.recent)
	clear(s.older)
}

// Inspect is Decode for one who looks on: the signature is checked, but not
// remembered, so that the same message may be seen once more.
func (s *Session) Inspect(frames [][]byte) (*Message, error) {
	m, _, err := s.verify(frames)
	return m, err
}

func (s *Session) verify(frames [][]byte) (*Message, []byte, error) {
	route, rest, err := Split(frames)
	if err != nil {
		return nil, nil, err
	}
	sig, dicts := rest[1], rest[2:6]
	for i, d := range dicts {
		if len(d) > MaxDict {
			return nil, nil, fmt.Errorf("%w: %s of %d bytes, at most %d are read", ErrMalformed, dictName[i], len(d), MaxDict)
		}
	}
	if len(s.key) > 0 && !hmac.Equal(sig, s.sign(dicts)) {
		return nil, nil, ErrSignature
	}
	m := &Message{Route: route, RawHeader: dicts[0], RawParent: dicts[1], Metadata: dicts[2], Content: dicts[3], Buffers: rest[6:]}
	if err := ParseHeader(m.RawHeader, &m.Header); err != nil {
		return nil, nil, fmt.Errorf("%w: header: %v", ErrMalformed, err)
	}
	if m.Header.MsgID == "" || m.Header.MsgType == "" {
		return nil, nil, fmt.Errorf("%w: header without msg_id or msg_type", ErrMalformed)
	}
	if len(m.RawParent) > 2 {
		if err := ParseHeader(m.RawParent, &m.Parent); err != nil {
			return nil, nil, fmt.Errorf("%w: parent_header: %v", ErrMalformed, err)
		}
	}
	for i, d := range dicts[2:] {
		if d = bytes.TrimSpace(d); len(d) < 2 || d[0] != '{' || d[len(d)-1] != '}' {
			return nil, nil, fmt.Errorf("%w: %s is no JSON object", ErrMalformed, dictName[i+2])
		}
	}
	return m, sig, nil
}

var dictName = [...]string{"header", "parent_header", "metadata", "content"}

// repeated notes a signature and tells whether it was noted before.
func (s *Session) repeated(sig []byte) bool {
	// 64 bits will do: only who has the key can choose among
	// signatures, and by chance two of so few are alike once in 10^14 messages.
	var first [8]byte
	hex.Decode(first[:], sig[16:32])
	k := binary.NativeEndian.Uint64(first[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.recent[k]; ok {
		return true
	}
	if _, ok := s.older[k]; ok {
		return true
	}
	if len(s.recent) == replayWindow {
		s.recent, s.older = s.older, s.recent
		clear(s.recent)
	}
	if s.recent == nil {
		s.recent = make(map[uint64]struct{})
	}
	s.recent[k] = struct{}{}
	return false
}
