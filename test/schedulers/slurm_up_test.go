package schedulers

import (
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const slurmNodes = 2

// upSlurm brings up munged, slurmctld and a slurmd for each node. There is no
// systemd, no cgroup and no database in it.
func upSlurm(t *testing.T) *system {
	t.Helper()
	wanted(t, "MUSTER_SLURM", "test-slurm")
	has(t, "munged", "slurmctld", "slurmd", "sbatch", "mpirun", "unshare")
	dir := stateDir(t, "muster-slurm")
	s := &system{t: t, dir: dir, env: []string{"SLURM_CONF=" + dir + "/etc/slurm.conf"}}
	t.Cleanup(s.down)

	for _, d := range []string{"munge", "run", "state", unseen} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	key := make([]byte, 1024)
	rand.Read(key)
	s.write("munge/key", string(key), 0o600)
	port := ports(t, 1+slurmNodes)
	conf := s.write("etc/slurm.conf", slurmConf(t, dir, port), 0o644)
	// slurmd loads a plugin for cgroups also if nothing uses them; version 1's
	// does nothing until it is used.
	s.write("etc/cgroup.conf", "CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n", 0o644)
	hosts, err := os.ReadFile("/etc/hosts")
	if err != nil {
		t.Fatal(err)
	}
	for i := range slurmNodes {
		hosts = fmt.Appendf(hosts, "127.0.0.1 n%d\n", i+1)
	}
	s.write("etc/hosts", string(hosts), 0o644)

	// --force: as root and below /tmp, of which it warns.
	s.start("munged", "munged", "--foreground", "--force", "--key-file="+dir+"/munge/key", "--socket="+dir+"/munge/socket",
		"--pid-file="+dir+"/run/munged.pid", "--log-file="+dir+"/log/munged.log", "--seed-file="+dir+"/munge/seed", "--num-threads=2")
	s.until("munged", func() bool { _, err := os.Stat(dir + "/munge/socket"); return err == nil })
	s.start("slurmctld", "slurmctld", "-D", "-i", "-f", conf)
	for i := range slurmNodes {
		node := fmt.Sprintf("n%d", i+1)
		// In a UTS namespace and with a hosts file of its own each node has its own
		// name; one folder is not mounted there.
		s.start("slurmd-"+node, "unshare", "--uts", "--mount", "--propagation", "private", "sh", "-ec",
			`hostname "$1"; mount --bind "$2/etc/hosts" /etc/hosts; mount -t tmpfs none "$2/`+unseen+`"; exec slurmd -D -N "$1" -f "$2/etc/slurm.conf"`, "slurmd", node, dir)
	}
	s.until("nodes", func() bool {
		out, err := s.try("sinfo", "--noheader", "--Node", "--partition=debug", "--format=%T")
		return err == nil && strings.Count(out, "idle") == slurmNodes
	})
	return s
}

func slurmConf(t *testing.T, dir string, port []int) string {
	host, _, _ := strings.Cut(hostname(t), ".")
	var b strings.Builder
	fmt.Fprintf(&b, `ClusterName=muster
SlurmctldHost=%s(127.0.0.1)
SlurmctldPort=%d
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=%[3]s/munge/socket
CredType=cred/munge
StateSaveLocation=%[3]s/state
SlurmdSpoolDir=%[3]s/spool-%%n
# One each: srun --mpi=pmix makes the same folder there on every node.
TmpFS=%[3]s/tmp-%%n
SlurmctldPidFile=%[3]s/run/slurmctld.pid
SlurmdPidFile=%[3]s/run/slurmd-%%n.pid
SlurmctldLogFile=%[3]s/log/slurmctld.log
SlurmdLogFile=%[3]s/log/slurmd-%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
# More CPUs than the machine has are believed.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
# At once, where sites are patient: the start of jobs, and SIGKILL after SIGTERM.
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
KillWait=5
OverTimeLimit=0
MinJobAge=300
InactiveLimit=0
JobRequeue=0
NodeName=DEFAULT CPUs=8 Boards=1 SocketsPerBoard=1 CoresPerSocket=8 ThreadsPerCore=1 RealMemory=1000 State=UNKNOWN
`, host, port[0], dir)
	var names []string
	for i := range slurmNodes {
		names = append(names, fmt.Sprintf("n%d", i+1))
		fmt.Fprintf(&b, "NodeName=n%d NodeHostname=n%[1]d NodeAddr=127.0.0.1 Port=%d\n", i+1, port[i+1])
		if err := os.Mkdir(filepath.Join(dir, "tmp-"+names[i]), 0o1777); err != nil {
			t.Fatal(err)
		}
	}
	all := strings.Join(names, ",")
	fmt.Fprintf(&b, "PartitionName=debug Nodes=%s Default=YES MaxTime=INFINITE DefaultTime=60 State=UP\n", all)
	fmt.Fprintf(&b, "PartitionName=brief Nodes=%s MaxTime=5 State=UP\n", all)
	fmt.Fprintf(&b, "PartitionName=closed Nodes=%s AllowAccounts=club State=UP\n", all)
	fmt.Fprintf(&b, "PartitionName=small Nodes=%s MaxNodes=1 MaxTime=5 State=UP\n", all)
	// A daemon listens where this host's name leads. Of loopback that has to be
	// 127.0.0.1: an answer goes to the address that a connection came from.
	if addrs, err := net.LookupHost(host); err == nil && len(addrs) > 0 && addrs[0] == "127.0.0.1" {
		b.WriteString("CommunicationParameters=NoCtldInAddrAny,NoInAddrAny\n")
	}
	return b.String()
}
