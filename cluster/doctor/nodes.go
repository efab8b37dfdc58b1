package doctor

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"muster/engine"
	"muster/mpi"
)

// nodeChecks look at what nodes have reported.
var nodeChecks = []struct {
	name string
	look func(*examination, []Report) []Finding
}{
	{"programs", nodePrograms}, {"libzmq", nodeLibzmq}, {"directory", nodeDirectory}, {"network", nodeNetwork},
	{"clock", nodeClock}, {"limits", nodeLimits}, {"cores", nodeCores}, {"mpi", nodeMPI},
}

// nodes starts the job on nodes, and tells what it has found.
func (x *examination) nodes(ctx context.Context) {
	if x.invalid != nil {
		x.say("job", failure("no job was started to look at nodes").because("the profile is not right").remedy("mend it first"))
		return
	}
	engines, n, err := x.sample()
	if err != nil {
		x.say("job", failure("%v", err))
		return
	}
	x.Progress("starting a job to look at nodes")
	t, err := x.try(ctx, engines, n)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		x.say("job", failure("%v", err).because("engines are started in the same way"))
		return
	}
	x.say("job", x.jobFinding(t, n))
	if f, check := diagnose(t.output); check != "" {
		x.say(check, f)
	}
	if len(t.reports) == 0 {
		return
	}
	for _, c := range nodeChecks {
		x.say(c.name, c.look(x, t.reports)...)
	}
}

// jobFinding is about the job itself.
func (x *examination) jobFinding(t trial, n int) Finding {
	all := hosts(t.reports)
	const why = "engines are started in the same way"
	switch {
	case len(t.reports) == 0 && !t.began:
		return warning("%s was not begun within %v: %s", t.title(), x.Patience, t.pending).because("so nothing is known of nodes").
			remedy("wait longer (--timeout 1h), or ask for a queue that is quicker (--queue)")
	case len(t.reports) < n:
		said := ""
		if t.failure != nil {
			said = ": " + firstLine(t.failure.Error())
		} else if words := firstLine(t.output); words != "" {
			said = ": " + words
		}
		f := failure("of %d copies %d have reported%s", n, len(t.reports), said).because(why)
		f.Nodes = all
		return f.remedy("see what is said below, and what else the job has printed: ipcluster doctor --log-level debug")
	case t.failure != nil:
		f := warning("%v", firstLine(t.failure.Error())).because(why)
		f.Nodes = all
		return f
	}
	f := ok("%s reported in %v", plural(n, "copy", "copies"), round(t.took))
	if t.name != "" {
		f = ok("%s began within %v, %s reported in %v", t.name, round(t.queued), plural(n, "copy", "copies"), round(t.took))
	}
	f.Nodes = all
	return f
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// hosts lists the nodes of reports, each once.
func hosts(reports []Report) string {
	var all []string
	for _, r := range reports {
		all = append(all, r.Host)
	}
	all = slices.Compact(all)
	if len(all) > 4 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:3], ", "), len(all)-3)
	}
	return strings.Join(all, ", ")
}

// each asks about every report; those that have nothing to say are well. If all are, it is
// the good finding that is told, once.
func each(reports []Report, good Finding, look func(Report) (bad Finding, is bool)) []Finding {
	var found []Finding
	for _, r := range reports {
		f, is := look(r)
		if !is {
			continue
		}
		// What is the same on several nodes is said once.
		if i := slices.IndexFunc(found, func(other Finding) bool { return other.State == f.State && other.Found == f.Found }); i < 0 {
			f.Nodes = r.Host
			found = append(found, f)
		} else if !slices.Contains(strings.Split(found[i].Nodes, ", "), r.Host) {
			found[i].Nodes += ", " + r.Host
		}
	}
	if len(found) == 0 {
		good.Nodes = hosts(reports)
		found = append(found, good)
	}
	return found
}

func nodePrograms(_ *examination, reports []Report) []Finding {
	return each(reports, ok("ipengine %s starts (%s)", reports[0].Engine.Version, reports[0].Arch), func(r Report) (Finding, bool) {
		switch {
		case r.Engine.Error != "":
			return failure("the engine does not start: %s", r.Engine.Error).because("it is this program that nodes are going to run").
				remedy("put it where nodes see it, built for their system and architecture (%s)", r.Arch), true
		case r.Engine.Version != engine.Version() || r.Version != engine.Version():
			return failure("ipengine is version %s there, ipcluster %s; here they are %s", r.Engine.Version, r.Version, engine.Version()).
				because("programs of different versions may not understand each other").remedy("install the same there as here"), true
		}
		return Finding{}, false
	})
}

func nodeLibzmq(x *examination, reports []Report) []Finding {
	return each(reports, ok("%s", reports[0].Libzmq), func(r Report) (Finding, bool) {
		return failure("%s, without CURVE", r.Libzmq).because("the profile has connections encrypted (controller.curve)").
			remedy("put a libzmq that was built with libsodium where engines find it: LD_LIBRARY_PATH, in a line of setup"), x.profile.Controller.Curve && !r.Curve
	})
}

// slowSight is when it is said that files take long to be seen.
const slowSight = 5 * time.Second

func nodeDirectory(x *examination, reports []Report) []Finding {
	slowest := time.Duration(0)
	for _, r := range reports {
		slowest = max(slowest, r.Fresh.After)
	}
	if x.profile.Engines.Launcher == "ssh" {
		return each(reports, ok("not needed: engines are told by their connection where the controller is"), func(r Report) (Finding, bool) { return Finding{}, false })
	}
	return each(reports, ok("%s is seen, a new file within %v", x.Profile.Dir, round(slowest)), func(r Report) (Finding, bool) {
		switch {
		case r.Seen.Error != "":
			return failure("%s is not seen: %s", x.Profile.Dir, r.Seen.Error).because("engines read the connection file there, and their output is put there").
				remedy("put the profile where nodes see it%s", x.shared()), true
		case r.Wrote != "":
			return failure("%s cannot be written to: %s", x.Profile.Dir, r.Wrote).because("the output of engines is put there").
				remedy("put the profile where nodes may write%s", x.shared()), true
		case r.Fresh.Error != "" && r.answers() != nil:
			return failure("a new file in %s is not seen within %v: %s", x.Profile.Dir, round(r.Fresh.After), r.Fresh.Error).
				because("engines would read the connection file of an earlier controller, or none").remedy("put the profile on another file system%s", x.shared()), true
		case r.Fresh.After > slowSight:
			return warning("a new file in %s is seen after %v", x.Profile.Dir, round(r.Fresh.After)).
				because("engines wait for the connection file").remedy("put the profile on a file system that is quicker to tell%s", x.shared()), true
		}
		return Finding{}, false
	})
}

func nodeNetwork(_ *examination, reports []Report) []Finding {
	var good Finding
	if r := reports[0].answers(); r != nil {
		good = ok("this machine is reached at %s, in %v", r.Host, round(r.Took))
	}
	return each(reports, good, func(r Report) (Finding, bool) {
		var tried []string
		for _, route := range r.Routes {
			tried = append(tried, route.Host+": "+route.Error)
		}
		return failure("this machine is not reached: %s", strings.Join(tried, "; ")).because("engines connect to the controller").
			remedy("say by which name, address or interface nodes reach it (--ip, --location; controller.engine_ip, location in the profile), open the way to its ports " +
				"(controller.engine_ports names them, for the firewall), or start the controller in the job (ipcluster script, jobscripts)"), r.answers() == nil
	})
}

// clockLimit is by how much clocks may differ.
const clockLimit = 2 * time.Second

func nodeClock(_ *examination, reports []Report) []Finding {
	worst := reports[0].Clock
	for _, r := range reports {
		if r.Clock.Ahead.Abs() > worst.Ahead.Abs() {
			worst = r.Clock
		}
	}
	return each(reports, ok("%v apart, give or take %v", round(worst.Ahead.Abs()), round(worst.Error)), func(r Report) (Finding, bool) {
		way := "ahead of"
		if r.Clock.Ahead < 0 {
			way = "behind"
		}
		switch {
		case !r.Clock.Known:
			return warning("not compared").because("this machine was not reached from there"), true
		case r.Clock.Ahead.Abs()-r.Clock.Error > clockLimit:
			return warning("%v %s that of this machine", round(r.Clock.Ahead.Abs()), way).because("times of tasks, and the end of a job, are told by the node's clock").
				remedy("tell the site: its clocks should be kept by NTP"), true
		}
		return Finding{}, false
	})
}

// fewOpenFiles is what an engine has open, and what a program in it may open.
const fewOpenFiles = 256

func nodeLimits(_ *examination, reports []Report) []Finding {
	least := reports[0].OpenFiles
	for _, r := range reports {
		least = min(least, r.OpenFiles)
	}
	return each(reports, ok("%d files may be open", least), func(r Report) (Finding, bool) {
		return warning("%d files may be open", r.OpenFiles).because("an engine has some fifty open, and code that runs in it more").
			remedy("raise it in a line of setup: ulimit -n 4096, or have the site raise the hard limit"), r.OpenFiles < fewOpenFiles
	})
}

func nodeCores(x *examination, reports []Report) []Finding {
	good := ok("%s, %s of memory", plural(reports[0].CPUs, "core", "cores"), bytes(reports[0].Memory))
	return each(reports, good, func(r Report) (Finding, bool) {
		return warning("a copy may use 1 core of its node").because("goroutines of an engine share it").
			remedy("ask for more cores for each engine, or bind to sockets, if cells are to compute in parallel"), r.CPUs == 1 && x.wideEngines()
	})
}

// wideEngines reports whether an engine is to have more than one core.
func (x *examination) wideEngines() bool {
	if b := x.profile.Engines.Batch(); b == nil || b.Site == nil {
		return false
	}
	request, err := x.profile.Request(x.Job)
	if err != nil {
		return false
	}
	request.N, request.Run = x.N, x.Profile.Dir
	plan, err := x.profile.Site.Plan(request)
	return err == nil && plan.Depth > 1
}

// otherLaunch is what to do where ranks are started and do not find each other.
const otherLaunch = `start ranks by the launcher of the MPI that the shim is for, with the words that it wants, as in launch = ["srun", "--mpi=pmix"] or ["mpirun"]`

func nodeMPI(x *examination, reports []Report) []Finding {
	first := reports[0].MPI
	good := ok("%s, shim %s", short(first.Library), first.Shim)
	if first.Size > 0 {
		good = ok("%s of %s find each other", plural(first.Size, "rank", "ranks"), short(first.Library))
	}
	return each(reports, good, func(r Report) (Finding, bool) {
		info := mpi.Info{Flavour: r.MPI.Flavour, Library: r.MPI.Library, Shim: r.MPI.Shim}
		switch {
		case r.MPI.Error != "" && !x.ranks():
			return warning("%s", r.MPI.Error).because("without MPI every engine is a world of its own, as the profile has it").remedy("load the MPI module in a line of setup, if engines are to talk to each other"), true
		case r.MPI.Error != "":
			return failure("%s", r.MPI.Error).because("the engines are to be ranks of one MPI world").
				remedy("load the MPI module of the site in a line of setup (site.setup, or --setup); or " + otherLaunch), true
		case x.ranks() && r.MPI.Size == 0:
			return failure("MPI_Init of %s does not return", short(r.MPI.Library)).because("the engines are to be ranks of one MPI world").
				remedy(otherLaunch), true
		case r.MPI.Size > 0 && r.MPI.Size != len(reports):
			return failure("%s of %d copies are one world", plural(r.MPI.Size, "rank", "ranks"), len(reports)).because("the engines are to be ranks of one MPI world").
				remedy(otherLaunch), true
		}
		f := x.agrees(info, ok(""))
		return f, f.State != OK
	})
}

// What the loader says of a program that it cannot start.
var (
	noLibrary = regexp.MustCompile(`error while loading shared libraries: ([^:\s]+): ([^\n]*)`)
	oldGlibc  = regexp.MustCompile("version [`']?(GLIBC_[0-9.]+)'? not found")
	otherArch = regexp.MustCompile(`(?i)exec format error|cannot execute binary file`)
	notThere  = regexp.MustCompile(`(?m)^(\S+) is not on ([^:\s]+): put it`)
)

// diagnose finds out from the words of a job why its program did not start; the check is "" if it did.
func diagnose(output string) (f Finding, check string) {
	const why = "engines are not going to start either"
	if m := noLibrary.FindStringSubmatch(output); m != nil {
		check = "programs"
		if strings.HasPrefix(m[1], "libzmq") {
			check = "libzmq"
		}
		return failure("nodes lack %s: %s", m[1], m[2]).because(why).remedy("have it installed there, load the module that has it, or say where it is: export LD_LIBRARY_PATH=... in a line of setup"), check
	}
	if m := oldGlibc.FindStringSubmatch(output); m != nil {
		return failure("nodes have a C library older than %s", m[1]).because(why).remedy("build on a node, or on a machine of the same system"), "programs"
	}
	if otherArch.MatchString(output) {
		return failure("the programs are of another architecture than nodes are").because(why).remedy("build them on a node: make bin"), "programs"
	}
	if m := notThere.FindStringSubmatch(output); m != nil {
		return failure("%s does not see %s", m[2], m[1]).because(why).remedy("put the programs where nodes see them"), "programs"
	}
	return Finding{}, ""
}
