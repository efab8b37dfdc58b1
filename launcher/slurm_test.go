package launcher

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestSlurmID(t *testing.T) {
	for printed, want := range map[string]string{
		"17\n": "17", "17;cluster1\n": "17", "": "", "sbatch: error: no\n": "",
		"-----\n      Welcome to the Frontera Supercomputer\n--> Verifying 4 nodes...OK\n17\n": "17",
	} {
		if got := (slurm{}).id(printed); got != want {
			t.Errorf("%q: id %q, want %q", printed, got, want)
		}
	}
}

// What squeue of Slurm 22.05 printed of real jobs.
func TestSlurmStates(t *testing.T) {
	const printed = `5|COMPLETED|None|2026-11-21T04:50:03
2|PENDING|PartitionNodeLimit|N/A
3|PENDING|PartitionConfig|N/A
4|PENDING|BeginTime|2026-11-21T04:51:43
7|PENDING|Resources|2026-11-21T04:51:02
6|PENDING|JobHeldUser|N/A
8|PENDING|None|N/A
9|PENDING|(ReqNodeNotAvail, UnavailableNodes:n1)|N/A
16|PENDING|Job's account not known, so it can't use this partition (closed allows club)|N/A
1|RUNNING|None|2026-11-21T04:50:02
10|COMPLETING|None|2026-11-21T04:50:02
11|CANCELLED|None|2026-11-21T04:50:02
12|TIMEOUT|TimeLimit|2026-11-21T04:50:02
13|NODE_FAIL|None|2026-11-21T04:50:02
14|A_STATE_OF_TOMORROW|None|2026-11-21T04:50:02
99|RUNNING|None|2026-11-21T04:50:02
squeue: a warning
`
	ids := strings.Fields("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16")
	got, err := slurm{}.states(ids, printed, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]jobState{
		"1": {stage: running}, "5": {stage: over}, "15": {stage: gone}, "10": {stage: running}, "14": {stage: running},
		"2":  {stage: queued, why: "PartitionNodeLimit: the partition does not give so many nodes", never: true},
		"3":  {stage: queued, why: "PartitionConfig: the partition does not have what is asked for", never: true},
		"4":  {stage: queued, why: "BeginTime", start: time.Date(2026, 11, 21, 4, 51, 43, 0, time.Local)},
		"7":  {stage: queued, why: "Resources", start: time.Date(2026, 11, 21, 4, 51, 2, 0, time.Local)},
		"6":  {stage: queued, why: "JobHeldUser: it is held", never: true},
		"8":  {stage: queued},
		"9":  {stage: queued, why: "ReqNodeNotAvail, UnavailableNodes:n1"},
		"16": {stage: queued, why: "Job's account not known, so it can't use this partition (closed allows club)", never: true, failed: true},
		"11": {stage: over, why: "cancelled (CANCELLED)"}, "12": {stage: over, why: "its time was over (TIMEOUT)"}, "13": {stage: over, why: "a node failed (NODE_FAIL)"},
	}
	if len(got) != len(want) {
		t.Errorf("states of %d jobs, want %d", len(got), len(want))
	}
	for id, w := range want {
		if got[id] != w {
			t.Errorf("job %s: %+v, want %+v", id, got[id], w)
		}
	}
	failed := errors.New("exit status 1")
	if got, err := (slurm{}).states([]string{"1"}, "slurm_load_jobs error: Invalid job id specified\n", failed); err != nil || got["1"].stage != gone {
		t.Errorf("unknown job: %v, %v", got, err)
	}
	if _, err := (slurm{}).states([]string{"1"}, "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n", failed); err == nil || !strings.Contains(err.Error(), "Unable to contact slurm controller") {
		t.Errorf("no answer: %v", err)
	}
}

func FuzzSlurmStates(f *testing.F) {
	f.Add("1|PENDING|(Resources)|N/A\n")
	f.Add("1|||\n|\n1|RUNNING|x|y|z")
	f.Fuzz(func(t *testing.T, printed string) {
		states, err := slurm{}.states([]string{"1"}, printed, nil)
		if err != nil || len(states) != 1 {
			t.Errorf("%v, %v", states, err)
		}
	})
}
