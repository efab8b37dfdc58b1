package launcher

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// What qstat -j of SGE 8.1.9 printed of real jobs, in testdata/qstat.txt.
func TestSGEStates(t *testing.T) {
	printed, err := os.ReadFile("testdata/qstat.txt")
	if err != nil {
		t.Fatal(err)
	}
	got, err := sge{}.states([]string{"1", "2", "6", "7", "99"}, string(printed), nil)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]jobState{
		"1":  {stage: running},
		"2":  {stage: queued, why: `cannot run in PE "mpi" because it only offers 6 slots`, never: true},
		"6":  {stage: queued, why: "can't chdir to /nonexist: No such file or directory", never: true, failed: true},
		"7":  {stage: queued, why: "Job is in hold state", never: true},
		"99": {stage: gone},
	} {
		if got[id] != want {
			t.Errorf("job %s: %+v, want %+v", id, got[id], want)
		}
	}
	failed := errors.New("exit status 1")
	if got, err := (sge{}).states([]string{"8"}, "Following jobs do not exist: \n8\n", failed); err != nil || got["8"].stage != gone {
		t.Errorf("unknown job: %v, %v", got, err)
	}
	if _, err := (sge{}).states([]string{"8"}, "error: commlib error: got select error (Connection refused)\nerror: unable to send message to qmaster using port 6444 on host \"vm\": got send error\n", failed); err == nil || !strings.Contains(err.Error(), "unable to send message to qmaster") {
		t.Errorf("no answer: %v", err)
	}
}

func TestSGEAnswers(t *testing.T) {
	failed := errors.New("exit status 1")
	for _, tt := range []struct {
		printed string
		err     error
		gone    bool
		fails   bool
	}{
		{"root has deleted job 2\n", nil, true, false},
		{"root has registered the job 8 for deletion\n", nil, false, false},
		{"job 12 is already in deletion\n", failed, false, false},
		{"denied: job \"2\" does not exist\n", failed, true, false},
		{"error: commlib error: got select error (Connection refused)\n", failed, false, true},
	} {
		gone, err := sge{}.cancelled(tt.printed, tt.err)
		if gone != tt.gone || err != nil != tt.fails {
			t.Errorf("%q: gone %v, %v", tt.printed, gone, err)
		}
	}
	for printed, want := range map[string]string{
		"failed       0    \nexit_status  0                   \n":                                     "",
		"failed       37  : qmaster enforced h_rt, h_cpu, or h_vmem limit\nexit_status  0         \n": "its time or memory was over: qmaster enforced h_rt, h_cpu, or h_vmem limit",
		"failed       100 : assumedly after job\nexit_status  137                 \n":                 "killed",
		"failed       21  : in recognizing job\n":                                                     "in recognizing job",
		"": "",
	} {
		if got := (sge{}).cause(printed); got != want {
			t.Errorf("%q: cause %q, want %q", printed, got, want)
		}
	}
}

func FuzzSGEStates(f *testing.F) {
	f.Add("job_number: 1\nerror reason 1: x\n====\njob_number: 2\n")
	f.Fuzz(func(t *testing.T, printed string) {
		states, err := sge{}.states([]string{"1"}, printed, nil)
		if err != nil || len(states) != 1 {
			t.Errorf("%v, %v", states, err)
		}
	})
}

func FuzzReport(f *testing.F) {
	f.Add([]byte("running n1\nended 3\n"))
	f.Add([]byte("told TERM\nended 99999999999999999999\nended -1\nend"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r := parseReport(b); r.status < 0 || r.status != 0 && !r.ended {
			t.Errorf("%q: %+v", b, r)
		}
	})
}

func TestReportHasWholeLines(t *testing.T) {
	for text, want := range map[string]report{
		"": {}, "runn": {}, "running n1": {}, "running n1\n": {running: true}, "running n1\nended 1": {running: true},
		"running n1\nended 13\n": {running: true, ended: true, status: 13}, "running n1\ntold TERM\n": {running: true, told: "TERM"},
	} {
		if got := parseReport([]byte(text)); got != want {
			t.Errorf("%q: %+v, want %+v", text, got, want)
		}
	}
}
