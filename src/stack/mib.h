/* mib.h - what a stack counts, by the names of Linux's /proc/net/snmp and netstat
 *
 * What is refused is counted by drop() with its reason; here is what goes well, and
 * what TCP meets. A super-frame counts as the segments it is made of. TCPOrigDataSent counts all
 * segments with data; those that went again are taken off when it is told.
 */
#ifndef STACK_MIB_H
#define STACK_MIB_H

#include "base/base.h"

/* Of each family. */
#define IP_COUNTS(X) \
	X(InReceives) X(InDelivers) X(InOctets) X(InMcastPkts) X(InBcastPkts) \
	X(ForwDatagrams) X(OutRequests) X(OutOctets) X(OutMcastPkts) X(OutNoRoutes) \
	X(ReasmReqds) X(ReasmOKs) X(FragOKs) X(FragFails) X(FragCreates) \
	X(UdpInDatagrams) X(UdpOutDatagrams)

/* RFC 4022, and what Linux has beside it (TcpExt). */
#define TCP_COUNTS(X) \
	X(ActiveOpens) X(PassiveOpens) X(AttemptFails) X(EstabResets) X(InSegs) X(OutSegs) \
	X(RetransSegs) X(OutRsts)
#define TCP_MORE_COUNTS(X) \
	X(SyncookiesSent) X(SyncookiesRecv) X(OutOfWindowIcmps) \
	X(TW) X(TWRecycled) X(DelayedACKs) X(TCPHPHits) \
	X(TCPRenoRecovery) X(TCPSackRecovery) X(TCPFullUndo) \
	X(TCPFastRetrans) X(TCPSlowStartRetrans) X(TCPTimeouts) X(TCPLossProbes) \
	X(TCPLossProbeRecovery) X(TCPDSACKOldSent) X(TCPDSACKRecv) \
	X(TCPAbortOnClose) X(TCPAbortOnTimeout) X(TCPSpuriousRTOs) X(TCPChallengeACK) \
	X(TCPOFOQueue) X(TCPSynRetrans) X(TCPOrigDataSent) X(TCPWinProbe) X(TCPKeepAlive) \
	X(TCPMTUPFail) X(TCPMTUPSuccess) X(TCPReqQFullDoCookies) X(TCPFastOpenPassive)

#define X(name) IP_##name,
enum ip_count { IP_COUNTS(X) N_IP_COUNTS };
#undef X
#define X(name) TCP_##name,
enum tcp_count_of { TCP_COUNTS(X) TCP_MORE_COUNTS(X) N_TCP_COUNTS };
#undef X

#define ICMP_KINDS	24	/* types that are told apart; the last: any other */

struct mib {
	uint64_t	ip[2][N_IP_COUNTS];	/* IPv6, IPv4 */
	uint64_t	tcp[N_TCP_COUNTS];
	uint64_t	icmp[2][2][ICMP_KINDS];	/* IPv6, IPv4; in, out */
};

/* IPv4 has types 0 to 18; IPv6 1 to 4, and 128 to 145. */
static inline unsigned icmp_kind(bool v4, uint8_t type)
{
	if (v4)
		return type < 19 ? type : ICMP_KINDS - 1;
	return type < 5 ? type : type >= 128 && type < 146 ? type - 123u : ICMP_KINDS - 1;
}

#endif
