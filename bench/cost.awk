# cost.awk - callgrind's files to a table: a row a case, a column a stage of the packet's way
#
# Reads what `nm` says of libioth.a (which file a function is of, where the compiler
# put it in a header), the names of the cases (name, divisor), then a profile of each
# in the same order. What a function costs by itself goes to the stage of its file.

BEGIN {
	FS = "\t"
	n_stages = split("socket buffer tcp-out tcp-in ack/cc timer udp ip look-up eth " \
			 "headers packet plug memory other | copy sum", stage, " ")
	where("socket", "sock sock_opt sock_table sock_group sock_source tcp_sock tcp_io tcp_listen tcp_req tcp_cookie tcp_fo")
	where("buffer", "tcp_rcv tcp_snd tcp_win")
	where("tcp-out", "tcp_out tcp_pace tcp_ecn")
	where("tcp-in", "tcp_in tcp_seg tcp tcp_challenge tcp_tw")
	where("ack/cc", "tcp_ack tcp_sack tcp_rec tcp_rack tcp_rtt tcp_cc tcp_sent cc_cubic cc_reno cubic hystart")
	where("timer", "tcp_timer heap stack")
	where("udp", "udp dgram cmsg errq raw")
	where("ip", "ip ip4 ip6 frag forward")
	where("look-up", "route rule source neigh addr pmtu group rand map netif")
	where("eth", "eth")
	where("headers", "frame cursor")
	where("packet", "pkt")
	where("plug", "offload cost")
	where("memory", "arena mem")
	where("sum", "sum")
}

function where(s, files,   f, n)
{
	n = split(files, f, " ")
	while (n)
		of[f[n--]] = s
}

# callgrind writes a name once and then its number
function name(kind, s,   id)
{
	match(s, /\([0-9]+\)/)
	id = kind substr(s, RSTART, RLENGTH)
	if (length(s) >= RSTART + RLENGTH)
		names[id] = substr(s, RSTART + RLENGTH + 1)
	return names[id]
}

function stage_of(file, fn,   base)
{
	sub(/'.*/, "", fn)
	if (fn ~ /mem(cpy|move|set)|bcopy/)
		return "copy"
	if (fn ~ /alloc|free|pthread_mutex/ && file !~ /src\//)
		return "memory"
	if (fn ~ /siphash/)
		return "look-up"
	if (fn ~ /_(parse|emit)$/)	# these files have namesakes in src/stack
		return "headers"
	if (file ~ /\.h$/ || file !~ /\.c$/) {
		sub(/\..*/, "", fn)
		file = source[fn] ? source[fn] : file
	}
	if (file ~ /src\/proto\//)
		return "headers"
	base = file
	sub(/.*\//, "", base)
	sub(/\.[cho]$/, "", base)
	return base in of ? of[base] : "other"
}

FNR == 1 { part++; split("", names) }

part == 1 {			# nm: "file.o:" and then its functions
	if ($0 ~ /:$/)
		object = substr($0, 1, length($0) - 1)
	else if ($0 ~ / [tT] /)
	{
		fn = substr($0, 20)
		sub(/\..*/, "", fn)
		source[fn] = object
	}
	next
}

part == 2 { case_name[++n_cases] = $1; divide[n_cases] = $2; next }

/^fl=/	{ file = name("fl", substr($0, 4)); next }
/^f[ie]=/	{ name("fl", substr($0, 4)); next }
/^cf[il]=/	{ name("fl", substr($0, 5)); next }
/^fn=/	{ fn = name("fn", substr($0, 4)); to = stage_of(file, fn); next }
/^cfn=/	{ name("fn", substr($0, 5)); next }
/^calls=/	{ skip = 1; next }
/^[0-9+*-]/ {
	if (!skip) {
		split($0, v, " ")
		cost[part - 2, to] += v[2]
		by[part - 2, fn] += v[2]
		fns[fn] = to
	}
	skip = 0
}

function detail(c,   f)
{
	for (f in fns) {
		if (by[c, f] >= 4 * divide[c])
			printf "%-14s %-8s %-36s %6d\n", case_name[c], fns[f], f, by[c, f] / divide[c]
	}
}

# The engine alone is what is left of the bar; it is what the aim speaks of.
END {
	if (show) {
		for (c = 1; c <= n_cases; c++) {
			if (case_name[c] ~ show)
				detail(c)
		}
		exit
	}
	printf "%-14s %7s", "case", "engine"
	for (i = 1; i <= n_stages; i++)
		printf stage[i] == "|" ? " |" : " %7s", stage[i]
	print ""
	for (c = 1; c <= n_cases; c++) {
		line = ""
		engine = 0
		for (i = 1; i <= n_stages; i++) {
			share = cost[c, stage[i]] / divide[c]
			if (stage[i] == "|")
				line = line " |"
			else
				line = line sprintf(" %7d", share)
			if (stage[i] != "copy" && stage[i] != "sum")
				engine += share
		}
		printf "%-14s %7d%s\n", case_name[c], engine, line
	}
}
