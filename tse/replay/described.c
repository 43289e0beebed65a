/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a connection described as text.
 */
#include "tse/replay/described.h"

#include <ctype.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

enum { LINE_MAX_BYTES = 65536, BYTES_MAX = 4 * 1024 * 1024 };

struct run {
	struct described *d;
	struct feeder feeder;
	bool begun;
	struct tse_tuple tuple;
	enum tse_service service;
	struct buf bytes;
};

static const struct {
	const char *name;
	enum tse_service service;
} services[] = {
        {"http", TSE_SERVICE_HTTP},   {"imap", TSE_SERVICE_IMAP},     {"pop3", TSE_SERVICE_POP3},
        {"other", TSE_SERVICE_OTHER}, {"detect", TSE_SERVICE_DETECT},
};

static int add_repeated(struct run *r, const char **at)
{
	char *end;
	unsigned long n = strtoul(*at, &end, 10);
	int rc = 0;

	if (end == *at || *end != ' ' || end[1] == '\0' || n > BYTES_MAX)
		return SL_EMALFORMED;
	while (rc == 0 && n-- > 0)
		rc = buf_add(&r->bytes, end + 1, 1);
	*at = end + 2;
	return rc;
}

static int add_hex(struct run *r, const char **at)
{
	char digits[3] = {(*at)[0], (*at)[0] ? (*at)[1] : '\0', '\0'};
	char *end;
	uint8_t byte = (uint8_t)strtoul(digits, &end, 16);

	if (!isxdigit((unsigned char)digits[0]) || end != digits + 2)
		return SL_EMALFORMED;
	*at += 2;
	return buf_add(&r->bytes, &byte, 1);
}

static int add_escape(struct run *r, const char **at)
{
	static const char names[] = "rnt\\";
	static const char values[] = "\r\n\t\\";
	char c = **at;
	const char *known = c ? strchr(names, c) : NULL;

	if (c != '\0')
		(*at)++;
	if (known)
		return buf_add(&r->bytes, &values[known - names], 1);
	if (c == 'x')
		return add_hex(r, at);
	return c == '*' ? add_repeated(r, at) : SL_EMALFORMED;
}

static int unescape(struct run *r, const char *text)
{
	int rc = 0;

	buf_consume(&r->bytes, r->bytes.len);
	while (rc == 0 && *text) {
		const char *plain = text;

		while (*text && *text != '\\')
			text++;
		rc = buf_add(&r->bytes, plain, (size_t)(text - plain));
		if (rc == 0 && *text == '\\') {
			text++;
			rc = add_escape(r, &text);
		}
	}
	return rc;
}

static int begin(struct run *r)
{
	int rc;

	if (r->begun)
		return 0;
	rc = feeder_begin(&r->feeder, r->d->engine, &r->tuple, r->service, 1);
	if (rc != 0)
		return rc;
	r->begun = true;
	r->feeder.split = r->d->split;
	r->feeder.sink = r->d->sink;
	r->feeder.sink_arg = r->d->sink_arg;
	return 0;
}

static int take_bytes(struct run *r, enum tse_direction dir, const char *text)
{
	int rc = begin(r);

	if (rc != 0)
		return rc;
	if (strcmp(text, "eof") == 0)
		return feeder_take(&r->feeder, dir, NULL, 0, true);
	rc = unescape(r, text);
	return rc != 0 ? rc : feeder_take(&r->feeder, dir, r->bytes.data, r->bytes.len, false);
}

static int take_end(const char *text, struct addr *ret_addr, uint16_t *ret_port)
{
	char name[64];
	unsigned port;

	if (sscanf(text, "%63s %u", name, &port) != 2 || port > 65535)
		return SL_EMALFORMED;
	*ret_port = (uint16_t)port;
	return addr_parse(name, ret_addr);
}

static int take_service(struct run *r, const char *name)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(services); i++) {
		if (strcmp(services[i].name, name) == 0) {
			r->service = services[i].service;
			return 0;
		}
	}
	return SL_EMALFORMED;
}

static int take_line(struct run *r, const char *line)
{
	if (*line == '\0' || *line == '#')
		return 0;
	if (line[0] == '>' && line[1] == ' ')
		return take_bytes(r, TSE_TO_SERVER, line + 2);
	if (line[0] == '<' && line[1] == ' ')
		return take_bytes(r, TSE_TO_CLIENT, line + 2);
	if (r->begun)
		return SL_EMALFORMED;
	if (strncmp(line, "service ", 8) == 0)
		return take_service(r, line + 8);
	if (strncmp(line, "client ", 7) == 0)
		return take_end(line + 7, &r->tuple.client, &r->tuple.client_port);
	if (strncmp(line, "server ", 7) == 0)
		return take_end(line + 7, &r->tuple.server, &r->tuple.server_port);
	return SL_EMALFORMED;
}

static int run_lines(struct run *r, const char *text, size_t len)
{
	char *line = malloc(LINE_MAX_BYTES);
	int rc = line ? 0 : SL_ENOMEM;

	for (size_t at = 0; rc == 0 && at < len;) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at : len - at;

		r->d->line++;
		if (n >= LINE_MAX_BYTES) {
			rc = SL_ELIMIT;
			break;
		}
		memcpy(line, text + at, n);
		line[n] = '\0';
		rc = take_line(r, line);
		at += n + 1;
	}
	free(line);
	return rc;
}

int described_run(struct described *d, const char *text, size_t len)
{
	struct run r = {.d = d};
	int rc;

	d->line = 0;
	r.tuple = (struct tse_tuple){.client_port = 40000, .server_port = 443};
	r.tuple.client = addr_from_v4(htobe32(0xc0000207)); /* 192.0.2.7 */
	r.tuple.server = addr_from_v4(htobe32(0x0a010203)); /* 10.1.2.3 */
	buf_init(&r.bytes, BYTES_MAX);
	rc = run_lines(&r, text, len);
	if (r.begun) {
		d->verdict = r.feeder.verdict;
		d->released[0] = r.feeder.released[0];
		d->released[1] = r.feeder.released[1];
		feeder_end(&r.feeder);
	}
	buf_fini(&r.bytes);
	return rc;
}
