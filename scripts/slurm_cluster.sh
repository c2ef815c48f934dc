#!/usr/bin/env bash
# A Slurm cluster of ordinary processes on this machine, to try `anzan sweep --slurm` without one: a controller and two nodes.
#   scripts/slurm_cluster.sh start DIR [CPUS]   starts it; DIR, an absolute path, gets its files; CPUS of a node, default 1
#   scripts/slurm_cluster.sh stop DIR           stops it, with all jobs
#   scripts/slurm_cluster.sh kill DIR NODE      ends a node (n1 or n2) and all that runs on it, as if it lost power
#   scripts/slurm_cluster.sh node DIR NODE      starts a node again
# Commands see it with SLURM_CONF=DIR/slurm.conf. Its partition is called main. Needs the packages slurmctld, slurmd and
# slurm-client; no root, no munge, no systemd. Only for one user on one machine: there is no authentication.
set -euo pipefail
# shellcheck source=scripts/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
export PATH=$PATH:/usr/sbin:/sbin

(($# >= 2)) || fail "usage: slurm_cluster.sh start|stop|kill|node DIR [CPUS|NODE]"
what=$1 dir=$2
export SLURM_CONF=$dir/slurm.conf

# free_ports N: that many ports in a row that nobody listens on.
free_ports() {
  python3 - "$1" <<'PYTHON'
import random, socket, sys
n = int(sys.argv[1])
while True:
    first = random.randrange(20000, 60000)
    sockets = [socket.socket() for _ in range(n)]
    try:
        for i, s in enumerate(sockets):
            s.bind(("127.0.0.1", first + i))
    except OSError:
        continue
    finally:
        for s in sockets:
            s.close()
    print(first)
    break
PYTHON
}

write_config() {
  local port cpus=$1 user
  port=$(free_ports 3)
  user=$(id -un)
  cat >"$SLURM_CONF" <<CONF
ClusterName=anzan
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/none
CredType=cred/none
AuthInfo=cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,batch_sched_delay=0,default_queue_depth=1000
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=5
SlurmctldTimeout=5
BatchStartTimeout=5
KillWait=1
MinJobAge=60
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool_%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd_%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd_%n.log
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=$cpus
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=$cpus
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
}

start_node() { mkdir -p "$dir/spool_$1" && (setsid slurmd -D -N "$1" </dev/null >/dev/null 2>&1 &); }

# end NAME…: kills the daemons of nodes, or `controller`, and all that runs in their names, also what watches over it
# (slurmstepd, which does not say whose it is). All are stopped first, so that none sees another's end and tells of it.
end() {
  python3 - "$SLURM_CONF" "$@" <<'PYTHON'
import os, pathlib, signal, sys
config, *nodes = sys.argv[1:]
found = set()
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        environment = (process / "environ").read_bytes().split(b"\0")
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        continue  # it has ended, or is somebody else's
    if f"SLURM_CONF={config}".encode() not in environment:
        continue
    for node in (n.encode() for n in nodes):
        daemon = (b"slurmd" in command[0] and node in command) or (b"slurmctld" in command[0] and node == b"controller")
        daemon = daemon or (node == b"controller" and command[0].startswith(b"slurmstepd"))  # with it ends all
        if daemon or b"SLURMD_NODENAME=" + node in environment:
            found.add(int(process.name))
            parent = (process / "stat").read_text().rpartition(")")[2].split()[1]
            if pathlib.Path(f"/proc/{parent}/cmdline").read_bytes().startswith(b"slurmstepd"):
                found.add(int(parent))
for what in (signal.SIGSTOP, signal.SIGKILL):
    for process in found:
        try:
            os.kill(process, what)
        except ProcessLookupError:
            pass  # it has ended
PYTHON
}

case $what in
  start)
    mkdir -p "$dir/state"
    write_config "${3:-1}"
    (setsid slurmctld -D </dev/null >/dev/null 2>&1 &)
    start_node n1
    start_node n2
    for _ in $(seq 300); do
      if [[ $(sinfo --noheader --partition main --states idle --format %D 2>/dev/null) == *2* ]]; then
        exit 0
      fi
      sleep 0.1
    done
    tail -n 20 "$dir"/*.log >&2
    fail "the cluster does not start"
    ;;
  kill)
    end "$3"
    scontrol update NodeName="$3" State=DOWN Reason=lost # as the controller does by itself when it has not heard of it for long
    ;;
  node)
    start_node "$3"
    scontrol update NodeName="$3" State=RESUME
    ;;
  stop)
    scancel --user "$(id -un)" 2>/dev/null || true
    end controller n1 n2
    ;;
  *) fail "unknown: $what" ;;
esac
