// Package launcher starts n copies of a program, watches them and stops them:
// as processes of this machine, or of others by ssh, as the ranks of one mpirun or
// srun, as a job of a batch system, or as goroutines.
//
// A [Launcher] is made for one program and started once for each set of
// copies; what it returns is a [Job]. A job's [State] only moves forward, and
// [Job.Wait] gives a channel that closes when a state is reached, so that
// waiting for a job composes with select:
//
//	job, err := launcher.Local{Command: launcher.Command{Args: []string{"ipengine"}}}.Start(ctx, 4)
//	...
//	select {
//	case <-job.Failed():
//		return job.Err()
//	case <-ready:
//	}
//	defer job.Stop(ctx)
//
// # Nothing is left behind
//
// Each process leads a process group of its own, and on Linux it is told to
// end (SIGTERM) when the process that started it dies, however that dies. Each
// also carries a mark in its environment, which its descendants inherit. Stop
// sends SIGTERM, waits, sends SIGKILL, and is done when neither a process that
// was started nor, on Linux, one that carries the mark is alive. A job's
// [Handle] holds what another process needs to do the same later: numbers of
// processes with their start times, so that a number that was given to somebody
// else is never signalled, and the mark.
//
// # Why a copy ended
//
// [Job.Ends] has the end of each copy and its cause, in a line that goes into the
// errors of whoever waited for it: the signal by name and number, the exit status
// and the last words, what the kernel says it killed for want of memory (it counts
// that for each cgroup), which rank of an mpirun was the first, and the state
// in which a batch system has a job end.
//
// # Batch systems
//
// A set is one job. Its script is rendered by jobscripts, and reports its start and its end
// by a line in a file, at which the launcher looks. What only the batch system knows, why
// a job waits and who ended it, it is asked: with one question for all jobs of
// this process, and no sooner than the profile's poll time after the last one. The next
// batch system is a template, its commands, and how to read their answers (type batchSystem).
//
// # The rule of this room
//
// A launcher knows commands, not components: what an engine or a controller is,
// it need not know. It reaches every command, programs and batch systems alike,
// through one seam, the [Runner].
package launcher
