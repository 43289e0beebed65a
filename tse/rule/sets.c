/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses and ports of rule headers. One recursive reader serves both; only the single element
 * differs. A list is the union of what it names less the union of what it negates; a list of
 * negations alone is everything less those.
 */
#include "tse/rule/sets.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "tse/match/builder.h"
#include "tse/rule/ranges.h"

enum { SETS_DEPTH_MAX = 12, ELEMENT_MAX = 128 };

struct reader_ctx {
	const struct sets_ctx *sets;
	struct rule_error *err;
	bool ports;
	unsigned depth;
};

static int read_list(struct reader_ctx *ctx, const char *text, size_t len, struct ranges *ret);

static const char *find_variable(const struct sets_ctx *ctx, const char *name)
{
	for (size_t i = 0; i < ctx->nvariables; i++) {
		if (strcmp(ctx->variables[i].name, name) == 0)
			return ctx->variables[i].value;
	}
	return NULL;
}

static int read_ip(const char *text, uint8_t lo[16], uint8_t hi[16])
{
	char copy[ELEMENT_MAX];
	char *slash;
	struct addr a;
	unsigned bits = 128;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (addr_parse(copy, &a) != 0)
		return SL_EMALFORMED;
	if (slash) {
		char *end;
		unsigned long n = strtoul(slash + 1, &end, 10);

		if (!isdigit((unsigned char)slash[1]) || *end != '\0' ||
		    n > (a.family == ADDR_V4 ? 32 : 128))
			return SL_EMALFORMED;
		bits = (unsigned)n + (a.family == ADDR_V4 ? 96 : 0);
	}
	for (unsigned i = 0; i < 16; i++) {
		unsigned keep = bits >= 8 * (i + 1) ? 8 : bits <= 8 * i ? 0 : bits - 8 * i;
		uint8_t mask = (uint8_t)(0xff00u >> keep);

		lo[i] = a.bytes[i] & mask;
		hi[i] = (uint8_t)(a.bytes[i] | (uint8_t)~mask);
	}
	return 0;
}

static int read_addr(const char *text, uint8_t lo[16], uint8_t hi[16])
{
	const char *dash = strchr(text, '-');
	char first[ELEMENT_MAX];
	uint8_t unused[16];
	int rc;

	if (!dash)
		return read_ip(text, lo, hi);
	(void)snprintf(first, sizeof(first), "%.*s", (int)(dash - text), text);
	rc = read_ip(first, lo, unused);
	if (rc == 0)
		rc = read_ip(dash + 1, unused, hi);
	return rc == 0 && memcmp(lo, hi, 16) > 0 ? SL_EMALFORMED : rc;
}

static int read_port_number(const char *text, unsigned fallback, uint8_t out[16])
{
	char *end;
	unsigned long v = fallback;

	if (*text != '\0') {
		v = strtoul(text, &end, 10);
		if (!isdigit((unsigned char)*text) || *end != '\0' || v > 65535)
			return SL_EMALFORMED;
	}
	memset(out, 0, 16);
	out[14] = (uint8_t)(v >> 8);
	out[15] = (uint8_t)v;
	return 0;
}

static int read_port(const char *text, uint8_t lo[16], uint8_t hi[16])
{
	const char *colon = strchr(text, ':');
	char first[ELEMENT_MAX];
	int rc;

	if (!colon) {
		rc = *text ? read_port_number(text, 0, lo) : SL_EMALFORMED;
		memcpy(hi, lo, 16);
		return rc;
	}
	(void)snprintf(first, sizeof(first), "%.*s", (int)(colon - text), text);
	rc = read_port_number(first, 0, lo);
	if (rc == 0)
		rc = read_port_number(colon + 1, 65535, hi);
	return rc == 0 && memcmp(lo, hi, 16) > 0 ? SL_EMALFORMED : rc;
}

static int add_everything(const struct reader_ctx *ctx, struct ranges *ret)
{
	uint8_t lo[16] = {0};
	uint8_t hi[16] = {0};

	memset(hi, 0xff, sizeof(hi));
	if (ctx->ports)
		memset(hi, 0, 14);
	return ranges_add(ret, lo, hi);
}

static int read_variable(struct reader_ctx *ctx, const char *name, struct ranges *ret)
{
	const char *value = find_variable(ctx->sets, name);

	if (!value)
		return rule_error_set(ctx->err, SL_EMALFORMED,
		                      "define the variable in the rule set's variables",
		                      "unknown variable $%s", name);
	return read_list(ctx, value, strlen(value), ret);
}

static int read_element(struct reader_ctx *ctx, const char *text, size_t len, struct ranges *ret)
{
	char word[ELEMENT_MAX];
	uint8_t lo[16] = {0};
	uint8_t hi[16] = {0};
	int rc;

	if (len >= sizeof(word))
		return rule_error_set(ctx->err, SL_EMALFORMED, "", "an element is too long");
	memcpy(word, text, len);
	word[len] = '\0';
	if (word[0] == '$')
		return read_variable(ctx, word + 1, ret);
	if (strcasecmp(word, "any") == 0)
		return add_everything(ctx, ret);
	rc = ctx->ports ? read_port(word, lo, hi) : read_addr(word, lo, hi);
	if (rc != 0)
		return rule_error_set(ctx->err, SL_EMALFORMED, "",
		                      ctx->ports ? "\"%s\" is not a port or range of ports"
		                                 : "\"%s\" is not an address, prefix or range",
		                      word);
	return ranges_add(ret, lo, hi);
}

/* The end of the element that begins at `at`: the comma or the end, brackets counted. */
static size_t element_end(const char *text, size_t at, size_t len)
{
	int depth = 0;

	for (; at < len; at++) {
		if (text[at] == '[')
			depth++;
		else if (text[at] == ']')
			depth--;
		else if (text[at] == ',' && depth == 0)
			break;
	}
	return at;
}

static void trim(const char **text, size_t *len)
{
	while (*len > 0 && isspace((unsigned char)**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len > 0 && isspace((unsigned char)(*text)[*len - 1]))
		(*len)--;
}

/* One item: negation, brackets, element. */
static int read_item(struct reader_ctx *ctx, const char *text, size_t len, struct ranges *plus,
                     struct ranges *minus)
{
	struct ranges *to = plus;
	struct ranges inner = {0};
	int rc;

	trim(&text, &len);
	while (len > 0 && *text == '!') {
		to = to == plus ? minus : plus;
		text++;
		len--;
		trim(&text, &len);
	}
	if (len == 0)
		return rule_error_set(ctx->err, SL_EMALFORMED, "", "an empty element in a list");
	rc = read_list(ctx, text, len, &inner);
	for (uint32_t i = 0; rc == 0 && i < inner.n; i++)
		rc = ranges_add(to, inner.items[i].lo, inner.items[i].hi);
	ranges_fini(&inner);
	return rc;
}

static int read_items(struct reader_ctx *ctx, const char *text, size_t len, struct ranges *ret)
{
	struct ranges plus = {0};
	struct ranges minus = {0};
	int rc = 0;

	for (size_t at = 0; rc == 0 && at <= len;) {
		size_t end = element_end(text, at, len);

		rc = read_item(ctx, text + at, end - at, &plus, &minus);
		at = end + 1;
	}
	if (rc == 0 && plus.n == 0)
		rc = add_everything(ctx, &plus);
	ranges_normalise(&plus);
	ranges_normalise(&minus);
	if (rc == 0)
		rc = ranges_subtract(&plus, &minus, ret);
	ranges_fini(&plus);
	ranges_fini(&minus);
	return rc;
}

/* A bracketed list, a list without brackets (variables may be), or one element. */
static int read_list(struct reader_ctx *ctx, const char *text, size_t len, struct ranges *ret)
{
	int rc;

	trim(&text, &len);
	if (++ctx->depth > SETS_DEPTH_MAX)
		return rule_error_set(ctx->err, SL_EMALFORMED, "",
		                      "lists or variables are nested deeper than %d",
		                      SETS_DEPTH_MAX);
	if (len > 0 && *text == '[' && element_end(text, 0, len) == len) {
		if (text[len - 1] != ']')
			return rule_error_set(ctx->err, SL_EMALFORMED, "close the bracket",
			                      "a list without its closing bracket");
		rc = read_items(ctx, text + 1, len - 2, ret);
	} else if (len > 0 && (*text == '!' || element_end(text, 0, len) < len)) {
		rc = read_items(ctx, text, len, ret);
	} else {
		rc = read_element(ctx, text, len, ret);
	}
	ctx->depth--;
	return rc;
}

static int parse(const struct sets_ctx *sets, const char *text, bool ports, struct rule_error *err,
                 struct ranges *ret)
{
	struct reader_ctx ctx = {.sets = sets, .err = err, .ports = ports};
	int rc = read_list(&ctx, text, strlen(text), ret);

	if (rc == 0) {
		ranges_normalise(ret);
		if (ret->n == 0)
			rc = rule_error_set(err, SL_EMALFORMED, "name what the list stands for",
			                    "\"%.80s\" matches nothing", text);
	}
	return rc;
}

int sets_parse_addr(const struct sets_ctx *ctx, const char *text, struct rule_error *err,
                    uint32_t *ret_number)
{
	struct ranges ranges = {0};
	int rc;

	if (strcasecmp(text, "any") == 0) {
		*ret_number = 0;
		return 0;
	}
	if (builder_find_addr_set(ctx->builder, text, ret_number))
		return 0;
	rc = parse(ctx, text, false, err, &ranges);
	if (rc == 0)
		rc = builder_add_addr_set(ctx->builder, text, ranges.items, ranges.n, ret_number);
	ranges_fini(&ranges);
	return rc;
}

static int add_ports(struct builder *b, const char *text, const struct ranges *ranges,
                     uint32_t *ret_number)
{
	struct rs_port_range *ports = calloc(ranges->n, sizeof(*ports));
	int rc;

	if (!ports)
		return SL_ENOMEM;
	for (uint32_t i = 0; i < ranges->n; i++) {
		const struct rs_addr_range *r = &ranges->items[i];

		ports[i].lo = (uint16_t)(r->lo[14] << 8 | r->lo[15]);
		ports[i].hi = (uint16_t)(r->hi[14] << 8 | r->hi[15]);
	}
	rc = builder_add_port_set(b, text, ports, ranges->n, ret_number);
	free(ports);
	return rc;
}

int sets_parse_port(const struct sets_ctx *ctx, const char *text, struct rule_error *err,
                    uint32_t *ret_number)
{
	struct ranges ranges = {0};
	int rc;

	if (strcasecmp(text, "any") == 0) {
		*ret_number = 0;
		return 0;
	}
	if (builder_find_port_set(ctx->builder, text, ret_number))
		return 0;
	rc = parse(ctx, text, true, err, &ranges);
	if (rc == 0)
		rc = add_ports(ctx->builder, text, &ranges, ret_number);
	ranges_fini(&ranges);
	return rc;
}
