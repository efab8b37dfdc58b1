package engine

import (
	"testing"

	"muster/transport"
	"muster/wire"
	"muster/wire/pickle"
)

// BenchmarkApply is an empty call of a compiled function, with 100 outstanding:
// what the engine and the network cost, and the controller's double, which
// signs the request. A client that counts outputs spares the engine a status.
func BenchmarkApply(b *testing.B) {
	for _, net := range []string{"memory", "zmq"} {
		for _, md := range []string{"{}", onlyCounts} {
			b.Run(net+"/"+map[string]string{"{}": "status", onlyCounts: "counted"}[md], func(b *testing.B) {
				network := transport.Network(new(transport.Memory))
				if net == "zmq" {
					network = realNetwork(b)
				}
				benchmarkApply(b, network, md, 100)
			})
		}
	}
}

// BenchmarkApplyAlone is the same with one outstanding: a round trip.
func BenchmarkApplyAlone(b *testing.B) { benchmarkApply(b, realNetwork(b), onlyCounts, 1) }

func benchmarkApply(b *testing.B, network transport.Network, metadata string, outstanding int) {
	c := newController(b, network)
	r := c.start(Config{})
	r.value(r.apply("test.Nop"))
	c.quiet.Store(true)
	buffers, err := codec.SerializeCall(pickle.Reference{Name: "test.Nop"}, nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	route := [][]byte{[]byte(r.uuid), []byte("a client")}
	requests := make([][][]byte, b.N)
	for i := range requests {
		_, header := c.session.Header(wire.ApplyRequest)
		requests[i] = c.session.Encode(&wire.Message{Route: route, RawHeader: header, Metadata: []byte(metadata), Buffers: buffers})
	}
	b.ReportAllocs()
	b.ResetTimer()
	sent := 0
	for range b.N {
		for ; sent < b.N && outstanding > 0; sent, outstanding = sent+1, outstanding-1 {
			c.sockets["mux"].Send(requests[sent])
		}
		<-c.answers
		outstanding++
	}
}

// BenchmarkExecute is a cell, interpreted.
func BenchmarkExecute(b *testing.B) {
	c := newController(b, new(transport.Memory))
	r := c.start(Config{})
	b.ReportAllocs()
	for b.Loop() {
		r.reply(r.request(wire.ExecuteRequest, map[string]any{"code": "a := 1", "silent": true}))
	}
}
