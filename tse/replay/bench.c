/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tse-bench: how fast the engine is by itself, on one core and without a network: requests with
 * 16 KiB responses on kept connections, a 16 KiB feed at a time as TLS records come; and the
 * memory of an idle flow after one inspected request.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tse/replay/rules.h"

enum { BODY_BYTES = 16384, ROUNDS = 100000, LONG_ROUNDS = 100000, IDLE_FLOWS = 2000 };

static const char request[] =
        "GET /shop/items/list.php?category=17&sort=price&page=3 HTTP/1.1\r\n"
        "Host: www.example.com\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0\r\n"
        "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
        "Accept-Language: en-US,en;q=0.5\r\n"
        "Accept-Encoding: gzip, deflate, br\r\n"
        "Referer: https://www.example.com/shop/\r\n"
        "Cookie: session=1f2e3d4c5b6a79880f1e2d3c4b5a6978; theme=light\r\n"
        "Connection: keep-alive\r\n\r\n";

struct bench {
	struct tse_engine *engine;
	struct tse_flow *flow;
	struct tse_result result;
	uint8_t request[sizeof(request) - 1];
	uint8_t *response; /* a head and a body */
	size_t response_len, head_len;
};

/* CPU time of this process: what else runs on the machine counts less. */
static uint64_t cpu_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * CLOCK_NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Text of words that look like a page, the same in each run. */
static void fill(uint8_t *to, size_t len)
{
	uint32_t x = 12345;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		to[i] = x >> 28 == 0 ? ' '
		                     : (uint8_t)("etaoinshrdlucmfw<>/=\"0123456789."[x >> 27]);
	}
}

static int make_response(struct bench *b, size_t body_len, size_t declared)
{
	char head[160];
	int n = snprintf(head, sizeof(head),
	                 "HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\n"
	                 "Content-Length: %zu\r\nConnection: keep-alive\r\n\r\n",
	                 declared);

	free(b->response);
	b->head_len = (size_t)n;
	b->response_len = b->head_len + body_len;
	b->response = malloc(b->response_len);
	if (!b->response)
		return SL_ENOMEM;
	memcpy(b->response, head, b->head_len);
	fill(b->response + b->head_len, body_len);
	return 0;
}

static bool feed(struct bench *b, enum tse_direction dir, uint8_t *data, size_t len)
{
	tse_feed(b->flow, dir, data, len, false, &b->result);
	return b->result.verdict == TSE_GO_ON && b->result.release == len;
}

static bool exchange(struct bench *b)
{
	return feed(b, TSE_TO_SERVER, b->request, sizeof(b->request)) &&
	       feed(b, TSE_TO_CLIENT, b->response, b->response_len);
}

static int begin(struct bench *b)
{
	struct tse_tuple tuple = {.client_port = 40000, .server_port = 443};

	return tse_flow_begin(b->engine, &tuple, TSE_SERVICE_HTTP, &b->flow);
}

static void tell(const char *what, uint64_t ns, uint64_t bytes, unsigned rounds)
{
	(void)printf("%-28s %7.2f GiB/s %9.2f us each\n", what,
	             (double)bytes / (double)ns * 1e9 / (1 << 30), (double)ns / 1000 / rounds);
}

/* Requests with responses of `body` bytes, head and body in one feed. */
static int bench_exchanges(struct bench *b, size_t body, const char *what)
{
	uint64_t start;
	int rc = make_response(b, body, body);

	if (rc == 0)
		rc = begin(b);
	if (rc != 0)
		return rc;
	start = cpu_now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		if (!exchange(b))
			return SL_EREFUSED;
	}
	tell(what, cpu_now_ns() - start, (uint64_t)ROUNDS * (sizeof(request) - 1 + b->response_len),
	     ROUNDS);
	tse_flow_end(b->flow);
	return 0;
}

/* One long body, beyond what is matched as a body after its first MiB. */
static int bench_bulk(struct bench *b)
{
	size_t declared = (size_t)LONG_ROUNDS * BODY_BYTES;
	uint64_t start;
	int rc = make_response(b, BODY_BYTES, declared);

	if (rc == 0)
		rc = begin(b);
	if (rc != 0)
		return rc;
	if (!feed(b, TSE_TO_SERVER, b->request, sizeof(b->request)) ||
	    !feed(b, TSE_TO_CLIENT, b->response, b->head_len))
		return SL_EREFUSED;
	start = cpu_now_ns();
	for (int i = 0; i < LONG_ROUNDS; i++) {
		if (!feed(b, TSE_TO_CLIENT, b->response + b->head_len, BODY_BYTES))
			return SL_EREFUSED;
	}
	tell("one long response, by 16 KiB", cpu_now_ns() - start, declared, LONG_ROUNDS);
	tse_flow_end(b->flow);
	return 0;
}

static int bench_idle(struct bench *b)
{
	struct tse_flow *flows[IDLE_FLOWS] = {0};
	size_t before = mallinfo2().uordblks;
	int rc = make_response(b, BODY_BYTES, BODY_BYTES);

	for (int i = 0; rc == 0 && i < IDLE_FLOWS; i++) {
		rc = begin(b);
		if (rc == 0 && !exchange(b))
			rc = SL_EREFUSED;
		flows[i] = b->flow;
	}
	(void)printf("%-28s %7zu bytes\n", "idle flow after one request",
	             (mallinfo2().uordblks - before) / IDLE_FLOWS);
	for (int i = 0; i < IDLE_FLOWS; i++)
		tse_flow_end(flows[i]);
	return rc;
}

int main(int argc, char **argv)
{
	struct rules rules = {0};
	struct bench b = {0};
	struct tse_ruleset *set = NULL;
	struct tse_ruleset_info info;
	const char *file = "";
	int rc;

	if (argc < 2 || argc - 1 > RULES_FILES_MAX) {
		(void)fputs("usage: tse-bench RULES...\n", stderr);
		return 2;
	}
	memcpy(b.request, request, sizeof(b.request));
	rules_set_defaults(&rules);
	for (int i = 1; i < argc; i++)
		rules.files[rules.nfiles++] = argv[i];
	rc = rules_compile(&rules, &file, &set);
	if (rc == 0)
		rc = tse_engine_create(set, NULL, &b.engine);
	if (rc == 0) {
		tse_ruleset_info(set, &info);
		(void)printf("%zu rules, %zu patterns\n", info.rules, info.patterns);
		rc = bench_exchanges(&b, BODY_BYTES, "request and 16 KiB response");
	}
	if (rc == 0)
		rc = bench_exchanges(&b, 0, "request and empty response");
	if (rc == 0)
		rc = bench_bulk(&b);
	if (rc == 0)
		rc = bench_idle(&b);
	if (rc != 0)
		(void)fprintf(stderr, "tse-bench: %s %s\n", file, err_text(rc));
	tse_engine_destroy(b.engine);
	tse_ruleset_destroy(set);
	free(b.response);
	return rc != 0;
}
