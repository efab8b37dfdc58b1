package wire

import (
	"encoding/json"
	"testing"
)

func header() []byte {
	_, h := NewSession("k", "").Header(ApplyRequest)
	return h
}

// Our own headers and Python's take the fast way.
func TestHeaderScan(t *testing.T) {
	for _, b := range []string{
		string(header()),
		`{"msg_id": "a_1_2", "msg_type": "execute_reply", "username": "root", "session": "a", "date": "2026-11-20T16:41:07.308956Z", "version": "5.3"}`,
	} {
		var fast, slow Header
		if !fast.scan([]byte(b)) {
			t.Errorf("%s is left to the library", b)
		}
		if err := json.Unmarshal([]byte(b), &slow); err != nil || fast != slow {
			t.Errorf("%s: %+v, the library reads %+v, %v", b, fast, slow, err)
		}
	}
}

// FuzzHeader: what the fast way accepts, the library reads alike.
func FuzzHeader(f *testing.F) {
	f.Add(header())
	f.Add([]byte(`{"msg_id":"é","date":null}`))
	f.Add([]byte(`{"msg_id":"a","msg_id":"b"} `))
	f.Fuzz(func(t *testing.T, b []byte) {
		var fast, slow Header
		if !fast.scan(b) {
			return
		}
		if err := json.Unmarshal(b, &slow); err != nil || fast != slow {
			t.Fatalf("%q: %+v, the library reads %+v, %v", b, fast, slow, err)
		}
	})
}

func BenchmarkHeader(b *testing.B) {
	text := header()
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			var h Header
			if err := parseHeader(text, &h); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			var h Header
			if err := json.Unmarshal(text, &h); err != nil {
				b.Fatal(err)
			}
		}
	})
}
