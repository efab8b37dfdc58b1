package scheduler

import (
	"bytes"
	"encoding/json"
	"strconv"

	"muster/wire"
)

// broadcast is what the metadata of a broadcast request says, and what its
// copies have in common.
type broadcast struct {
	targets           []wire.Target
	list              json.RawMessage // of the targets
	coalescing, apart bool
	metadata          json.RawMessage // of each copy

	id           wire.MsgID
	before, rest []byte // of the header, around the end of the id
}

// object is JSON of which some keys are changed and the rest is passed on.
type object map[string]json.RawMessage

func (o object) set(key string, value any) { o[key] = marshal(value) }

// marshal writes what is made of strings and numbers, or was parsed.
func marshal(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// readBroadcast reads a request. Its copies do not carry the targets, which
// are nothing to an engine and would make of n engines n*n of them.
func readBroadcast(m *wire.Message) (*broadcast, error) {
	var o struct {
		Targets    []wire.Target `json:"targets"`
		Coalescing bool          `json:"is_coalescing"`
		Apart      bool          `json:"broadcast_replies"` // wire.BroadcastReplies
	}
	var metadata object
	if err := json.Unmarshal(m.Metadata, &metadata); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(m.Metadata, &o); err != nil {
		return nil, err
	}
	targets, list := unique(o.Targets), metadata["targets"]
	if len(targets) < len(o.Targets) {
		list = marshal(targets)
	}
	delete(metadata, "targets")
	delete(metadata, wire.BroadcastReplies)
	metadata.set("original_msg_id", m.Header.MsgID)
	b := &broadcast{targets: targets, list: list, coalescing: o.Coalescing, apart: o.Apart, metadata: marshal(metadata), id: m.Header.MsgID}
	return b, b.readHeader(m.RawHeader)
}

// unique drops repetitions: an engine that is named twice is asked once.
func unique(targets []wire.Target) []wire.Target {
	var out []wire.Target
	seen := make(map[wire.EngineUUID]bool, len(targets))
	for _, t := range targets {
		if !seen[t.UUID] {
			seen[t.UUID] = true
			out = append(out, t)
		}
	}
	return out
}

// readHeader finds the end of the id in a header, where copies differ. A header
// that does not show it in plain sight is written anew.
func (b *broadcast) readHeader(raw []byte) error {
	quoted := marshal(b.id)
	at := valueOf(raw, `"msg_id"`)
	if at < 0 || !bytes.HasPrefix(raw[at:], quoted) {
		var header object
		if err := json.Unmarshal(raw, &header); err != nil {
			return err
		}
		delete(header, "msg_id")
		begin := []byte(`{"msg_id":`)
		at = len(begin)
		raw = append(append(append(begin, quoted...), ','), marshal(header)[1:]...) // a header has a type as well
	}
	at += len(quoted) - 1
	b.before, b.rest = raw[:at], raw[at:]
	return nil
}

// valueOf returns where the value of a key begins, or -1 where that is not
// plain: the key occurs elsewhere as well, or something is nested.
func valueOf(raw []byte, key string) int {
	if bytes.Count(raw, []byte(key)) != 1 || bytes.Count(raw, []byte("{")) != 1 {
		return -1
	}
	at := bytes.Index(raw, []byte(key)) + len(key)
	for at < len(raw) && (raw[at] == ' ' || raw[at] == ':') {
		at++
	}
	return at
}

// copy returns the id and the header of the copy for one target.
func (b *broadcast) copy(t wire.Target) (wire.MsgID, []byte) {
	header := make([]byte, 0, len(b.before)+1+len(t.UUID)+len(b.rest))
	header = append(append(header, b.before...), '_')
	quoted := marshal(t.UUID)
	header = append(append(header, quoted[1:len(quoted)-1]...), b.rest...)
	return b.id + "_" + wire.MsgID(t.UUID), header
}

// coalesce makes one reply of all. Its dicts are those of one of them, of the
// first that failed if any did; the buffers follow the order of the targets. A
// client that takes it apart finds each reply in its metadata.
func (w *whole) coalesce() *wire.Message {
	base := w.replies[0]
	for _, r := range w.replies {
		if failed(r.Metadata) {
			base = r
			break
		}
	}
	var metadata object
	if json.Unmarshal(base.Metadata, &metadata) != nil {
		metadata = object{} // it was an object at the door, if perhaps a bad one
	}
	metadata.set("is_broadcast", true)
	metadata.set("is_coalescing", true)
	metadata.set("original_msg_id", w.id)
	metadata["broadcast_targets"] = w.list
	m := &wire.Message{
		Route:     [][]byte{w.client},
		RawHeader: base.RawHeader,
		RawParent: base.RawParent,
		Metadata:  marshal(metadata),
		Content:   base.Content,
	}
	for _, r := range w.replies {
		m.Buffers = append(m.Buffers, r.Buffers...)
	}
	if w.apart {
		b := append(m.Metadata[:len(m.Metadata)-1:len(m.Metadata)-1], `,"`+wire.BroadcastReplies+`":[`...)
		b = append(b, bytes.Join(w.parts, []byte(","))...)
		m.Metadata = append(b, "]}"...)
	}
	return m
}

// failed tells whether the metadata of a reply says so.
func failed(metadata json.RawMessage) bool {
	o := readOutcome(metadata)
	return o.Status != "" && o.Status != wire.StatusOK
}

// ownPart is the wire.BroadcastReply of a reply, of what is JSON already.
func ownPart(r *wire.Message) []byte {
	b := make([]byte, 0, len(r.RawHeader)+len(r.Metadata)+len(r.Content)+64)
	b = append(append(b, `{"header":`...), sound(r.RawHeader)...)
	b = append(append(b, `,"metadata":`...), sound(r.Metadata)...)
	b = append(append(b, `,"content":`...), sound(r.Content)...)
	b = strconv.AppendInt(append(b, `,"buffers":`...), int64(len(r.Buffers)), 10)
	return append(b, '}')
}

// sound is JSON that does not spoil what it becomes a part of. At the door it
// was only seen to be in braces.
func sound(raw json.RawMessage) json.RawMessage {
	if !json.Valid(raw) {
		return wire.Empty
	}
	return raw
}
