package wire

import (
	"encoding/json"
	"testing"
	"time"
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

// FuzzTime: what the fast way accepts, the library reads alike.
func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"2026-11-20T16:41:07.308956Z", "2024-02-29T23:59:59.999999Z", "2023-02-29T00:00:00.000000Z", "0000-01-01T00:00:00.000000Z",
		"2026-13-01T00:00:00.000000Z", "2026-00-01T00:00:00.000000Z", "2026-01-00T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z",
		"2026-01-01T00:60:00.000000Z", "2026-01-01T00:00:60.000000Z", "2026-01-01 00:00:00.000000Z", "2026-01-01T00:00:00.00000xZ", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var fast Time
		if !fast.scan([]byte(s)) {
			return
		}
		if slow, err := time.Parse(timeLayout, s); err != nil || !fast.Equal(slow) {
			t.Fatalf("%q: %v, the library reads %v, %v", s, fast, slow, err)
		}
		if written := string(fast.append(nil)); written != `"`+s+`"` {
			t.Fatalf("%q is written as %s", s, written)
		}
	})
}

// Dates as peers write them take the fast way.
func TestTimeScan(t *testing.T) {
	for i := range 2000 {
		want := time.Unix(int64(i)*1234567, int64(i)*1000).UTC()
		var fast Time
		if s := want.Format(timeLayout); !fast.scan([]byte(s)) || !fast.Equal(want) {
			t.Fatalf("%s is read as %v", s, fast)
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	text := header()
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			var h Header
			if err := ParseHeader(text, &h); err != nil {
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
