/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine's tests share: a rig of a rule set, an engine and a flow, and feeding that keeps
 * what was released as a relay would.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/err.h"
#include "tse/include/tse.h"

enum { RIG_BYTES_MAX = 1 << 20, RIG_MATCHES_MAX = 64 };

struct rig_half {
	uint8_t *held; /* fed and not released */
	size_t held_len;
	uint8_t *released;
	size_t released_len;
};

struct rig {
	struct tse_ruleset *set;
	struct tse_engine *engine;
	struct tse_flow *flow;
	struct rig_half half[2];
	enum tse_verdict verdict;
	uint32_t sids[RIG_MATCHES_MAX];
	size_t nsids;
	char anomaly[64];
	bool answerable, answers_head;
	/* diagnoses of the last compile */
	size_t errors, warnings;
	char error[TSE_ERROR_TEXT_MAX];
	char remedy[TSE_ERROR_TEXT_MAX];
	unsigned line, column;
};

static inline void rig_diag(void *arg, const struct tse_diag *d)
{
	struct rig *r = arg;

	if (d->warning) {
		r->warnings++;
		return;
	}
	r->errors++;
	r->line = d->line;
	r->column = d->column;
	(void)snprintf(r->error, sizeof(r->error), "%s", d->text);
	(void)snprintf(r->remedy, sizeof(r->remedy), "%s", d->remedy);
}

static inline void rig_compile(struct rig *r, const char *rules)
{
	static const struct tse_variable variables[] = {
	        {"HOME_NET", "[10.0.0.0/8,192.168.0.0/16]"},
	        {"EXTERNAL_NET", "!$HOME_NET"},
	        {"HTTP_PORTS", "[80,8080:8090]"},
	};
	struct tse_source source = {.name = "test.rules", .text = rules, .len = strlen(rules)};
	struct tse_compile how = {.sources = &source,
	                          .nsources = 1,
	                          .variables = variables,
	                          .nvariables = 3,
	                          .diag = rig_diag,
	                          .diag_arg = r};

	memset(r, 0, sizeof(*r));
	assert_int_equal(tse_ruleset_compile(&how, &r->set), 0);
}

static inline void rig_flow(struct rig *r, enum tse_service service)
{
	struct tse_tuple t = {.client_port = 40000, .server_port = 443};

	assert_int_equal(addr_parse("192.0.2.7", &t.client), 0);
	assert_int_equal(addr_parse("10.1.2.3", &t.server), 0);
	assert_int_equal(tse_flow_begin(r->engine, &t, service, &r->flow), 0);
	r->verdict = TSE_GO_ON;
	r->nsids = 0;
	r->anomaly[0] = '\0';
	for (int d = 0; d < 2; d++) {
		r->half[d].held = realloc(r->half[d].held, RIG_BYTES_MAX);
		r->half[d].released = realloc(r->half[d].released, RIG_BYTES_MAX);
		assert_true(r->half[d].held && r->half[d].released);
		r->half[d].held_len = r->half[d].released_len = 0;
	}
}

static inline void rig_open(struct rig *r, const char *rules, const struct tse_limits *limits)
{
	rig_compile(r, rules);
	assert_int_equal(tse_engine_create(r->set, limits, &r->engine), 0);
	rig_flow(r, TSE_SERVICE_HTTP);
}

static inline void rig_close(struct rig *r)
{
	tse_flow_end(r->flow);
	tse_engine_destroy(r->engine);
	tse_ruleset_destroy(r->set);
	for (int d = 0; d < 2; d++) {
		free(r->half[d].held);
		free(r->half[d].released);
	}
}

/* One feed; the held bytes come in memory of exactly their size, so that a sanitizer sees more. */
static inline void rig_feed(struct rig *r, enum tse_direction dir, const void *data, size_t len,
                            bool eof)
{
	struct rig_half *h = &r->half[dir];
	struct tse_result *res = malloc(sizeof(*res));
	uint8_t *view;

	assert_true(res && h->held_len + len <= RIG_BYTES_MAX);
	if (len > 0)
		memcpy(h->held + h->held_len, data, len);
	h->held_len += len;
	view = malloc(h->held_len + 1);
	assert_non_null(view);
	memcpy(view, h->held, h->held_len);
	view = realloc(view, h->held_len ? h->held_len : 1);
	tse_feed(r->flow, dir, view, h->held_len, eof, res);
	assert_true(res->release <= h->held_len);
	memcpy(h->released + h->released_len, view, res->release);
	h->released_len += res->release;
	memmove(h->held, h->held + res->release, h->held_len - res->release);
	h->held_len -= res->release;
	r->verdict = res->verdict;
	r->answerable = res->answerable;
	r->answers_head = res->answers_head;
	for (size_t i = 0; i < res->nmatches && r->nsids < RIG_MATCHES_MAX; i++)
		r->sids[r->nsids++] = res->matches[i].sid;
	if (res->anomaly)
		(void)snprintf(r->anomaly, sizeof(r->anomaly), "%s", res->anomaly);
	free(view);
	free(res);
}

static inline void rig_text(struct rig *r, enum tse_direction dir, const char *text)
{
	rig_feed(r, dir, text, strlen(text), false);
}

/* In pieces of `step` bytes. */
static inline void rig_split(struct rig *r, enum tse_direction dir, const void *data, size_t len,
                             size_t step)
{
	for (size_t at = 0; at < len && r->verdict == TSE_GO_ON; at += step)
		rig_feed(r, dir, (const uint8_t *)data + at, SL_MIN(step, len - at), false);
}

static inline bool rig_matched(const struct rig *r, uint32_t sid)
{
	for (size_t i = 0; i < r->nsids; i++) {
		if (r->sids[i] == sid)
			return true;
	}
	return false;
}

static inline size_t rig_count(const struct rig *r, uint32_t sid)
{
	size_t n = 0;

	for (size_t i = 0; i < r->nsids; i++)
		n += r->sids[i] == sid;
	return n;
}
