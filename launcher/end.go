package launcher

import (
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// An End is how a copy of a program has ended, or all copies of a job that live
// and die together: the ranks of one mpirun, the job of a batch system.
type End struct {
	Copy int // its number from 0, or All
	PID  int // its process; 0 of All
	// Rank is, of All, the rank that ended first, or Unknown: Hydra does not
	// tell it from those that it killed thereupon.
	Rank int
	// Cause says on one line why it ended, as in "exit status 3: wrong key"; ""
	// if it ended well. Of the ranks of an mpirun it is that of the first.
	Cause string
	Host  string // where its process was; "" is this machine
}

// NearlyOver is the Cause of a job of a batch system that was warned of the end of its
// time, and whose engines have drained and ended well. It is no failure.
const NearlyOver = "its job's time was nearly over"

const (
	All     = -1 // no single copy
	Unknown = -1 // no rank that is known
)

// maxCause bounds what an End says, in bytes.
const maxCause = 400

// blame fills in why a program ended, and which rank of it if it was an mpirun.
func (e *End) blame(failure *ExitError) {
	e.Cause = failure.Cause()
	if e.Copy == All {
		r := firstDead(failure.Output, failure.Reason)
		e.Rank = r.rank
		// What a batch system says comes before what mpirun says under it.
		ws, ours := waitStatus(failure.Err)
		if ours && r.signal == 0 && ws.ExitStatus() > 128 { // as shells have it, and Open MPI for a rank that dies early
			r.signal = syscall.Signal(ws.ExitStatus() - 128)
		}
		if ours && r.signal != 0 {
			e.Cause = killedBy(r.signal)
			if r.signal == syscall.SIGKILL {
				e.Cause += claimKill(failure.Err)
			}
		}
	}
	if len(e.Cause) > maxCause {
		e.Cause = strings.ToValidUTF8(e.Cause[:maxCause], "") + "..."
	}
}

// rankEnd is the end of one rank, as far as mpirun tells.
type rankEnd struct {
	rank   int            // Unknown if it does not
	signal syscall.Signal // that ended it, or 0
}

var (
	// What Open MPI says of a rank that a signal has ended, and of one that
	// has ended with another status than 0.
	openSignal = regexp.MustCompile(`process rank (\d+) with PID \d+ on node \S+ exited on signal (\d+)`)
	openStatus = regexp.MustCompile(`Process name: \[\[\d+,\d+\],(\d+)\]\s+Exit code:`)
	// What Hydra says of a signal.
	hydraSignal = regexp.MustCompile(`APPLICATION TERMINATED WITH THE EXIT STRING: .* \(signal (\d+)\)`)
	// taggedRank is the rank in a rankTag.
	taggedRank = regexp.MustCompile(`^\[(?:\d+,)?(\d+)\]|^ *(\d+): `)
)

// labels has srun, and the mpirun of Open MPI 4, put the rank before each line, where
// the words that start the engines are the site's.
var labels = []string{"SLURM_LABELIO=1", "OMPI_MCA_orte_tag_output=1"}

// RankOf reads the rank that mpirun, srun or flux run puts before each line of one, as
// in "[1,17]<stdout>:", "[1,17]<stderr>:", "[17] " and "17: "; ok is false where there
// is none.
func RankOf(line string) (rank int, ok bool) {
	tag := taggedRank.FindStringSubmatch(rankTag.FindString(line))
	if tag == nil {
		return Unknown, false
	}
	rank, err := strconv.Atoi(tag[1] + tag[2])
	return rank, err == nil
}

// firstDead finds out which rank ended an MPI job: by what mpirun says, or else
// by who crashed and said so.
func firstDead(output, reason string) rankEnd {
	number := func(s string) int { n, _ := strconv.Atoi(s); return n }
	if m := openSignal.FindStringSubmatch(output); m != nil {
		return rankEnd{rank: number(m[1]), signal: syscall.Signal(number(m[2]))}
	}
	r := rankEnd{rank: Unknown}
	if m := hydraSignal.FindStringSubmatch(output); m != nil {
		r.signal = syscall.Signal(number(m[1]))
	}
	if m := openStatus.FindStringSubmatch(output); m != nil {
		r.rank = number(m[1])
		return r
	}
	for _, l := range splitLines(output) {
		if tag := rankTag.FindString(l); tag != "" && l[len(tag):] == reason && crash.MatchString(reason) {
			r.rank, _ = RankOf(l)
		}
	}
	return r
}
