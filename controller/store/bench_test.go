package store

import (
	"fmt"
	"testing"

	"muster/controller/hub"
	"muster/wire"
)

// BenchmarkWrite is what a task costs from its request to its row.
func BenchmarkWrite(b *testing.B) {
	s, err := Open(Config{Path: b.TempDir() + "/tasks.db"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		id := fmt.Sprintf("8d3a2c3f-000000000000000000000000_4711_%d", n)
		s.Keep(requested(id, nil, make([]byte, 150), make([]byte, 50)))
		s.Keep(hub.Placed{Task: wire.MsgID(id), Engine: "8d3a2c3f-000000000000000000000001"})
		s.Keep(replied(id, make([]byte, 30)))
		if n%1000 == 0 { // as many as come in 50 ms
			done := make(chan struct{})
			s.Find(&hub.Query{IDs: []wire.MsgID{}}, func(hub.Found) { close(done) })
			<-done
		}
	}
}
