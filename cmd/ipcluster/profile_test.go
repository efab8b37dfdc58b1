package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"muster/configs"
	"muster/jobscripts"
)

func TestWalltime(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"90m": 90 * time.Minute, "1h30m": 90 * time.Minute, "01:30:00": 90 * time.Minute, "90:00": 90 * time.Minute,
		"1-00:00:10": 24*time.Hour + 10*time.Second, "2s": 2 * time.Second,
	} {
		var d time.Duration
		if err := (*walltime)(&d).Set(s); err != nil || d != want {
			t.Errorf("%q: %v, %v, want %v", s, d, err, want)
		}
	}
	for _, s := range []string{"", "90", "soon", "-1h", "1:2:3:4", "0s", "00:00:00"} {
		var d time.Duration
		if err := (*walltime)(&d).Set(s); err == nil {
			t.Errorf("%q is read as %v", s, d)
		}
	}
}

var directive = regexp.MustCompile(`^#(SBATCH|PBS|PJM|flux:) `)

// submitted runs a command that prints a script, and returns its directives.
func submitted(t *testing.T, args ...string) []string {
	t.Helper()
	out, diag, ok := ipcluster(t, args...)
	if !ok {
		t.Fatalf("%q: %s", args, diag)
	}
	var lines []string
	for line := range strings.Lines(out) {
		if directive.MatchString(line) || strings.Contains(line, " --mpi ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func TestScriptOfASite(t *testing.T) {
	profile(t)
	t.Setenv("SBATCH_ACCOUNT", "m1234")
	got := submitted(t, "script", "--profile", "perlmutter", "--nodes", "4", "--time", "30m", "--per-node", "64", "--profile-dir", "$SCRATCH/p", "--name", "digits")
	want := []string{
		"#SBATCH --job-name=digits", "#SBATCH --nodes=4", "#SBATCH --ntasks-per-node=64", "#SBATCH --time=00:30:00", "#SBATCH --output=ipcluster-%j.log",
		"#SBATCH --account=m1234", "#SBATCH --qos=regular", "#SBATCH --constraint=cpu",
		`srun -n 256 -c 4 --cpu-bind=cores ipengine --mpi --profile-dir="$IPP_PROFILE_DIR" --cluster-id="$IPP_CLUSTER_ID" --log-level=warn \`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := submitted(t, "script", "--profile", "polaris", "-A", "p", "--queue", "debug", "--engines"); !slices.Contains(got, "#PBS -l select=1:system=polaris") ||
		!strings.HasPrefix(got[len(got)-1], "mpiexec -n 4 --ppn 4 --depth 8 --cpu-bind depth /") {
		t.Errorf("engines of polaris:\n%s", strings.Join(got, "\n"))
	}
	out, diag, ok := ipcluster(t, "script", "--profile", "frontera", "--directive", "--mem=4G")
	if want := "ipcluster: Frontera (TACC): the option --mem: the scheduler does not accept the job (rule forbidden --mem): leave it out: a job has all the memory of its nodes\n"; ok || out != "" || diag != want {
		t.Errorf("%v, %s%s\nwant %s", ok, out, diag, want)
	}
}

func TestScriptByAnotherTemplate(t *testing.T) {
	profile(t)
	file := filepath.Join(t.TempDir(), "mine")
	if err := os.WriteFile(file, []byte("#!/bin/bash\n#SBATCH --nodes={{.Nodes}}\n#SBATCH --open-mode=append\n{{- template \"ipcluster.body\" .}}"), 0o600); err != nil {
		t.Fatal(err)
	}
	out, diag, ok := ipcluster(t, "script", "slurm", "--nodes", "3", "--template", file, "--drop", "--open-mode")
	if !ok || !strings.HasPrefix(out, "#!/bin/bash\n#SBATCH --nodes=3\nset -u\n") {
		t.Errorf("%v %s%s", ok, out, diag)
	}
	if _, diag, ok := ipcluster(t, "script", "--profile", "perlmutter", "-A", "m1", "--template", file); ok || !strings.Contains(diag, "(rule required --constraint)") {
		t.Errorf("a template that breaks a rule: %v %s", ok, diag)
	}
	if _, diag, ok := ipcluster(t, "start", "--dry-run", "--engines", "slurm", "-n", "2", "--template", "/no/such"); ok || !strings.Contains(diag, "template of the job script: open /no/such") {
		t.Errorf("a template that is not there: %v %s", ok, diag)
	}
}

// What a start submits for a site is what script prints, and what the site wants.
func TestStartOnASite(t *testing.T) {
	profile(t)
	args := []string{"--profile", "lumi", "-A", "project_1", "--kind", "g", "--nodes", "2", "--queue", "dev-g", "--setup", "module load LUMI/25.03 partition/G"}
	got := submitted(t, append([]string{"start", "--dry-run"}, args...)...)
	for _, want := range []string{"#SBATCH --partition=dev-g", "#SBATCH --gpus-per-node=8", "#SBATCH --nodes=2", "#SBATCH --ntasks-per-node=8", "#SBATCH --account=project_1"} {
		if !slices.Contains(got, want) {
			t.Errorf("no line %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	if last := got[len(got)-1]; !strings.HasPrefix(last, "srun -n 16 --cpu-bind=map_cpu:49,57,17,25,1,9,33,41 /") {
		t.Errorf("launched by %s", last)
	}
	if printed := submitted(t, append([]string{"script", "--engines"}, args...)...); !slices.Equal(printed, got) {
		t.Errorf("script prints\n%s\nand a start submits\n%s", strings.Join(printed, "\n"), strings.Join(got, "\n"))
	}
	if got := submitted(t, "start", "--dry-run", "--profile", "lumi", "-A", "project_1", "-n", "5", "--per-node", "2"); !slices.Contains(got, "#SBATCH --nodes=3") || !slices.Contains(got, "#SBATCH --ntasks=5") {
		t.Errorf("five engines, two on each node:\n%s", strings.Join(got, "\n"))
	}
}

// So it is at sites with other schedulers.
func TestStartOnOtherSites(t *testing.T) {
	profile(t)
	for name, want := range map[string][]string{
		"polaris":  {"#PBS -l select=10:system=polaris", "#PBS -l filesystems=home:eagle", "#PBS -q prod"},
		"tuolumne": {"#flux: --nodes=10", "#flux: --setattr=bank=a"},
		"fugaku":   {"#PJM -L node=10", "#PJM -L rscgrp=small", "#PJM -x PJM_LLIO_GFSCACHE=/vol0004"},
	} {
		args := []string{"--profile", name, "-A", "a", "--nodes", "10"}
		if name == "fugaku" {
			args = append(args, "--directive=-x PJM_LLIO_GFSCACHE=/vol0004")
		}
		got := submitted(t, append([]string{"start", "--dry-run"}, args...)...)
		for _, line := range want {
			if !slices.Contains(got, line) {
				t.Errorf("%s: no line %q in\n%s", name, line, strings.Join(got, "\n"))
			}
		}
		if printed := submitted(t, append([]string{"script", "--engines"}, args...)...); !slices.Equal(printed, got) {
			t.Errorf("script prints\n%s\nand a start submits\n%s", strings.Join(printed, "\n"), strings.Join(got, "\n"))
		}
	}
}

func TestProfileCreateCheckShow(t *testing.T) {
	p := profile(t)
	t.Setenv("IPP_PROFILE_DIR", "")
	t.Setenv("SBATCH_ACCOUNT", "")
	path := filepath.Join(filepath.Dir(p.Dir), "profile_mine", configs.FileName)
	if out, diag, ok := ipcluster(t, "profile", "create", "mine", "--extends", "perlmutter", "--account", "m1234_g", "--kind", "gpu", "--nodes", "2", "--time", "02:00:00"); !ok || out != path+"\n" {
		t.Fatalf("create: %s%s", out, diag)
	}
	text, err := os.ReadFile(path)
	if want := "extends = \"perlmutter\"\n\n[job]\naccount = \"m1234_g\"\nkind = \"gpu\"\nnodes = 2\ntime = \"2h0m0s\"\n"; string(text) != want || err != nil {
		t.Errorf("%v, the profile says\n%s\nwant\n%s", err, text, want)
	}
	if _, diag, ok := ipcluster(t, "profile", "create", "mine"); ok || diag != "ipcluster: profile mine is there already: edit "+path+"\n" {
		t.Errorf("create again: %s", diag)
	}
	out, diag, ok := ipcluster(t, "profile", "check", "mine")
	if !ok || !strings.HasPrefix(out, "read configs/sites/perlmutter.toml\nread "+path+"\nPerlmutter (NERSC), slurm, as of 2026-07-01, from its documents: not yet tried there\n") ||
		!strings.HasSuffix(out, "\ntakes a job of 2 nodes for 2h with 8 engines, queue regular, charged to m1234_g\n") {
		t.Errorf("check:\n%s%s", out, diag)
	}
	if _, diag, ok := ipcluster(t, "profile", "check", "mine", "--per-node", "200"); ok || !strings.Contains(diag, "(rule nodes.gpu.cores)") {
		t.Errorf("check of a job that is refused: %v %s", ok, diag)
	}
	if out, diag, ok := ipcluster(t, "profile", "show", "mine"); !ok || !strings.HasPrefix(out, "## configs/sites/perlmutter.toml\n# Perlmutter at NERSC") || !strings.HasSuffix(out, "## "+path+"\n"+string(text)) {
		t.Errorf("show:\n%s%s", out, diag)
	}
	if out, diag, ok := ipcluster(t, "profile", "list"); !ok || !strings.Contains(out, "\nmine             Perlmutter (NERSC)          slurm       2026-07-01   "+path+"\n") || !strings.Contains(out, "\nslurm            -                           slurm       -            configs/slurm.toml\n") {
		t.Errorf("list:\n%s%s", out, diag)
	}
	if _, diag, ok := ipcluster(t, "profile", "create", "other", "--extends", "perlmuter"); ok || !strings.Contains(diag, `did you mean "perlmutter"?`) {
		t.Errorf("create of what is not there: %s", diag)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(p.Dir), "profile_other", configs.FileName)); err == nil {
		t.Error("a profile that cannot be read was left there")
	}
	if out, diag, ok := ipcluster(t, "profile", "check", "mpi"); !ok || !strings.HasSuffix(out, "engines by launcher mpi\n") {
		t.Errorf("check of a profile of no site: %s%s", out, diag)
	}
}

func TestScriptOfEverySystem(t *testing.T) {
	profile(t)
	for _, system := range jobscripts.Systems() {
		out, diag, ok := ipcluster(t, "script", system, "--nodes", "2", "--per-node", "3", "--account", "me", "--time", "90m", "--launch", "launch it")
		if !ok || !strings.Contains(out, "\nlaunch it ipengine --mpi") || !strings.Contains(out, "me\n") {
			t.Errorf("%s: %v\n%s%s", system, ok, out, diag)
		}
	}
}
