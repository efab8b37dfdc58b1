package engine

import (
	"log/slog"
	"testing"

	"muster/mpi"
	"muster/wire"
)

// ranked is a world of which only rank and size are asked for.
type ranked struct {
	mpi.Comm
	rank, size int
}

func (r ranked) Rank() int { return r.rank }
func (r ranked) Size() int { return r.size }

func TestChooseOneOfTheIDs(t *testing.T) {
	six := wire.EngineID(6)
	ids := []wire.EngineID{4, 5, 9}
	for _, tt := range []struct {
		name      string
		config    Config
		world     ranked
		job       mpi.Job
		launched  bool
		want      wire.EngineID
		wantError string
	}{
		{"alone", Config{}, ranked{size: 1}, mpi.Job{}, false, -1, ""},
		{"alone, with an id", Config{ID: &six}, ranked{size: 1}, mpi.Job{}, false, 6, ""},
		{"a rank of MPI", Config{mpi: true}, ranked{rank: 2, size: 3}, mpi.Job{}, true, 2, ""},
		{"alone in MPI", Config{mpi: true}, ranked{size: 1}, mpi.Job{}, true, -1, ""},
		{"a rank with ids", Config{mpi: true, ids: ids}, ranked{rank: 2, size: 3}, mpi.Job{Rank: 1}, true, 9, ""},
		{"a rank beyond the ids", Config{mpi: true, ids: ids}, ranked{rank: 3, size: 4}, mpi.Job{}, true, -1, "engine: --ids=4-5,9 has none for rank 3: give one for each rank"},
		{"one for one", Config{ids: ids[:1]}, ranked{size: 1}, mpi.Job{}, false, 4, ""},
		{"one for one in a job of several", Config{ids: ids[:1]}, ranked{size: 1}, mpi.Job{Rank: 7, Size: 8}, true, 4, ""},
		{"a task of srun", Config{ids: ids}, ranked{size: 1}, mpi.Job{Rank: 1, Size: 3}, true, 5, ""},
		{"nobody tells", Config{ids: ids}, ranked{size: 1}, mpi.Job{}, false, -1, ""},
		{"started anew in place", Config{ids: ids, ID: &six}, ranked{size: 1}, mpi.Job{Rank: 1, Size: 3}, true, 6, ""},
		{"neither MPI nor ids", Config{}, ranked{size: 1}, mpi.Job{Rank: 1, Size: 3}, true, -1, ""},
	} {
		c := tt.config
		c.Log = slog.New(slog.DiscardHandler)
		err := c.choose(tt.world, tt.job, tt.launched)
		got := wire.EngineID(-1)
		if c.ID != nil {
			got = *c.ID
		}
		if got != tt.want || (err == nil) != (tt.wantError == "") || err != nil && err.Error() != tt.wantError {
			t.Errorf("%s: id %d, %v, want %d, %q", tt.name, got, err, tt.want, tt.wantError)
		}
	}
}
