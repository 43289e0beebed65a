/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct addr addr_from_v4(uint32_t be32)
{
	struct addr a = {.family = ADDR_V4};

	memcpy(a.bytes, v4_mapped, sizeof(v4_mapped));
	memcpy(a.bytes + 12, &be32, 4);
	return a;
}

uint32_t addr_to_v4(const struct addr *a)
{
	uint32_t be32;

	if (a->family != ADDR_V4)
		return 0;
	memcpy(&be32, a->bytes + 12, 4);
	return be32;
}

bool addr_equal(const struct addr *a, const struct addr *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int addr_parse(const char *text, struct addr *ret_addr)
{
	uint8_t raw[16];
	uint32_t be32;

	if (inet_pton(AF_INET, text, &be32) == 1) {
		*ret_addr = addr_from_v4(be32);
		return 0;
	}
	if (inet_pton(AF_INET6, text, raw) == 1) {
		ret_addr->family = ADDR_V6;
		memcpy(ret_addr->bytes, raw, sizeof(raw));
		return 0;
	}
	return SL_EMALFORMED;
}

static int parse_prefix_len(const char *text, unsigned max, unsigned *ret_len)
{
	char *end;
	unsigned long value;

	if (text[0] < '0' || text[0] > '9')
		return SL_EMALFORMED;
	value = strtoul(text, &end, 10);
	if (*end != '\0')
		return SL_EMALFORMED;
	if (value > max)
		return SL_ERANGE;
	*ret_len = (unsigned)value;
	return 0;
}

static bool has_host_bits(const struct addr_prefix *p)
{
	for (unsigned bit = p->prefix_len; bit < 128; bit++)
		if (p->addr.bytes[bit / 8] & (0x80u >> (bit % 8)))
			return true;
	return false;
}

int addr_parse_prefix(const char *text, struct addr_prefix *ret_prefix)
{
	char host[ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t host_len = slash ? (size_t)(slash - text) : strlen(text);
	struct addr_prefix p;
	unsigned bits;
	unsigned len;
	int rc;

	if (host_len >= sizeof(host))
		return SL_EMALFORMED;
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	rc = addr_parse(host, &p.addr);
	if (rc != 0)
		return rc;
	bits = p.addr.family == ADDR_V4 ? 32 : 128;
	len = bits;
	if (slash) {
		rc = parse_prefix_len(slash + 1, bits, &len);
		if (rc != 0)
			return rc;
	}
	p.prefix_len = (uint8_t)(len + 128 - bits);
	if (has_host_bits(&p))
		return SL_EINVAL;
	*ret_prefix = p;
	return 0;
}

bool addr_prefix_contains(const struct addr_prefix *p, const struct addr *a)
{
	unsigned whole = p->prefix_len / 8;
	unsigned rest = p->prefix_len % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (p->addr.family != a->family || memcmp(p->addr.bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || ((p->addr.bytes[whole] ^ a->bytes[whole]) & mask) == 0;
}

char *addr_format(const struct addr *a, char text[ADDR_TEXT_MAX])
{
	const char *done = NULL;

	if (a->family == ADDR_V4)
		done = inet_ntop(AF_INET, a->bytes + 12, text, ADDR_TEXT_MAX);
	else if (a->family == ADDR_V6)
		done = inet_ntop(AF_INET6, a->bytes, text, ADDR_TEXT_MAX);
	if (!done)
		(void)snprintf(text, ADDR_TEXT_MAX, "-");
	return text;
}

char *addr_format_prefix(const struct addr_prefix *p, char text[ADDR_PREFIX_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];
	unsigned len = p->addr.family == ADDR_V4 ? p->prefix_len - 96u : p->prefix_len;

	(void)snprintf(text, ADDR_PREFIX_TEXT_MAX, "%s/%u", addr_format(&p->addr, host), len);
	return text;
}
