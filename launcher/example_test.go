package launcher_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"muster/launcher"
)

// Two copies of a program, watched until they end by themselves.
func ExampleLocal() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	l := launcher.Local{Command: launcher.Command{
		Args: []string{"sh", "-c", "echo $GREETING"},
		Env:  []string{"GREETING=hello"},
		Log:  filepath.Join(dir, "hello-*.log"),
	}}
	job, err := l.Start(context.Background(), 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	<-job.Wait(launcher.Ended)
	b, err := os.ReadFile(filepath.Join(dir, "hello-1.log"))
	fmt.Print(job.State(), ", copy 1 said ", string(b))
	fmt.Println(job.Err(), err)
	// Output:
	// ended, copy 1 said hello
	// <nil> <nil>
}

// What Start would hand to sbatch.
func ExampleSlurm() {
	l := launcher.Slurm{
		Command: launcher.Command{Args: []string{"/bin/hostname"}, Log: "/scratch/log/hostname-*.log", Dir: "/scratch"},
		Config:  launcher.SlurmConfig{Account: "m1234", PerNode: 64, BatchConfig: launcher.BatchConfig{Time: 30 * time.Minute}},
	}
	script, err := l.Script(128)
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "#SBATCH") || strings.HasPrefix(line, "srun") {
			fmt.Print(line)
		}
	}
	// Output:
	// #SBATCH --job-name=hostname
	// #SBATCH --nodes=2
	// #SBATCH --ntasks-per-node=64
	// #SBATCH --time=00:30:00
	// #SBATCH --chdir=/scratch
	// #SBATCH --output=/scratch/log/hostname-slurm.log
	// #SBATCH --open-mode=append
	// #SBATCH --no-requeue
	// #SBATCH --account=m1234
	// srun -n 128 /bin/hostname &
}

// What Start would hand to qsub.
func ExampleSGE() {
	l := launcher.SGE{
		Command: launcher.Command{Args: []string{"/bin/hostname"}, Log: "/scratch/log/hostname-*.log", Dir: "/scratch"},
		Config:  launcher.SGEConfig{PE: "orte", Queue: "all.q"},
	}
	script, err := l.Script(8)
	if err != nil {
		fmt.Println(err)
		return
	}
	for line := range strings.Lines(script) {
		if strings.HasPrefix(line, "#$") || strings.HasPrefix(line, "mpirun") {
			fmt.Print(line)
		}
	}
	// Output:
	// #$ -S /bin/bash
	// #$ -N hostname
	// #$ -pe orte 8
	// #$ -l h_rt=3600
	// #$ -wd /scratch
	// #$ -o /scratch/log/hostname-sge.log
	// #$ -j y
	// #$ -V
	// #$ -r n
	// #$ -notify
	// #$ -q all.q
	// mpirun -n 8 /bin/hostname &
}

// A program that fails tells why.
func ExampleJob_failed() {
	l := launcher.Local{Command: launcher.Command{Args: []string{"sh", "-c", "exit 4"}}}
	job, err := l.Start(context.Background(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer job.Stop(context.Background())
	<-job.Failed()
	fmt.Println(job.Err())
	// Output: sh: exit status 4, without a word
}

// Why each copy has ended, as it ends.
func ExampleEnd() {
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	l := launcher.Local{Command: launcher.Command{
		Args: []string{"sh", "-c", "echo no more disk >&2; exit 3"},
		Log:  filepath.Join(dir, "fails-*.log"),
	}}
	job, err := l.Start(context.Background(), 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	for end := range job.Ends() {
		fmt.Printf("copy %d: %s\n", end.Copy, end.Cause)
	}
	// Output: copy 0: exit status 3: no more disk
}

// What is said counts more than the profile, and that more than the defaults.
func ExampleElasticConfig() {
	profile := launcher.ElasticConfig{Min: 1, Max: 8, Idle: time.Hour}
	said := launcher.ElasticConfig{Min: 0, Max: 2}
	e := said.Or(profile).Filled()
	fmt.Println(e.Min, e.Max, e.Backlog, e.Patience, e.Idle, e.Pause)
	// Output: 0 2 1 10s 1h0m0s 30s
}
