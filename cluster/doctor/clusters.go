package doctor

import (
	"context"

	"muster/cluster"
)

// clusters: none is left over from a crash.
func clusters(_ context.Context, x *examination) []Finding {
	records, err := cluster.List(x.Profile)
	var found []Finding
	if err != nil {
		found = append(found, warning("%v", err).because("what is not known to run is not stopped"))
	}
	running := 0
	for _, r := range records {
		switch r.State() {
		case cluster.Stale:
			found = append(found, warning("cluster %s has crashed and left processes or files", r.Name()).
				because("clients may find its connection files, and no controller").remedy("ipcluster clean"))
		case cluster.Elsewhere:
			found = append(found, warning("cluster %s was started on %s", r.Name(), r.Host).
				because("only there it is known whether it runs, and it keeps its name").remedy("stop it there, or remove %s if that machine is gone", r.Path()))
		default:
			running++
		}
	}
	if len(found) > 0 {
		return found
	}
	return []Finding{ok("none is left over, %d of this profile run", running)}
}
