package doctor

import (
	"context"
	"errors"
	"strings"

	"muster/mpi"
)

// mpiLibrary: an engine finds a shim for the MPI of this machine, and can load both.
// Nodes may have another; they are asked themselves.
func mpiLibrary(ctx context.Context, x *examination) []Finding {
	if x.engine == "" {
		return nil // what is wrong is for check programs
	}
	out, err := run(ctx, x.flavour(), x.engine, "mpi", "info")
	if err != nil {
		said := strings.TrimPrefix(strings.TrimSpace(out), "ipengine: ")
		if said == "" {
			said = err.Error()
		}
		said, do, _ := strings.Cut(said, "\nload the MPI module")
		if do == "" {
			do = " of this site, then run: ipengine mpi build"
		}
		f := warning("%s", said)
		if x.launcher() == "mpi" { // elsewhere nodes have the last word
			f = failure("%s", said)
		}
		f.Why = "without MPI every engine is a world of its own"
		if x.ranks() {
			f.Why = "the engines are to be ranks of one MPI world"
		}
		return []Finding{f.remedy("load the MPI module%s", do)}
	}
	info := parseInfo(out)
	return []Finding{x.agrees(info, ok("%s, shim %s", short(info.Library), info.Shim))}
}

// agrees is the finding, unless the library is of another flavour than the site's.
func (x *examination) agrees(info mpi.Info, good Finding) Finding {
	want := x.profile.Site.MPI.Engine()
	if want == "" || info.Flavour == want {
		return good
	}
	return warning("%s, which is %s (shim %s)", short(info.Library), info.Flavour, info.Shim).
		because("MPI of "+x.site()+" is "+x.profile.Site.MPI.Flavour+" (site.mpi.flavour): its launcher starts ranks of another as worlds of their own").
		remedy("load the site's MPI module and run ipengine mpi build, or name the shim in %s", mpi.ShimEnv)
}

// short is the name and version of a library, without how it was built.
func short(library string) string {
	name, _, _ := strings.Cut(library, ",")
	return name
}

// flavour has a program of ours prefer the MPI of the site, as the jobs' scripts do.
func (x *examination) flavour() []string {
	if want := x.profile.Site.MPI.Engine(); want != "" {
		return []string{mpi.FlavourEnv + "=" + want}
	}
	return nil
}

// parseInfo reads what ipengine mpi info prints.
func parseInfo(out string) (info mpi.Info) {
	for line := range strings.Lines(out) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		value = strings.TrimSpace(value)
		switch name {
		case "flavour":
			info.Flavour = value
		case "library":
			info.Library = value
		case "shim":
			info.Shim = value
		}
	}
	return info
}

// mpirun: it starts ranks that find each other. Only where engines may be started by it
// on this machine; many a login node does not allow that.
func mpirun(ctx context.Context, x *examination) []Finding {
	if l := x.launcher(); l != "mpi" && l != "local" {
		return nil
	}
	engines := x.profile.Engines
	engines.Launcher, engines.N = "mpi", 2
	t, err := x.try(ctx, engines, 2)
	if ctx.Err() != nil {
		return nil
	}
	bad := func(format string, args ...any) []Finding {
		f := failure(format, args...)
		if x.launcher() == "local" {
			f.State = Warning
		}
		return []Finding{f.because("engines that are ranks of one MPI world are started by it (--engines mpi)").
			remedy("use the mpirun of the MPI that the shim is for: engines.mpi.command in the profile, or ipengine mpi build with that MPI's mpicc")}
	}
	if err != nil {
		return bad("%v", err)
	}
	for _, r := range t.reports {
		if r.MPI.Error != "" {
			return bad("%s", r.MPI.Error)
		}
	}
	if n := len(t.reports); n < 2 || t.reports[0].MPI.Size != 2 {
		return bad("of 2 ranks %d came to add up: %v", n, errors.Join(t.failure, errors.New(firstLine(t.output))))
	}
	return []Finding{ok("2 ranks of %s find each other, in %v", short(t.reports[0].MPI.Library), round(t.took))}
}
