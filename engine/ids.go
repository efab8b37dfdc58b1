package engine

import (
	"fmt"

	"muster/mpi"
	"muster/wire"
)

// choose sets the id that an engine with a process for itself asks for. Of the ids
// of its job it is that of its rank, which MPI tells or, without MPI, the launcher
// by the environment. Where no ids are given the rank in MPI is the id.
func (c *Config) choose(world mpi.Comm, job mpi.Job, launched bool) error {
	rank := job.Rank
	switch {
	case c.mpi:
		rank = world.Rank()
	case len(c.ids) == 1:
		rank = 0
	case len(c.ids) > 1 && !launched:
		c.Log.Warn("no launcher tells which of the ids is this engine's: the controller chooses one", "ids", wire.FormatIDs(c.ids))
		return nil
	}
	switch {
	case len(c.ids) == 0:
		if c.mpi && world.Size() > 1 {
			id := wire.EngineID(rank)
			c.ID = &id
		}
	case c.ID != nil: // that of its last life
	case rank >= len(c.ids):
		return fmt.Errorf("engine: --ids=%s has none for rank %d: give one for each rank", wire.FormatIDs(c.ids), rank)
	default:
		c.ID = &c.ids[rank]
	}
	return nil
}
