/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Checksums of headers that are changed or made anew. What is changed goes by differences, TCP's by
 * bpf_l4_csum_replace, which is right whether the checksum is complete or still to be finished by
 * the sender's card. For a header made anew see tcp_csum_make.
 */
#pragma once

#include "bpf/lib/parse.h"

#define IP_CSUM_AT  10
#define TCP_CSUM_AT 16

inline_fn __u32 csum_add32(__u32 a, __u32 b)
{
	__u64 sum = (__u64)a + b;

	return (__u32)sum + (__u32)(sum >> 32);
}

inline_fn __u16 csum_fold16(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* What a sum changes by when two words take the place of two others. */
inline_fn __u32 csum_exchange(const __be32 *from, const __be32 *to)
{
	return csum_add32(csum_add32(~from[0], ~from[1]), csum_add32(to[0], to[1]));
}

inline_fn __u32 csum_exchange16(__be16 from, __be16 to)
{
	return (__u32)(__u16)~from + to;
}

/* The checksum of a header whose words' sum changed by `diff` (RFC 1624). */
inline_fn __u16 csum_mend(__u16 check, __u32 diff)
{
	return ~csum_fold16(csum_add32((__u16)~check, diff));
}

inline_fn __u32 csum_pseudo(__be32 src, __be32 dst, __u32 tcp_len)
{
	__be32 words[3] = {src, dst, bpf_htonl(IPPROTO_TCP << 16 | tcp_len)};

	return (__u32)bpf_csum_diff(0, 0, words, sizeof(words), 0);
}

/*
 * Writes the checksum of a TCP header without payload. Whether the card finishes it
 * (CHECKSUM_PARTIAL) cannot be asked. So the sum of the pseudo header is stored, which is what a
 * partial one has to be; then the difference to the whole sum is given to bpf_l4_csum_replace
 * without BPF_F_PSEUDO_HDR, which applies it only where the checksum is not partial.
 * `header_sum` is the sum of the header with a checksum of 0.
 */
inline_fn int tcp_csum_make(struct __sk_buff *skb, __u32 l4, __u32 pseudo, __u32 header_sum)
{
	__u16 stored = csum_fold16(pseudo);
	__u32 diff = csum_add32(csum_add32(header_sum, stored), stored);

	if (bpf_skb_store_bytes(skb, l4 + TCP_CSUM_AT, &stored, sizeof(stored), 0))
		return -1;
	return bpf_l4_csum_replace(skb, l4 + TCP_CSUM_AT, 0, diff, 0);
}

/* Sets the total length of the IPv4 header at `l3`. */
inline_fn int ip_set_length(struct __sk_buff *skb, __u32 l3, __u32 length)
{
	__be16 old, now = bpf_htons((__u16)length);

	if (bpf_skb_load_bytes(skb, l3 + 2, &old, sizeof(old)) ||
	    bpf_skb_store_bytes(skb, l3 + 2, &now, sizeof(now), 0))
		return -1;
	return bpf_l3_csum_replace(skb, l3 + IP_CSUM_AT, old, now, sizeof(now));
}

/* Cuts the packet behind `tcp_len` bytes of TCP and sets the lengths of the IP headers. */
inline_fn int packet_cut(struct __sk_buff *skb, struct packet *p, __u32 tcp_len)
{
	if (bpf_skb_change_tail(skb, p->l4 + tcp_len, 0) ||
	    ip_set_length(skb, p->l3, p->ip_header + tcp_len))
		return -1;
	if (p->tunnel_len && ip_set_length(skb, ETH_HLEN, p->tunnel_len + p->ip_header + tcp_len))
		return -1;
	p->ip_total = p->ip_header + tcp_len;
	p->payload_len = 0;
	return 0;
}

/*
 * Whether the checksum of a TCP packet without payload is whole, or partial as the sender's stack
 * leaves it to the card. One that cannot be read is wrong.
 */
inline_fn int tcp_csum_right(struct __sk_buff *skb, const struct packet *p)
{
	__u8 header[64] = {};
	__u32 len = p->tcp_header, pseudo = csum_pseudo(p->src, p->dst, len);
	__u16 check;

	if (load_some(skb, p->l4, header, len, TCP_HEADER_MAX))
		return 0;
	check = *(__u16 *)(header + TCP_CSUM_AT);
	if (check == csum_fold16(pseudo))
		return 1;
	return csum_fold16((__u32)bpf_csum_diff(0, 0, (__be32 *)header, sizeof(header), pseudo)) ==
	       0xffff;
}
