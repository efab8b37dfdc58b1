package launcher

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// What the systems print of jobs, in testdata, and what is made of it. It follows
// what sites and other programs show; launchertest says which for each system.
func TestSubmitterStates(t *testing.T) {
	for name, tt := range map[string]struct {
		system batchSystem
		want   map[string]jobState
	}{
		"qstat-f": {pbs{}, map[string]jobState{
			"1453338.pbs02": {stage: queued, why: "Insufficient amount of resource: ncpus", start: time.Date(2026, 11, 21, 14, 5, 1, 0, time.Local)},
			"1453339.pbs02": {stage: running},
			"1453340.pbs02": {stage: queued, why: "Can Never Run: No Select", never: true},
			"1453341.pbs02": {stage: queued, why: "job held, too many failed attempts to run", never: true, failed: true},
			"1453342.pbs02": {stage: queued, why: "it is held", never: true},
			"1453343.pbs02": {stage: gone},
			"1453344.pbs02": {stage: gone},
			"1453345.pbs02": {stage: running},
		}},
		"qstat-torque": {pbs{torque: true}, map[string]jobState{
			"522083.barnacle.ucsd.edu": {stage: gone}, "522084.barnacle.ucsd.edu": {stage: running}, "9.barnacle.ucsd.edu": {stage: gone},
		}},
		"bjobs": {lsf{}, map[string]jobState{
			"764213236": {stage: over, why: "its time was over (TERM_RUNLIMIT)"},
			"764220165": {stage: queued, why: "Job dependency condition not satisfied"},
			"764220167": {stage: queued, why: "it is held", never: true},
			"764254593": {stage: running},
			"764399747": {stage: over},
			"764399748": {stage: over, why: "failed"},
			"764399749": {stage: running},
			"864220165": {stage: gone},
		}},
		"flux-jobs": {flux{}, map[string]jobState{
			"f2WHXfaM5": {stage: over, why: "its time was over (TIMEOUT)"},
			"f2WHXfaM6": {stage: queued, why: "held", never: true},
			"f2WHXfaM7": {stage: queued}, "f2WHXfaME": {stage: queued, place: 3}, "f2WHXfaMF": {stage: queued, start: time.Unix(1795269901, 0)},
			"f2WHXfaM8": {stage: running},
			"f2WHXfaM9": {stage: over, why: "failed"},
			"f2WHXfaMA": {stage: over, why: "unsatisfiable request | all of it (exception alloc)"},
			"f2WHXfaMB": {stage: over, why: "cancelled (CANCELED)"},
			"f2WHXfaMC": {stage: over, why: "job shell exec error on n1: no such file"},
			"f2WHXfaMD": {stage: gone},
		}},
		"pjstat": {pjm{}, map[string]jobState{
			"167661": {stage: queued}, "167662": {stage: running}, "167663": {stage: queued, why: "it is held", never: true},
			"167664": {stage: queued, why: "FILE IO ERROR", never: true, failed: true}, "167665": {stage: gone}, "167666": {stage: running},
		}},
		"condor_q": {htcondor{}, map[string]jobState{
			"17": {stage: running}, "18": {stage: queued, why: "via condor_hold (by user \"root\")", never: true},
			"19": {stage: queued, why: "Failed to open '/x/log' as standard output: Permission denied (errno 13)", never: true, failed: true},
			"20": {stage: queued}, "21": {stage: gone}, "22": {stage: gone},
		}},
	} {
		printed, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for id := range tt.want {
			ids = append(ids, id)
		}
		var failed error
		if name == "qstat-f" || name == "qstat-torque" || name == "bjobs" || name == "flux-jobs" { // one of the jobs is gone
			failed = errors.New("exit status 153")
		}
		got, err := tt.system.states(ids, string(printed), failed)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for id, want := range tt.want {
			if got[id] != want {
				t.Errorf("%s: job %s: %+v, want %+v", name, id, got[id], want)
			}
		}
		if len(got) != len(tt.want) {
			t.Errorf("%s: %d states, want %d", name, len(got), len(tt.want))
		}
	}
}

// A system that does not answer has told nothing of any job.
func TestSubmitterSilence(t *testing.T) {
	for name, printed := range map[string]string{
		"pbs":      "Connection refused\nqstat: cannot connect to server pbs02 (errno=15010)\n",
		"torque":   "pbs_iff: cannot read reply from pbs_server\nqstat: cannot connect to server (null) (errno=15007) Unauthorized Request\n",
		"lsf":      "LSF is down. Please wait ...\nls_gethostinfo(): Cannot locate master LIM now, try later\n",
		"flux":     "flux-jobs: ERROR: Unable to connect to Flux: broker socket /run/flux/local was not found\n",
		"pjm":      "[ERR.] PJM 0701 pjstat Communication with job manager failed.\n",
		"htcondor": "\n-- Failed to fetch ads from: <10.0.0.1:9618?addrs=10.0.0.1-9618> : submit\nCEDAR:6001:Failed to connect to <10.0.0.1:9618>\n",
	} {
		states, err := systems[name].states([]string{"1"}, printed, errors.New("exit status 1"))
		if err == nil {
			t.Errorf("%s: %v", name, states)
		} else if first, _, _ := strings.Cut(err.Error(), "\n"); !strings.Contains(first, "exit status 1") {
			t.Errorf("%s: %s", name, first)
		}
	}
}

// What is printed at a submission: the id, among what sites greet with.
func TestSubmitterIDs(t *testing.T) {
	for _, tt := range []struct{ system, printed, want string }{
		{"pbs", "1453338.pbs02\n", "1453338.pbs02"}, {"torque", "qsub: waiting\n94\n", "94"}, {"pbs", "qsub: Unknown queue\n", ""},
		{"lsf", "Job <764254593> is submitted to queue <test>.\n", "764254593"}, {"lsf", "Request aborted by esub. Job not submitted.\n", ""},
		{"flux", "ƒ2WHXfaM5\n", "f2WHXfaM5"}, {"flux", "f2WHXfaM5\n", "f2WHXfaM5"}, {"flux", "flux-batch: ERROR\n", ""},
		{"pjm", "[INFO] PJM 0000 pjsub Job 167661 submitted.\n", "167661"}, {"pjm", "[ERR.] PJM 0007 pjsub\n", ""},
		{"htcondor", "17.0 - 17.0\n", "17"}, {"htcondor", "ERROR: no\n", ""},
	} {
		if got := systems[tt.system].id(tt.printed); got != tt.want {
			t.Errorf("%s: %q: id %q, want %q", tt.system, tt.printed, got, tt.want)
		} else if got != "" && !jobID.MatchString(got) {
			t.Errorf("%s: id %q is none that a record may hold", tt.system, got)
		}
	}
}

func TestSubmitterCancels(t *testing.T) {
	failed := errors.New("exit status 1")
	for _, tt := range []struct {
		system, printed string
		err             error
		fails           bool
	}{
		{"pbs", "", nil, false},
		{"pbs", "qdel: Unknown Job Id 12.pbs02\n", failed, false},
		{"pbs", "qdel: Job has finished 12.pbs02\n", failed, false},
		{"torque", "qdel: Request invalid for state of job MSG=invalid state for job - COMPLETE 12\n", failed, false},
		{"pbs", "qdel: cannot connect to server pbs02 (errno=15010)\n", failed, true},
		{"lsf", "Job <764254593> is being terminated\n", nil, false},
		{"lsf", "Job <7>: Job has already finished\n", failed, false},
		{"lsf", "LSF is down. Please wait ...\n", failed, true},
		{"flux", "flux-cancel: ƒ2WHXfaM5: job is inactive\n", failed, false},
		{"flux", "flux-cancel: ERROR: Permission denied\n", failed, true},
		{"pjm", "[INFO] PJM 0100 pjdel Accepted job 6291500.\n", nil, false},
		{"pjm", "[ERR.] PJM 0701 pjdel Communication with job manager failed.\n", failed, true},
		{"htcondor", "Couldn't find/remove all jobs in cluster 17\n", failed, false},
		{"htcondor", "Error: Can't find address for schedd\n", failed, true},
	} {
		if _, err := systems[tt.system].cancelled(tt.printed, tt.err); err != nil != tt.fails {
			t.Errorf("%s: %q: %v", tt.system, tt.printed, err)
		}
	}
}

// What the histories say of ends.
func TestSubmitterCauses(t *testing.T) {
	for _, tt := range []struct{ system, printed, want string }{
		{"pbs", "Job Id: 1.pbs02\n    job_state = F\n    Exit_status = 0\n", ""},
		{"pbs", "Job Id: 1.pbs02\n    job_state = F\n    Exit_status = 271\n", ""},
		{"pbs", "Job Id: 1.pbs02\n    job_state = F\n    Exit_status = 265\n", "killed by signal 9"},
		{"pbs", "Job Id: 1.pbs02\n    job_state = F\n    Exit_status = -99\n", "ended by PBS (Exit_status -99)"},
		{"pbs", "Job Id: 1.pbs02\n    job_state = F\n    comment = Job held, too many failed attempts to run and\n\t terminated\n", "Job held, too many failed attempts to run and terminated"},
		{"torque", "Job Id: 1.x\n    job_state = C\n    exit_status = -11\n", "its time was over (Exit_status -11)"},
		{"lsf", "Sat Nov 21 04:51:12: Completed <exit>; TERM_RUN\n                     LIMIT: job killed after reaching LSF run time limit;\n", "its time was over (TERM_RUNLIMIT)"},
		{"lsf", "Sat Nov 21 04:51:12: Done successfully.\n", ""},
		{"pjm", "JOB_ID     ST  REASON\n167661     EXT COMPLETED\n", ""},
		{"pjm", "JOB_ID     ST  REASON\n167661     RJT GATE CHECK\n", "rejected: GATE CHECK"},
		{"htcondor", "17 4 undefined undefined\n", ""},
		{"htcondor", "17 4 11 undefined\n", "killed by signal 11"},
	} {
		if got := systems[tt.system].cause(tt.printed); got != tt.want {
			t.Errorf("%s: %q: %q, want %q", tt.system, tt.printed, got, tt.want)
		}
	}
}

func TestShape(t *testing.T) {
	for _, tt := range []struct {
		c              SubmitConfig
		n              int
		nodes, perNode int
	}{
		{SubmitConfig{}, 6, 1, 6}, {SubmitConfig{Nodes: 4}, 6, 4, 2}, {SubmitConfig{PerNode: 4}, 6, 2, 4}, {SubmitConfig{Nodes: 2, PerNode: 4}, 6, 2, 4},
	} {
		if nodes, perNode, err := tt.c.shape("pbs", tt.n); nodes != tt.nodes || perNode != tt.perNode || err != nil {
			t.Errorf("%d engines, %+v: %d nodes of %d, %v", tt.n, tt.c, nodes, perNode, err)
		}
	}
	for want, c := range map[string]Config{
		"engines.pbs has -1 nodes":               {Launcher: "pbs", N: 1, PBS: SubmitConfig{Nodes: -1}},
		"a job of HTCondor is on one machine":    {Launcher: "htcondor", N: 1, HTCondor: SubmitConfig{Nodes: 2}},
		"HTCondor has no queues":                 {Launcher: "htcondor", N: 1, HTCondor: SubmitConfig{Queue: "q"}},
		"3 engines do not fit on 1 nodes of 2":   {Launcher: "flux", N: 3, Flux: SubmitConfig{Nodes: 1, PerNode: 2}},
		"engines.lsf.poll is 1ms":                {Launcher: "lsf", N: 3, LSF: SubmitConfig{BatchConfig: BatchConfig{Poll: 1e6}}},
		"how many engines is torque to start?":   {Launcher: "torque"},
		"engines.ssh.hosts names no host":        {Launcher: "ssh"},
		`engines.launcher is "cron": known are `: {Launcher: "cron"},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func FuzzSubmitterAnswers(f *testing.F) {
	for _, name := range []string{"qstat-f", "qstat-torque", "bjobs", "flux-jobs", "pjstat", "condor_q"} {
		printed, err := os.ReadFile("testdata/" + name + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(printed), false)
		f.Add(string(printed), true)
	}
	f.Fuzz(func(t *testing.T, printed string, fails bool) {
		var failed error
		if fails {
			failed = errors.New("exit status 1")
		}
		for _, name := range Submitted {
			s := systems[name]
			ids := []string{"17", "f2WHXfaM5"}
			states, err := s.states(ids, printed, failed)
			if err != nil && (failed == nil || len(states) > 0) {
				t.Errorf("%s: %v, %v", name, states, err)
			}
			for id := range states {
				if id != ids[0] && id != ids[1] {
					t.Errorf("%s: told of job %q", name, id)
				}
			}
			s.cause(printed)
			if id := s.id(printed); id != "" && !jobID.MatchString(id) {
				t.Errorf("%s: %q is no id", name, id)
			}
		}
	})
}

func FuzzSSHNews(f *testing.F) {
	f.Add("muster-0123 copy 0 on n1 has pid 17\nup\nmuster-0123 copy 0 ended 137\n")
	f.Add("muster-0123 copy 99999999999999999999 ended 1\nmuster-01")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, printed string) {
		log := dir + "/log"
		if err := os.WriteFile(log, []byte(printed), 0o600); err != nil {
			t.Fatal(err)
		}
		news := &sshNews{log: log, mark: "0123"}
		for _, n := range news.read() {
			if n.number < 0 || n.pid < 0 || n.status < 0 {
				t.Errorf("%q: %+v", printed, n)
			}
		}
		if more := news.read(); len(more) > 0 {
			t.Errorf("%q: told again: %v", printed, more)
		}
	})
}
