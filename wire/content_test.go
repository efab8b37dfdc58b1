package wire

import (
	"encoding/json"
	"testing"
)

// A first registration and one that lists no tasks are not the same.
func TestRegistration(t *testing.T) {
	for _, c := range []struct {
		r    Registration
		text string
	}{
		{Registration{UUID: "u"}, `{"uuid":"u"}`},
		{Registration{UUID: "u", Keeps: true, Tasks: []MsgID{}}, `{"uuid":"u","keeps":true,"tasks":[]}`},
		{Registration{UUID: "u", Tasks: []MsgID{"a"}}, `{"uuid":"u","tasks":["a"]}`},
	} {
		b, err := json.Marshal(c.r)
		if err != nil || string(b) != c.text {
			t.Errorf("%s, %v, want %s", b, err, c.text)
		}
		var back Registration
		if err := json.Unmarshal(b, &back); err != nil || (back.Tasks == nil) != (c.r.Tasks == nil) {
			t.Errorf("%s was read as %+v, %v", b, back, err)
		}
	}
}
