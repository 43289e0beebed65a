/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzzer of the HTTP reader and the streams: any bytes in any pieces. The first byte of the input
 * gives the way of cutting and whether the service is to be found out, 0xff in the bytes turns the
 * direction. Held: release never exceeds the view, a blocked flow releases nothing, a flow that
 * ends gives all its memory back; of the view only released bytes to the client change, into blanks
 * (Alt-Svc).
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tse/include/tse.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tse_engine *engine;

static const char rules[] =
        "drop http any any -> any any (http.uri; content:\"evil\"; pcre:\"/evil[0-9]+/\"; sid:1;)\n"
        "alert http any any -> any any (http.header; content:\"a\"; content:\"b\"; distance:1; "
        "sid:2;)\n"
        "alert http any any -> any any (http.request_body; content:\"x\"; content:!\"y\"; sid:3;)\n"
        "alert http any any -> any any (flow:to_client; file.data; content:\"ab\"; endswith; "
        "sid:4;)\n"
        "alert http any any -> any any (http.method; content:\"POST\"; http.request_body; "
        "bsize:>3; sid:5;)\n"
        "alert tcp any any -> any any (content:\"foo\"; content:\"bar\"; within:20; "
        "pcre:\"/z$/R\"; sid:6;)\n"
        "alert http any any -> any any (http.header_names; content:\"Host\"; http.cookie; "
        "content:\"c\"; sid:7;)\n"
        "alert http any any -> any any (http.host; content:\"h\"; http.host.raw; content:\"h\"; "
        "sid:8;)\n";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct tse_source source = {.name = "fuzz", .text = rules, .len = sizeof(rules) - 1};
	struct tse_compile how = {.sources = &source, .nsources = 1};
	struct tse_limits limits = {.header_max = 2000, .body_decoded_max = 5000};
	struct tse_ruleset *set;

	if (tse_ruleset_compile(&how, &set) != 0 || tse_engine_create(set, &limits, &engine) != 0)
		abort();
	return 0;
}

static void check_changes(enum tse_direction dir, const uint8_t *was, const uint8_t *is, size_t len,
                          const struct tse_result *result)
{
	for (size_t i = 0; i < len; i++)
		if (was[i] != is[i] && (dir == TSE_TO_SERVER || is[i] != ' ' ||
		                        (i >= result->release && result->verdict != TSE_BLOCK)))
			abort();
}

/* Feeds data[from..to) behind what is held; returns how much is held then. */
static size_t feed(struct tse_flow *flow, enum tse_direction dir, uint8_t *held, size_t have,
                   const uint8_t *data, size_t len, int eof)
{
	struct tse_result result;
	uint8_t *view = malloc(have + len + 1), *was = malloc(have + len + 1);

	if (!view || !was)
		abort();
	memcpy(view, held, have);
	memcpy(view + have, data, len);
	memcpy(was, view, have + len);
	tse_feed(flow, dir, view, have + len, eof, &result);
	if (result.release > have + len || (result.verdict == TSE_BLOCK && result.release > 0) ||
	    (result.answerable && result.verdict != TSE_BLOCK))
		abort();
	check_changes(dir, was, view, have + len, &result);
	have = have + len - result.release;
	if (result.verdict == TSE_BLOCK)
		have = 0;
	memcpy(held, view + result.release, have);
	free(view);
	free(was);
	return have;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t held[2][1 << 17];
	size_t have[2] = {0};
	struct tse_tuple tuple = {0};
	struct tse_flow *flow;
	unsigned dir = 0;
	size_t step = size > 0 ? 1 + data[0] : 1;
	enum tse_service service = step > 128 ? TSE_SERVICE_DETECT : TSE_SERVICE_HTTP;

	if (size > 1 << 16 || tse_flow_begin(engine, &tuple, service, &flow) != 0)
		return 0;
	tse_flow_hide_quic(flow);
	for (size_t at = 1; at < size;) {
		size_t n = 0;

		while (n < step && at + n < size && data[at + n] != 0xff)
			n++;
		have[dir] = feed(flow, dir, held[dir], have[dir], data + at, n, 0);
		at += n;
		if (at < size && data[at] == 0xff) {
			dir ^= 1;
			at++;
		}
	}
	for (dir = 0; dir < 2; dir++)
		(void)feed(flow, dir, held[dir], have[dir], data, 0, 1);
	tse_flow_end(flow);
	return 0;
}
