#!/bin/sh
# ssh - sshd and ssh of an ordinary user: a login, and 100 MB each way by scp
. "$(dirname "$0")/lib.sh"
need ssh sshd scp ssh-keygen

case $(getent passwd "$(id -u)") in
*/nologin | */false | '')
	skip ssh "$(id -un) may not log in"
	exit 0 ;;
esac
me=$(id -un)

ssh-keygen -q -t ed25519 -N '' -f "$T/host"
ssh-keygen -q -t ed25519 -N '' -f "$T/key"
cp "$T/key.pub" "$T/authorized"
cat >"$T/sshd_config" <<END
ListenAddress 0.0.0.0:2222
ListenAddress [::]:2222
HostKey $T/host
PidFile none
AuthorizedKeysFile $T/authorized
StrictModes no
UsePAM no
PrintMotd no
Subsystem sftp internal-sftp
END
opts="-i $T/key -oUserKnownHostsFile=$T/known -oStrictHostKeyChecking=accept-new
	-oBatchMode=yes -oConnectTimeout=10"
random_file "$T/file" 100

start_switch
serve 1 /usr/sbin/sshd -D -e -f "$T/sshd_config"
wait_log 1 'listening on :: port 2222'

same login_v4 "$(node 2 ssh $opts -p 2222 "$me@10.0.0.1" 'echo I am $(id -un)' 2>"$T/err")" "I am $me"
same login_v6 "$(node 2 ssh $opts -p 2222 "$me@fd00::1" 'echo six' 2>"$T/err")" six
contains client_address "$(node 2 ssh $opts -p 2222 "$me@10.0.0.1" 'echo $SSH_CONNECTION')" \
	"10.0.0.2 "
same exit_status "$(status_of node 2 ssh $opts -p 2222 "$me@10.0.0.1" 'exit 42')" 42
same stdin "$(echo from here | node 2 ssh $opts -p 2222 "$me@10.0.0.1" cat)" "from here"
# sshd without root's rights cannot give a terminal to the group tty; it has to be so.
if on_host || ! grep -q ' devpts .*gid=5' /proc/mounts; then
	skip terminal "terminals are not of the group tty here"
else
	contains terminal "$(node 2 ssh -tt $opts -p 2222 "$me@10.0.0.1" tty </dev/null 2>&1)" \
		/dev/pts/
fi
check scp_up node 2 scp -q $opts -P 2222 "$T/file" "$me@10.0.0.1:$T/up"
same scp_up_bytes "$(sum "$T/up")" "$(sum "$T/file")"
check scp_down node 2 scp -q $opts -P 2222 "$me@10.0.0.1:$T/file" "$T/down"
same scp_down_bytes "$(sum "$T/down")" "$(sum "$T/file")"
same forwarded_port "$(node 2 sh -c "ssh $(echo $opts) -p 2222 -f -L 8022:10.0.0.1:2222 \
	$me@10.0.0.1 sleep 3 && ssh $(echo $opts) -oHostKeyAlias=10.0.0.1 -p 8022 \
	$me@127.0.0.1 echo through" 2>"$T/err")" through
finish
