package wire

import (
	"encoding/json"
	"testing"
)

// members reads an object by EachMember.
func members(object []byte) (map[string]string, bool) {
	m := make(map[string]string)
	ok := EachMember(object, func(key, value []byte) { m[string(key)] = string(value) })
	return m, ok
}

func TestEachMember(t *testing.T) {
	for _, object := range []string{`[]`, `{"a":[]}`, `{"a":{}}`, `{"a":"\\"}`, `{"a":01}`, `{"a":1`, `{"a":1,}`, `{"a":tru}`, `{"a":1} `, `{a:1}`, ``, `{"a":}`, `{"a":"é"}`} {
		if m, ok := members([]byte(object)); ok {
			t.Errorf("%s is read as flat: %q", object, m)
		}
	}
	m, ok := members([]byte(`{"started": "2026-11-20T16:41:07.308956Z","met":true, "n":-1.5e+3,"none":null,"n":7}`))
	if !ok || len(m) != 4 || m["started"] != `"2026-11-20T16:41:07.308956Z"` || m["met"] != "true" || m["none"] != "null" || m["n"] != "7" {
		t.Errorf("got %q, %v", m, ok)
	}
}

// What is read as flat the library reads alike.
func FuzzEachMember(f *testing.F) {
	for _, object := range []string{replyMetadata, `{}`, `{"a": 1.5e3, "b":"x\"y"}`, `{"a":[1]}`, `{ "a":null}`} {
		f.Add([]byte(object))
	}
	f.Fuzz(func(t *testing.T, object []byte) {
		got, ok := members(object)
		if !ok {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(object, &want); err != nil || len(got) != len(want) {
			t.Fatalf("%q is read as %q; the library: %q, %v", object, got, want, err)
		}
		for key, value := range want {
			if got[key] != string(value) {
				t.Errorf("%q: the value of %q is %q, want %q", object, key, got[key], value)
			}
		}
	})
}

const replyMetadata = `{"started":"2026-11-20T16:41:07.308956Z","dependencies_met":true,"engine":"00000000-0123456789abcdef01234567",` +
	`"is_broadcast":false,"is_coalescing":false,"original_msg_id":"","status":"ok","outputs":0}`

func BenchmarkEachMember(b *testing.B) {
	object := []byte(replyMetadata)
	b.Run("flat", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			n := 0
			EachMember(object, func(key, _ []byte) {
				if string(key) == "status" {
					n++
				}
			})
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m struct {
				Status string `json:"status"`
			}
			if err := json.Unmarshal(object, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}
