package schedulers

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Debian's Grid Engine: the programs themselves, for which /usr/bin has wrappers.
const (
	sgePrograms = "/usr/lib/gridengine"
	sgeShare    = "/usr/share/gridengine"
)

// sgeTerminate kills what has a job's extra group id. Grid Engine does so itself
// (ENABLE_ADDGRP_KILL), but not for root's jobs, which these are; and a plain
// SIGKILL to the job's process group would spare the ranks of an mpirun.
const sgeTerminate = `#!/bin/bash
[ "$1" -gt 1 ] 2>/dev/null || exit 1
for gid in $(sed -n 's/^Groups://p' "/proc/$1/status"); do
	[ "$gid" -ge 65400 ] && [ "$gid" -le 65500 ] || continue # gid_range
	for f in $(grep -lsE "^Groups:.*[[:space:]]$gid([[:space:]]|$)" /proc/[0-9]*/status); do
		pid=${f#/proc/}
		pid=${pid%/status}
		[ "$pid" = $$ ] || [ "$pid" = "$1" ] || kill -9 "$pid" 2>/dev/null
	done
done
kill -9 -- "-$1" 2>/dev/null || kill -9 "$1" 2>/dev/null
exit 0
`

// upSGE brings up a qmaster and an execd with the queue all.q and the parallel
// environment mpi. Its folder is its SGE_ROOT.
func upSGE(t *testing.T) *system {
	t.Helper()
	wanted(t, "MUSTER_SGE", "test-sge")
	has(t, sgePrograms+"/sge_qmaster", sgePrograms+"/sge_execd", sgePrograms+"/qsub", "qconf", "mpirun")
	dir := stateDir(t, "muster-sge")
	port := ports(t, 2)
	s := &system{t: t, dir: dir, env: []string{
		"SGE_ROOT=" + dir, "SGE_CELL=default", fmt.Sprintf("SGE_QMASTER_PORT=%d", port[0]), fmt.Sprintf("SGE_EXECD_PORT=%d", port[1]),
	}}
	t.Cleanup(s.down)
	s.layOut()

	// SGE_ND: stay in the foreground.
	s.start("qmaster", "env", "SGE_ND=1", sgePrograms+"/sge_qmaster")
	s.until("qmaster", func() bool { _, err := s.try("qconf", "-sh"); return err == nil })
	s.objects()
	s.start("execd", "env", "SGE_ND=1", sgePrograms+"/sge_execd")
	up := regexp.MustCompile(`(?m)^all\.q@\S+\s+\S+\s+\S+\s+[\d.]+\s+\S+\s*$`) // a load, and no state that is bad
	s.until("the queue", func() bool { out, err := s.try("qstat", "-f"); return err == nil && up.MatchString(out) })
	return s
}

// layOut makes the folders, and what the qmaster reads when it starts.
func (s *system) layOut() {
	s.t.Helper()
	host := hostname(s.t)
	spool, common := s.dir+"/spool", s.dir+"/default/common"
	for _, d := range []string{common, spool + "/qmaster/job_scripts", spool + "/execd", s.dir + "/bin", s.dir + "/lib", s.dir + "/utilbin"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	arch := strings.TrimSpace(s.run(sgeShare + "/util/arch"))
	links := map[string]string{"util": sgeShare + "/util"}
	for _, d := range []string{"bin", "lib", "utilbin"} {
		links[filepath.Join(d, arch)] = sgePrograms
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(s.dir, name)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.write("default/common/act_qmaster", host+"\n", 0o644)
	s.write("default/common/cluster_name", "muster\n", 0o644)
	s.write("default/common/bootstrap", strings.NewReplacer("COMMON", common, "SPOOL", spool, "PROGRAMS", sgePrograms).Replace(`admin_user              none
default_domain          none
ignore_fqdn             true
spooling_method         classic
spooling_lib            libspoolc
spooling_params         COMMON;SPOOL/qmaster
binary_path             PROGRAMS
qmaster_spool_dir       SPOOL/qmaster
security_mode           none
listener_threads        2
worker_threads          2
scheduler_threads       1
`), 0o644)
	// Whatever name a connection over loopback seems to come from, it is this host.
	names := strings.Fields("localhost " + s.run("sh", "-c", "getent hosts 127.0.0.1 "+host+" | cut -d' ' -f2-"))
	alias := host
	seen := map[string]bool{host: true}
	for _, n := range names {
		if !seen[n] {
			alias += " " + n
		}
		seen[n] = true
	}
	s.write("default/common/host_aliases", alias+"\n", 0o644)
	s.write("etc/terminate", sgeTerminate, 0o755)

	settings, err := os.ReadFile(sgeShare + "/default-configuration")
	if err != nil {
		s.t.Fatal(err)
	}
	s.write("etc/configuration", edit(string(settings), map[string]string{
		"execd_spool_dir": spool + "/execd", "mailer": "/bin/true", "load_report_time": "00:00:05",
		"min_uid": "0", "min_gid": "0", // root runs jobs
		"reporting_params": "accounting=true reporting=false flush_time=00:00:01 joblog=false sharelog=00:00:00",
	}), 0o644)
	s.run(sgePrograms+"/spoolinit", "classic", "libspoolc", common+";"+spool+"/qmaster", "init")
	for _, args := range [][]string{
		{"configuration", s.dir + "/etc/configuration"}, {"complexes", sgeShare + "/util/resources/centry"},
		{"usersets", sgeShare + "/util/resources/usersets"}, {"managers", "root"},
	} {
		s.run(append([]string{sgePrograms + "/spooldefaults"}, args...)...)
	}
}

// objects makes the host, the parallel environment and the queue.
func (s *system) objects() {
	s.t.Helper()
	host := hostname(s.t)
	s.try("qconf", "-ah", host) // it may be one already
	s.try("qconf", "-as", host)
	s.run("qconf", "-Msconf", s.write("etc/scheduler", edit(s.run("qconf", "-ssconf"), map[string]string{
		"schedule_interval": "0:0:1", "flush_submit_sec": "1", "flush_finish_sec": "1", "job_load_adjustments": "NONE", "schedd_job_info": "true",
	}), 0o644))
	s.run("qconf", "-Ap", s.write("etc/pe", `pe_name            mpi
slots              999
user_lists         NONE
xuser_lists        NONE
start_proc_args    NONE
stop_proc_args     NONE
allocation_rule    $fill_up
control_slaves     TRUE
job_is_first_task  FALSE
urgency_slots      min
accounting_summary TRUE
qsort_args         NONE
`, 0o644))
	s.run("qconf", "-Ahgrp", s.write("etc/hosts", "group_name @allhosts\nhostlist "+host+"\n", 0o644))
	s.run("qconf", "-Aq", s.write("etc/queue", edit(s.run("qconf", "-sq"), map[string]string{
		"qname": "all.q", "hostlist": "@allhosts", "slots": "8", "pe_list": "mpi", "load_thresholds": "NONE", "shell": "/bin/sh",
		"terminate_method": s.dir + "/etc/terminate $job_pid", "notify": "00:00:05",
	}), 0o644))
}

// edit changes lines "name value" of one of Grid Engine's files.
func edit(text string, values map[string]string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if v, ok := values[name]; ok {
			line = name + " " + v + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}
