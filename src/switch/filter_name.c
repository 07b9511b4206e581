/* filter_name.c - names in expressions of pcap-filter(7) that would have to be looked up
 *
 * libpcap takes a word it does not know for the name of a host and asks the
 * resolver, which may take many seconds, in which the switch would stand. So what is
 * neither a word of the language nor a number is refused before libpcap sees it.
 * Words are cut as libpcap's scanner cuts them. Behind port and proto stands what
 * the machine's own files know.
 */
#include "switch/filter_name.h"

#include <ctype.h>

static const char *const words[] = {
	"aarp", "action", "addr1", "addr2", "addr3", "addr4", "address1", "address2", "address3",
	"address4", "ah", "and", "arp", "atalk", "broadcast", "byte", "carp", "clnp", "csnp",
	"decnet", "dir", "direction", "dst", "es-is", "esis", "esp", "ether", "fddi", "gateway",
	"geneve", "greater", "host", "icmp", "icmp6", "icmp6code", "icmp6type", "icmpcode",
	"icmptype", "ifindex", "igmp", "igrp", "iih", "inbound", "ip", "ip6", "ipx", "is-is", "isis",
	"iso", "l1", "l2", "lat", "len", "length", "less", "link", "llc", "lsp", "mask", "mopdl",
	"moprc", "mpls", "multicast", "net", "netbeui", "not", "or", "outbound", "pim", "port",
	"portrange", "ppp", "pppoed", "pppoes", "proto", "protochain", "psnp", "radio", "rarp", "sca",
	"sctp", "slip", "snp", "src", "stp", "subtype", "tcp", "tcpflags", "tr", "type", "udp", "vlan",
	"vrrp", "wlan",
};

static bool is(const char *word, const char *s, size_t len)
{
	return strlen(word) == len && memcmp(word, s, len) == 0;
}

static bool is_word(const char *s, size_t len)
{
	static const char *const begins[] = { "icmp-", "icmp6-", "tcp-" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (is(words[i], s, len))
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
		if (len > strlen(begins[i]) && memcmp(begins[i], s, strlen(begins[i])) == 0)
			return true;
	}
	return false;
}

/* A part of an IPv6 or Ethernet address: colons beside it, hexadecimal digits in it. */
static bool is_between_colons(const char *expr, const char *s, size_t len)
{
	if (s[len] != ':' && (s == expr || s[-1] != ':'))
		return false;
	while (len && isxdigit((unsigned char)s[len - 1]))
		len--;
	return !len;
}

/* 02-00-00-00-00-01; those with colons come in parts. */
static bool is_mac(const char *s, size_t len)
{
	const char *end = s + len;

	for (int part = 0; part < 6; part++) {
		if (part && (s == end || *s++ != '-'))
			return false;
		if (s == end || !isxdigit((unsigned char)*s++))
			return false;
		s += s < end && isxdigit((unsigned char)*s);
	}
	return s == end;
}

/* 17, 0x1f, 10.0.0.1 and 10.0; 1-2, 1. and 1..2 would be names. */
static bool is_number(const char *s, size_t len)
{
	const char *end = s + len;

	if (len > 2 && s[0] == '0' && (s[1] | 32) == 'x') {
		for (s += 2, len -= 2; len && isxdigit((unsigned char)*s); len--)
			s++;
		return !len;
	}
	for (int part = 0; part < 4; part++) {
		if (part && *s++ != '.')
			return false;
		if (s == end || !isdigit((unsigned char)*s))
			return false;
		while (s < end && isdigit((unsigned char)*s))
			s++;
		if (s == end)
			return true;
	}
	return false;
}

static bool takes_name(const char *before, size_t len)
{
	return is("port", before, len) || is("portrange", before, len) || is("proto", before, len) ||
	       is("protochain", before, len);
}

static size_t word_len(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (n && s[n] && strchr("-_.", s[n])))
		n++;
	while (n && (s[n - 1] == '-' || s[n - 1] == '_'))
		n--;
	return n;
}

const char *filter_name_find(const char *expr, size_t *len)
{
	const char *before = "";
	size_t n, before_len = 0;

	for (const char *s = expr; *s; s += n) {
		n = word_len(s);
		if (!n) {
			n = 1;
			continue;
		}
		*len = n;
		if (!is_word(s, n) && !is_number(s, n) && !is_mac(s, n) &&
		    !is_between_colons(expr, s, n) && !takes_name(before, before_len))
			return s;
		before = s;
		before_len = n;
	}
	return NULL;
}
