#!/bin/sh
# git - clone, fetch over "dumb" http from python's http.server
. "$(dirname "$0")/lib.sh"
need git python3

export GIT_CONFIG_GLOBAL="$T/gitconfig" GIT_TERMINAL_PROMPT=0
git config --global user.name e2e
git config --global user.email e2e@example.net
git config --global init.defaultBranch main
git init -q "$T/work"

commit()	# N
{
	random_file "$T/work/file$1" 1
	git -C "$T/work" add -A
	git -C "$T/work" commit -q -m "commit $1"
}

for i in 1 2 3 4 5; do
	commit $i
done
mkdir "$T/www"
git clone -q --bare "$T/work" "$T/www/repo.git"
git -C "$T/www/repo.git" update-server-info

start_switch
serve 1 python3 -m http.server 80 --bind :: -d "$T/www"
wait_port 10.0.0.1 80
check clone node 2 git clone -q http://10.0.0.1/repo.git "$T/clone"
same clone_head "$(git -C "$T/clone" rev-parse HEAD)" "$(git -C "$T/work" rev-parse HEAD)"
check clone_whole git -C "$T/clone" fsck --strict
commit 6
git -C "$T/work" push -q "$T/www/repo.git" main
git -C "$T/www/repo.git" update-server-info
check pull node 2 git -C "$T/clone" pull -q
same pull_head "$(git -C "$T/clone" rev-parse HEAD)" "$(git -C "$T/work" rev-parse HEAD)"
check clone_v6 node 2 git clone -q 'http://[fd00::1]/repo.git' "$T/clone6"
finish
